"""Bytes of a bank file to text, when the file may lie about its own encoding."""

from __future__ import annotations

import codecs
import re

from ingestion import UnreadableFile

_WINDOWS = re.compile(r"(?:windows-?|cp-?)?(125[0-8]|437|850|852|866|932|936|949|950)")
_ISO = re.compile(r"(?:iso-?)?8859-?(\d{1,2})")
_NAMED = frozenset({"ascii", "big5", "euc-jp", "euc-kr", "gb18030", "gb2312", "gbk", "latin1", "shift-jis", "us-ascii"})


def decode(data: bytes, declared: str = "", *, last_resorts: tuple[str, ...] = ()) -> str:
    """A byte order mark decides; else UTF-8 where the bytes allow it, then what is declared, then the last resorts.

    UTF-8 comes before the declaration because text in another encoding almost never is valid UTF-8, while files that
    declare USASCII or 1252 and hold UTF-8 are common. Raises UnreadableFile when nothing fits.
    """
    wide = _wide_encoding(data)
    tries = (wide,) if wide else ("utf-8-sig", _codec(declared), *last_resorts)
    for encoding in filter(None, tries):
        try:
            return data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    raise UnreadableFile(f"the text is neither UTF-8 nor {declared[:40] or 'in a declared encoding'}")


def _wide_encoding(data: bytes) -> str:
    """UTF-16 by its mark, or by the zero bytes around an opening '<' (XML 1.0, appendix F)."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(b"<\0"):
        return "utf-16-le"
    return "utf-16-be" if data.startswith(b"\0<") else ""


def _codec(declared: str) -> str:
    """The Python codec of a declared name, '' for an unknown one.

    A closed list, because Python's own look-up also knows codecs that are no character set (idna, punycode, rot13).
    """
    name = declared.strip().lower().replace("_", "-")
    if windows := _WINDOWS.fullmatch(name):
        return f"cp{windows[1]}"
    if iso := _ISO.fullmatch(name):
        return f"iso8859-{iso[1]}"
    return name if name in _NAMED else ""
