"""Bytes of a bank file to text, when the file may lie about its own encoding."""

from __future__ import annotations

import codecs
import re

from ingestion import UnreadableFile, counted

_WINDOWS = re.compile(r"(?:windows-?|cp-?)?(125[0-8]|437|850|852|866|932|936|949|950)")
_ISO = re.compile(r"(?:iso-?)?8859-?(\d{1,2})")
_NAMED = frozenset({"ascii", "big5", "euc-jp", "euc-kr", "gb18030", "gb2312", "gbk", "latin1", "shift-jis", "us-ascii"})


def decode(data: bytes, declared: str = "", *, last_resorts: tuple[str, ...] = ()) -> str:
    """The text by its byte order mark; without one as UTF-8 if the bytes allow it, then as declared, then by the last
    resorts.

    UTF-8 comes before the declaration because text in another encoding almost never is valid UTF-8, while files that
    declare USASCII or 1252 and hold UTF-8 are common. Raises UnreadableFile when nothing fits.
    """
    wide = _wide_encoding(data)
    encodings = (wide,) if wide else ("utf-8-sig", _codec(declared), *last_resorts)
    for encoding in filter(None, encodings):
        try:
            return data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    raise UnreadableFile(f"the text is neither UTF-8 nor {declared[:40] or 'in a declared encoding'}")


def decode_or_windows(data: bytes, declared: str = "") -> tuple[str, str]:
    """The text, and a note if it is not in the declared encoding: bytes that are not UTF-8 are then read as
    Windows-1252.

    Files joined from several may hold both. Raises UnreadableFile, naming both, if neither fits.
    """
    try:
        return decode(data, declared), ""
    except UnreadableFile:
        claim = f"declares {declared[:40]} and" if declared else "declares no encoding and"
    try:
        text = data.decode("utf-8", errors=_BY_BYTE)
        windows_text = data.decode("cp1252")
    except UnicodeError as error:
        raise UnreadableFile(f"the text {claim} is neither that, nor UTF-8, nor Windows-1252") from error
    in_utf_8 = sum(1 for character in data.decode("utf-8", errors="ignore") if character > "\x7f")
    windows_count = sum(1 for character in text if character > "\x7f") - in_utf_8
    if windows_count < in_utf_8:
        description = counted(windows_count, "byte, which was", "bytes, which were")
        return text, f"The file {claim} is UTF-8 but for {description} read as Windows-1252."
    return windows_text, f"The file {claim} is no valid UTF-8: it was read as Windows-1252."


def _windows_bytes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252"), error.end


_BY_BYTE = "sluicegate-windows-1252"
codecs.register_error(_BY_BYTE, _windows_bytes)


def _wide_encoding(data: bytes) -> str:
    """UTF-16 by its mark, or by the zero bytes around an opening '<' (XML 1.0, appendix F)."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data.startswith(b"<\0"):
        return "utf-16-le"
    return "utf-16-be" if data.startswith(b"\0<") else ""


def is_known(name: str) -> bool:
    return bool(_codec(name))


def decode_as(data: bytes, name: str) -> str:
    """The text in a configured encoding. Raises UnreadableFile if the bytes are not in it."""
    try:
        return data.decode(_codec(name))
    except UnicodeError as error:
        raise UnreadableFile(f"the text is not in the charset {name}: {str(error)[:100]}") from error


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
