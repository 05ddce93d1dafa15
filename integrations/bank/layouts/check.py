"""What is wrong with a declared layout, said so that its author can mend it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ingestion import ConfigurationError
from integrations.bank.layouts.dates import pattern
from integrations.bank.layouts.header import header_key, named

if TYPE_CHECKING:
    from integrations.bank.layouts.layout import CsvLayout

MAX_PATTERN_CHARS = 300


def check(layout: CsvLayout) -> None:
    """Raises ConfigurationError for the first fault found."""
    for fault in _faults(layout):
        raise ConfigurationError(f"CSV layout {layout.name!r}: {fault}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'amount'?`, or '' when nothing is close."""
    close = get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _faults(layout: CsvLayout) -> Iterable[str]:
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", layout.name):
        yield "`name` must be lower-case words joined by '-', such as 'dkb-giro'."
    if bool(layout.header) == (layout.width > 0):
        yield "declare `header` (the header row as the file has it), or `width` for a file without one."
    yield from _style_faults(layout)
    yield from _amount_faults(layout)
    yield from _column_faults(layout)
    yield from _pattern_faults(layout)


def _style_faults(layout: CsvLayout) -> Iterable[str]:
    if not layout.delimiter or set(layout.delimiter) & set('"\r\n\0'):
        yield f"`delimiter` {layout.delimiter!r} cannot part columns."
    if layout.decimal not in (".", ","):
        yield "`decimal` must be '.' or ','."
    if layout.thousands not in ("", ".", ",", " ", "'", "_") or layout.thousands == layout.decimal:
        yield "`thousands` must be '', '.', ',', ' ', \"'\" or '_', and not the `decimal` mark."
    for encoding in layout.encodings:
        try:
            codecs.getincrementaldecoder(encoding)
            "a".encode(encoding)
        except (LookupError, ValueError):
            yield f"`encodings` has {encoding!r}, which Python does not know as a text encoding."
    if not layout.encodings or not layout.date_formats:
        yield "`encodings` and `date_formats` need at least one value each."
    for form in layout.date_formats:
        try:
            pattern(form)
        except (ValueError, re.error) as fault:
            yield f"`date_formats` has {form!r}: {fault}."


def _amount_faults(layout: CsvLayout) -> Iterable[str]:
    columns = layout.columns
    if bool(columns.amount) == bool(columns.debit or columns.credit):
        yield "declare `columns.amount`, or `columns.debit` and `columns.credit`."
    if bool(columns.debit) != bool(columns.credit):
        yield "`columns.debit` and `columns.credit` come together."
    flags = (layout.debit_flags, layout.credit_flags)
    if not (all(flags) if columns.sign else not any(flags)):
        yield "`columns.sign` comes together with `debit_flags` and `credit_flags`."
    if set(layout.debit_flags) & set(layout.credit_flags):
        yield "a value is in both `debit_flags` and `credit_flags`."
    if columns.sign and layout.inverse:
        yield "`inverse` and `columns.sign` contradict each other: the flags already say which is which."


def _column_faults(layout: CsvLayout) -> Iterable[str]:
    texts = named(layout.header) if layout.header else tuple(f"#{n}" for n in range(1, layout.width + 1))
    known = {header_key(text) for text in texts}
    for spec in fields(layout.columns):
        value = getattr(layout.columns, spec.name)
        for text in (value,) if isinstance(value, str) else value:
            if header_key(text) not in known and (text or spec.name == "booked"):
                yield f"`columns.{spec.name}` names {text!r}, which is no column.{did_you_mean(text, texts)}"


def _pattern_faults(layout: CsvLayout) -> Iterable[str]:
    patterns = [(f"footers[{n}]", text, 0) for n, text in enumerate(layout.footers)]
    for spec in fields(layout.preamble):
        text = getattr(layout.preamble, spec.name)
        if isinstance(text, str) and text:
            patterns.append((f"preamble.{spec.name}", text, 1))
    for key, text, groups in patterns:
        try:
            found = re.compile(text).groups if 0 < len(text) <= MAX_PATTERN_CHARS else -1
        except re.error as fault:
            yield f"`{key}` is not a regular expression: {fault}."
            continue
        if found < 0 or (groups and found != groups):
            yield f"`{key}` must have 1 to {MAX_PATTERN_CHARS} characters" + (
                " and exactly one group." if groups else "."
            )
