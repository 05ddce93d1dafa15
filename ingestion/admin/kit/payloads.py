"""Foreign bytes, made safe to look at: text as text, the rest as hexadecimal, nothing invisible, never all of it."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from django.http import HttpResponse

from ingestion.core.text import counted

TEXT_LIMIT = 64 * 1024
HEX_LIMIT = 4 * 1024
_ROW = 16
_SHOWN_AS_IS = frozenset("\n\t")
_JOINERS = "\u200c\u200d"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Preview:
    """`text` is still to be escaped by the template. `shown` of `size` bytes are in it."""

    text: str
    kind: Any
    shown: int
    size: int

    @property
    def length(self) -> str:
        return counted(self.size, "byte")

    @property
    def is_cut(self) -> bool:
        return self.shown < self.size


def preview(data: bytes) -> Preview:
    """The beginning of `data` as JSON laid out, text, or a hex dump."""
    size = len(data)
    try:
        if size <= TEXT_LIMIT and data.lstrip()[:1] in (b"{", b"["):
            laid_out = msgspec.json.format(data, indent=2).decode()  # changes spaces only, never a value
            return Preview(visible(laid_out), "JSON", size, size)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    head = data[:TEXT_LIMIT]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=size <= TEXT_LIMIT)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Preview(_hex(data[:HEX_LIMIT]), "hexadecimal", min(size, HEX_LIMIT), size)
    return Preview(visible(text), "text", len(head), size)


def visible(text: str) -> str:
    """Control characters, direction overrides and other invisible signs as \\u escapes, so that nothing hides.

    A joiner between letters of a script that needs one, or between pictures, is a part of the writing and stays.
    """
    text = text.replace("\r\n", "\n")
    return "".join(
        sign if sign in _JOINERS and _joins(text, place) else _escape_unseen(sign) for place, sign in enumerate(text)
    )


def _joins(text: str, place: int) -> bool:
    """Whether the joiner at `place` stands between signs that change their shape by it; letters below U+0600 do not."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    return all(sign >= "\u0600" and unicodedata.category(sign)[0] in "LMS" for sign in (before, after)) and bool(after)


def is_unseen(sign: str) -> bool:
    return sign not in _SHOWN_AS_IS and unicodedata.category(sign) in _UNSEEN


def _escape_unseen(sign: str) -> str:
    if not is_unseen(sign):
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def _hex(data: bytes) -> str:
    rows = []
    for start in range(0, len(data), _ROW):
        part = data[start : start + _ROW]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        rows.append(f"{start:06x}  {part.hex(' '):<{3 * _ROW}} {signs}")
    return "\n".join(rows)


def attachment(data: bytes, name: str) -> HttpResponse:
    """`data` as a download that no browser opens in the console's origin, whatever it is and whatever it is called."""
    response = HttpResponse(data, content_type="application/octet-stream")
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._- ") else "_" for sign in name) or "file"
    encoded = quote(visible(name).encode("utf-8", "backslashreplace"), safe="")
    response["Content-Disposition"] = f"attachment; filename=\"{safe}\"; filename*=UTF-8''{encoded}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
