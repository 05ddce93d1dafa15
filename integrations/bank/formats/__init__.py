"""Bank statement files: any supported format in, `Statement` values out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion import FileRefused, FileTooLarge, HostileFile, UnreadableFile
from integrations.bank.formats import camt, csv_file, mt940, ofx, qif
from integrations.bank.formats.archive import members
from integrations.bank.formats.csv_detect import describe_misfit, detect_layout, find_layout
from integrations.bank.formats.csv_records import refuse_long_lines
from integrations.bank.formats.options import DEFAULTS, Options
from integrations.bank.formats.restored import refuse_one_line, restore
from integrations.bank.formats.sniff import Format, sniff
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.statements import MAX_STATEMENTS, Statement

__all__ = ["MAX_BYTES", "ArchiveMember", "read_file", "read_members", "read_parts"]

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _ReadSettings:
    """What is known of files beside their content."""

    layouts: Sequence[CsvLayout] = LAYOUTS
    layout: str = ""
    currency: str = ""
    dates: str = ""
    balances_checked: bool = True
    options: Options = DEFAULTS


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """One file of an archive, or the file itself, whose `name` is ''. Reading `parts` raises a FileRefused class."""

    name: str
    content: bytes
    parts: Iterator[tuple[Statement, ...]]

    def refused(self, refusal: FileRefused) -> FileRefused:
        """The refusal with the member's name before it."""
        return type(refusal)(f"In the ZIP archive, {self.name}: {refusal}") if self.name else refusal


def read_file(data: bytes, *, max_bytes: int = MAX_BYTES, **settings: Any) -> tuple[Statement, ...]:
    """Every statement in an OFX, MT940/942, CAMT.052/053/054, QIF or CSV file, or in a ZIP of such files.

    `settings` are the keyword arguments of `read_members`. Raises a FileRefused class for the file as a whole, and
    ConfigurationError for a layout that does not exist.
    """
    return tuple(statement for part in read_parts(data, max_bytes=max_bytes, **settings) for statement in part)


def read_parts(data: bytes, *, max_bytes: int = MAX_BYTES, **settings: Any) -> Iterator[tuple[Statement, ...]]:
    """The statements as `read_file` gives them, one tuple per file of a ZIP and per export joined into a CSV:
    `identity.key_entries` needs them apart, because such parts may overlap.
    """
    for member in read_members(data, max_bytes=max_bytes, **settings):
        try:
            yield from member.parts
        except FileRefused as refusal:
            raise member.refused(refusal) from refusal


def read_members(
    data: bytes,
    *,
    layouts: Sequence[CsvLayout] = LAYOUTS,
    layout: str = "",
    currency: str = "",
    dates: str = "",
    balances_checked: bool = True,
    options: Options = DEFAULTS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[ArchiveMember]:
    """Each file of a ZIP by itself, so that a refused one does not keep the others out.

    `layout` names the CSV layout instead of detecting it; `currency` is for files that name none; `dates` is the order
    of day, month and year ("dmy", "mdy", "ymd") for files that do not show it; with `balances_checked=False` running
    balances are not checked; `options` holds what else is known of the bank.
    """
    if len(data) > max_bytes:
        raise FileTooLarge(f"The file has {len(data):,} bytes; the limit is {max_bytes:,}.")
    if layout:
        find_layout(layout, layouts)
    settings = _ReadSettings(layouts, layout, currency, dates, balances_checked, options)
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    if sniff(data) is not Format.ZIP:
        yield ArchiveMember("", data, _read(data, settings))
        return
    for name, content in members(data, max_bytes):
        if isinstance(content, FileRefused):
            yield ArchiveMember(name, b"", _parts_or_refusal(b"", settings, content))
        elif _is_archive(content):
            nested = HostileFile("an archive inside an archive is not opened")
            yield ArchiveMember(name, b"", _parts_or_refusal(b"", settings, nested))
        else:
            yield ArchiveMember(name, content, _parts_or_refusal(content, settings))


def _parts_or_refusal(
    content: bytes, settings: _ReadSettings, refusal: FileRefused | None = None
) -> Iterator[tuple[Statement, ...]]:
    """The parts of the file. Raises the refusal, if there is one, when the parts are read."""
    if refusal is not None:
        raise refusal
    yield from _read(content, settings)


def _is_archive(content: bytes) -> bool:
    try:
        return bool(content.strip()) and sniff(content) is Format.ZIP
    except FileRefused:
        return False  # reading it says why


def _read(data: bytes, settings: _ReadSettings) -> Iterator[tuple[Statement, ...]]:
    """One file that is no archive. Raises FileTooLarge at the first statement too many."""
    remaining = MAX_STATEMENTS
    for statements in _read_all(data, settings):
        remaining -= len(statements)
        if remaining < 0:
            raise FileTooLarge(f"The file has more than {MAX_STATEMENTS:,} statements: split it.")
        yield statements


def _read_all(data: bytes, settings: _ReadSettings) -> Iterator[tuple[Statement, ...]]:
    """The statements of the file. Whatever a text of any shape makes the readers raise becomes UnreadableFile."""
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    data = restore(data)
    try:
        form = sniff(data)
        refuse_one_line(data, form)
        if form not in (Format.OFX, Format.CAMT):  # XML of a large account is one line at many banks
            refuse_long_lines(data)
        match form:
            case Format.OFX:
                rows, mark = settings.options.balance_rows, settings.options.mark
                yield ofx.read(data, settings.currency, balance_rows=rows, decimal=mark)
            case Format.CAMT:
                yield camt.read(data, settings.options)
            case Format.MT940:
                yield mt940.read(data, charset=settings.options.charset)
            case Format.QIF:
                rows, mark = settings.options.balance_rows, settings.options.mark
                yield qif.read(data, settings.dates, settings.currency, balance_rows=rows, decimal=mark)
            case Format.CSV:
                yield from _csv_parts(data, settings)
    except (RecursionError, UnicodeError, csv.Error) as fault:
        raise UnreadableFile(f"The file cannot be read ({type(fault).__name__}).") from fault


def _csv_parts(data: bytes, settings: _ReadSettings) -> Iterator[tuple[Statement, ...]]:
    other_layouts: Sequence[CsvLayout] = () if settings.layout else settings.layouts
    layout = (
        find_layout(settings.layout, settings.layouts)
        if settings.layout
        else detect_layout(data, other_layouts, settings.dates)
    )
    if settings.layout and (reason := describe_misfit(data, layout, LAYOUTS)):
        raise UnreadableFile(reason)
    currency = settings.currency or (layout.currency_if_named if settings.layout else "")
    rows = settings.options.balance_rows
    return csv_file.read_parts(
        data, layout, other_layouts, currency=currency, balances_checked=settings.balances_checked, balance_rows=rows
    )
