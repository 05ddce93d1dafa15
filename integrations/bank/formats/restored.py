"""Repairs of what a file lost on its way: the byte order mark of UTF-16, and line breaks."""

from __future__ import annotations

import codecs
import re

from ingestion import UnreadableFile
from integrations.bank.formats.sniff import Format

_SAMPLE = 4096
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)
_SEPARATED = re.compile(rb"@@:[0-9]{2}[A-Z]?:")
_FIELD = {Format.MT940: re.compile(rb":[0-9]{2}[A-Z]?:"), Format.QIF: re.compile(rb"\^|!.*!|.{60}")}
"""What shows in a single line that it holds several."""


def restore(data: bytes) -> bytes:
    """The bytes with a lost UTF-16 mark, or with the line breaks of an MT940 that HBCI transported as `@@`."""
    if mark := _lost_mark(data):
        return mark + data
    if _is_one_line(data) and len(_SEPARATED.findall(data[: 16 * _SAMPLE])) > 1:
        return data.replace(b"@@", b"\r\n")
    return data


def refuse_one_line(data: bytes, form: Format) -> None:
    """Raise UnreadableFile for a format of lines that has none left: its fields run into each other."""
    name = {Format.MT940: "MT940", Format.QIF: "QIF"}.get(form)
    if name and _is_one_line(data) and len(_FIELD[form].findall(data[: 16 * _SAMPLE])) > (form is Format.MT940):
        raise UnreadableFile(
            f"The {name} file is a single line: its line breaks were lost, and without them no field can be told from "
            "the next. Export it again, and do not pass it through a program that changes text."
        )


def _is_one_line(data: bytes) -> bool:
    inside = data.strip()
    return b"\n" not in inside and b"\r" not in inside


def _lost_mark(data: bytes) -> bytes:
    """The mark of UTF-16 whose text is mostly ASCII: every second byte is zero then, and hardly one of the others."""
    if not data or data.startswith(_MARKS) or len(data) % 2:
        return b""
    even, odd = data[:_SAMPLE:2], data[1:_SAMPLE:2]
    most, few = 0.7 * len(odd), 0.05 * len(odd)
    if odd.count(0) >= most and even.count(0) <= few:
        return codecs.BOM_UTF16_LE
    return codecs.BOM_UTF16_BE if even.count(0) >= most and odd.count(0) <= few else b""
