"""Bank statement files: any supported format in, `Statement` values out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from ingestion import FileRefused, FileTooLarge, HostileFile, UnreadableFile
from integrations.bank.formats import camt, csv_file, mt940, ofx
from integrations.bank.formats.archive import members
from integrations.bank.formats.csv_detect import detect_layout, layout_named
from integrations.bank.formats.csv_records import refuse_long_lines
from integrations.bank.formats.options import DEFAULTS, Options
from integrations.bank.formats.sniff import Format, sniff
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.statements import Statement

__all__ = ["MAX_BYTES", "read_file", "read_parts"]

MAX_BYTES = 64 * 1024 * 1024


def read_file(
    data: bytes,
    *,
    layouts: Sequence[CsvLayout] = LAYOUTS,
    layout: str = "",
    max_bytes: int = MAX_BYTES,
    options: Options = DEFAULTS,
) -> tuple[Statement, ...]:
    """Every statement in an OFX, MT940/942, CAMT.052/053/054 or CSV file, or in a ZIP of such files.

    `layout` names the CSV layout instead of detecting it; `options` is what else is told of the bank. Raises a
    FileRefused class for the file as a whole, and ConfigurationError for a layout that does not exist.
    """
    parts = read_parts(data, layouts=layouts, layout=layout, max_bytes=max_bytes, options=options)
    return tuple(statement for part in parts for statement in part)


def read_parts(
    data: bytes,
    *,
    layouts: Sequence[CsvLayout] = LAYOUTS,
    layout: str = "",
    max_bytes: int = MAX_BYTES,
    options: Options = DEFAULTS,
) -> Iterator[tuple[Statement, ...]]:
    """The same, one tuple per file of a ZIP: what `identity.keyed` needs, since those files may overlap."""
    if len(data) > max_bytes:
        raise FileTooLarge(f"The file has {len(data):,} bytes; the limit is {max_bytes:,}.")
    chosen = (layout_named(layout, layouts),) if layout else layouts
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    if sniff(data) is not Format.ZIP:
        yield _read(data, chosen, bool(layout), options)
        return
    for name, content in members(data, max_bytes):
        try:
            if content.strip() and sniff(content) is Format.ZIP:
                raise HostileFile("an archive inside an archive is not opened")
            yield _read(content, chosen, bool(layout), options)
        except FileRefused as refusal:
            raise type(refusal)(f"In the ZIP archive, {name}: {refusal}") from refusal


def _read(data: bytes, layouts: Sequence[CsvLayout], told: bool, options: Options) -> tuple[Statement, ...]:
    """One file that is no archive. What text of any shape can provoke below the readers ends as UnreadableFile."""
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    refuse_long_lines(data)
    try:
        match sniff(data):
            case Format.OFX:
                return ofx.read(data)
            case Format.CAMT:
                return camt.read(data, options)
            case Format.MT940:
                return mt940.read(data, charset=options.charset)
            case _:
                return csv_file.read(data, layouts[0] if told else detect_layout(data, layouts))
    except (RecursionError, UnicodeError, csv.Error) as fault:
        raise UnreadableFile(f"The file cannot be read ({type(fault).__name__}).") from fault
