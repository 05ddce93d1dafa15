"""Bank statement files: any supported format in, `Statement` values out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion import FileRefused, FileTooLarge, HostileFile, UnreadableFile
from integrations.bank.formats import camt, csv_file, mt940, ofx, qif
from integrations.bank.formats.archive import members
from integrations.bank.formats.csv_detect import detect_layout, layout_named, misfit
from integrations.bank.formats.csv_records import refuse_long_lines
from integrations.bank.formats.options import DEFAULTS, Options
from integrations.bank.formats.restored import refuse_one_line, restored
from integrations.bank.formats.sniff import Format, sniff
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.statements import MAX_STATEMENTS, Statement

__all__ = ["MAX_BYTES", "Member", "read_file", "read_members", "read_parts"]

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of files beside their content."""

    layouts: Sequence[CsvLayout] = LAYOUTS
    layout: str = ""
    currency: str = ""
    dates: str = ""
    balances_checked: bool = True
    options: Options = DEFAULTS


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, or the file itself, whose `name` is ''. Reading `parts` raises a FileRefused class."""

    name: str
    content: bytes
    parts: Iterator[tuple[Statement, ...]]

    def refused(self, refusal: FileRefused) -> FileRefused:
        """The same refusal, with the member's name."""
        return type(refusal)(f"In the ZIP archive, {self.name}: {refusal}") if self.name else refusal


def read_file(data: bytes, *, max_bytes: int = MAX_BYTES, **told: Any) -> tuple[Statement, ...]:
    """Every statement in an OFX, MT940/942, CAMT.052/053/054, QIF or CSV file, or in a ZIP of such files.

    `told` is what `read_members` takes. Raises a FileRefused class for the file as a whole, and ConfigurationError
    for a layout that does not exist.
    """
    return tuple(statement for part in read_parts(data, max_bytes=max_bytes, **told) for statement in part)


def read_parts(data: bytes, *, max_bytes: int = MAX_BYTES, **told: Any) -> Iterator[tuple[Statement, ...]]:
    """The same, one tuple per file of a ZIP and per export joined into a CSV: what `identity.keyed` needs, since those
    may overlap. `told` is what `read_members` takes.
    """
    for member in read_members(data, max_bytes=max_bytes, **told):
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
) -> Iterator[Member]:
    """Each file of a ZIP by itself, so that one which is refused keeps none of the others out.

    `layout` names the CSV layout instead of detecting it; `currency` is for files that name none; `dates` is the order
    of day, month and year ("dmy", "mdy", "ymd") where the file does not tell; running balances are not judged with
    `balances_checked=False`; `options` is what else is told of the bank.
    """
    if len(data) > max_bytes:
        raise FileTooLarge(f"The file has {len(data):,} bytes; the limit is {max_bytes:,}.")
    if layout:
        layout_named(layout, layouts)
    told = _Told(layouts, layout, currency, dates, balances_checked, options)
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    if sniff(data) is not Format.ZIP:
        yield Member("", data, _read(data, told))
        return
    for name, content in members(data, max_bytes):
        if isinstance(content, FileRefused):
            yield Member(name, b"", _parts(b"", told, content))
        elif _is_archive(content):
            nested = HostileFile("an archive inside an archive is not opened")
            yield Member(name, b"", _parts(b"", told, nested))
        else:
            yield Member(name, content, _parts(content, told))


def _parts(content: bytes, told: _Told, refusal: FileRefused | None = None) -> Iterator[tuple[Statement, ...]]:
    """Raises the refusal that is known before, once the parts are asked for."""
    if refusal is not None:
        raise refusal
    yield from _read(content, told)


def _is_archive(content: bytes) -> bool:
    try:
        return bool(content.strip()) and sniff(content) is Format.ZIP
    except FileRefused:
        return False  # reading it says why


def _read(data: bytes, told: _Told) -> Iterator[tuple[Statement, ...]]:
    """One file that is no archive."""
    left = MAX_STATEMENTS
    for statements in _read_all(data, told):
        left -= len(statements)
        if left < 0:
            raise FileTooLarge(f"The file has more than {MAX_STATEMENTS:,} statements: split it.")
        yield statements


def _read_all(data: bytes, told: _Told) -> Iterator[tuple[Statement, ...]]:
    """What text of any shape can provoke below the readers ends as UnreadableFile."""
    if not data.strip():
        raise UnreadableFile("The file is empty.")
    data = restored(data)
    try:
        form = sniff(data)
        refuse_one_line(data, form)
        if form not in (Format.OFX, Format.CAMT):  # XML of a large account is one line at many banks
            refuse_long_lines(data)
        match form:
            case Format.OFX:
                rows, mark = told.options.balance_rows, told.options.mark
                yield ofx.read(data, told.currency, balance_rows=rows, decimal=mark)
            case Format.CAMT:
                yield camt.read(data, told.options)
            case Format.MT940:
                yield mt940.read(data, charset=told.options.charset)
            case Format.QIF:
                rows, mark = told.options.balance_rows, told.options.mark
                yield qif.read(data, told.dates, told.currency, balance_rows=rows, decimal=mark)
            case Format.CSV:
                yield from _csv_parts(data, told)
    except (RecursionError, UnicodeError, csv.Error) as fault:
        raise UnreadableFile(f"The file cannot be read ({type(fault).__name__}).") from fault


def _csv_parts(data: bytes, told: _Told) -> Iterator[tuple[Statement, ...]]:
    others: Sequence[CsvLayout] = () if told.layout else told.layouts
    layout = layout_named(told.layout, told.layouts) if told.layout else detect_layout(data, others, told.dates)
    if told.layout and (why := misfit(data, layout, LAYOUTS)):
        raise UnreadableFile(why)
    currency = told.currency or (layout.currency_if_named if told.layout else "")
    rows = told.options.balance_rows
    return csv_file.read_parts(
        data, layout, others, currency=currency, balances_checked=told.balances_checked, balance_rows=rows
    )
