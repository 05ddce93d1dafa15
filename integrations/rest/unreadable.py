"""Explains why a response is not JSON: recognises what it is instead, and says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import msgspec

from ingestion import SourceChanged, Transient

_JSONP = re.compile(rb"(/\*\*/)?\s*[\w$.]{1,100}\s*\(\s*[\[{]")
_SCRIPT_GUARDS = (b")]}'", b"while(1)", b"while (1)", b"for(;;)", b"for (;;)", b"{}&&", b"throw 1")
"""Prefixes that keep browsers from running JSON as a script."""
_MAGIC_BYTES = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a ZIP file", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_MAX_REREAD = 2 * 1024 * 1024
"""Bytes of the largest page that is decoded only to explain what is wrong with it."""
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def explain_unreadable(body: bytes, error: Exception) -> SourceChanged | Transient:
    """The error of a page that is not JSON."""
    start = body.lstrip()[:200]
    if not start:
        return SourceChanged("The source answered with an empty body instead of JSON.")
    if start[:1] == b"<":
        return SourceChanged("The source answered with a web page or XML instead of JSON. Is the address right?")
    for recognises, explanation in _RECOGNISERS:
        if recognises(body, start):
            return SourceChanged(f"The source's answer is not JSON: {explanation}")
    if "truncated" in str(error) or _is_cut_off(body):
        return Transient("The source's JSON ends in the middle; it is asked again.")
    if isinstance(error, RecursionError):
        return SourceChanged("The source's JSON is nested too deeply to be read.")
    return SourceChanged(f"The source's answer is not JSON: {error}.")


def _is_compressed(body: bytes, start: bytes) -> bool:
    return any(body.startswith(sign) for sign in _MAGIC_BYTES)


def _is_wide_unicode(body: bytes, start: bytes) -> bool:
    return body.startswith(_WIDE_MARKS) or b"\0" in body[:4]


def _is_guarded(body: bytes, start: bytes) -> bool:
    return start.startswith(_SCRIPT_GUARDS)


def _is_script(body: bytes, start: bytes) -> bool:
    return _JSONP.match(start) is not None


def _is_lines(body: bytes, start: bytes) -> bool:
    """Whether the first line is a whole JSON value, and another one follows."""
    first, _, more = body.strip().partition(b"\n")
    return start[:1] in (b"{", b"[") and more.lstrip()[:1] in (b"{", b"[") and _is_json(first)


def _is_rows(body: bytes, start: bytes) -> bool:
    """Whether the text begins unlike any JSON value: plain text, or CSV."""
    return start[:1] not in b'{["-0123456789' and start[:4] not in (b"true", b"null") and start[:5] != b"false"


def _has_control_characters(body: bytes, start: bytes) -> bool:
    """Whether the body is JSON but for a control character within a text."""
    if len(body) > _MAX_REREAD:
        return False
    try:
        json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return False
    return not _is_json(body)


_LINES = (
    "it has a JSON value a line (JSON Lines, NDJSON), and a page is read as one value. Ask the source for a list, or "
    "write a pipeline of your own with JsonLines."
)
_RECOGNISERS: list[tuple[Callable[[bytes, bytes], bool], str]] = [
    (_is_compressed, "it is packed and its header Content-Encoding does not say so. Ask the source for plain JSON."),
    (_is_wide_unicode, 'it is in UTF-16 or UTF-32. Declare that: "charset": "utf-16".'),
    (_is_guarded, "it begins with what keeps browsers from reading it. Ask the source for plain JSON."),
    (_is_script, "it is a script around JSON (JSONP). Leave the parameter out that names a callback."),
    (
        _is_lines,
        _LINES,
    ),
    (
        _has_control_characters,
        "a text in it holds a line break or another control character. Have the source mend that.",
    ),
    (_is_rows, "it begins with other text. Is the address right, and does it want a parameter or a header Accept?"),
]
"""Tried in this order."""


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_cut_off(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return "truncated" in str(error)
    return False
