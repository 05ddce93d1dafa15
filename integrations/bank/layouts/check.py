"""What is wrong with a declared layout, said so that its author can mend it."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ingestion import ConfigurationError
from integrations.bank.layouts.dates import pattern
from integrations.bank.layouts.header import header_key, name_columns
from integrations.bank.layouts.patterns import pattern_faults
from integrations.bank.money import UnknownCurrencyError, exponent

if TYPE_CHECKING:
    from integrations.bank.layouts.layout import CsvLayout


def check(layout: CsvLayout) -> None:
    """Raises ConfigurationError for the first fault found."""
    for fault in _faults(layout):
        raise ConfigurationError(f"CSV layout {layout.name!r}: {fault}")


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """` Did you mean 'amount'?`, or '' when nothing is close."""
    spellings = {spelling.casefold(): spelling for spelling in choices}
    close = get_close_matches(word.casefold(), list(spellings), n=1)
    return f" Did you mean {spellings[close[0]]!r}?" if close else ""


_SIMPLE: dict[str, tuple[type, str]] = {
    "str": (str, "a text"),
    "bool": (bool, "true or false"),
    "int": (int, "a whole number"),
}


def type_fault(value: object, type_name: str) -> str:
    """What a value must be that is declared as the type `type_name` and is not of it; '' if it is."""
    if type_name == "tuple[str, ...]":
        good = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        return "" if good else "must be a list of texts"
    kind, name = _SIMPLE.get(type_name, (object, ""))
    return "" if kind is object or type(value) is kind else f"must be {name}"


def _faults(layout: CsvLayout) -> Iterable[str]:
    yield from _type_faults(layout)
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", layout.name):
        yield "`name` must be lower-case words joined by '-', such as 'dkb-giro'."
    if layout.width < 0:
        yield "`width` is the number of columns; it cannot be negative."
    if bool(layout.header) == (layout.width > 0):
        yield "declare `header` (the header row as the file has it), or `width` for a file without one."
    yield from _style_faults(layout)
    yield from _currency_faults(layout)
    yield from _month_faults(layout)
    yield from _status_faults(layout)
    yield from _amount_faults(layout)
    yield from _column_faults(layout)
    yield from pattern_faults(layout)


def _type_faults(layout: CsvLayout) -> Iterable[str]:
    groups: tuple[tuple[Any, str], ...] = ((layout, ""), (layout.columns, "columns."), (layout.preamble, "preamble."))
    for group, prefix in groups:
        if not is_dataclass(group):
            yield f"`{prefix.rstrip('.')}` must be a {prefix.rstrip('.').title()}(…)."
            return
        for spec in fields(group):
            if fault := type_fault(getattr(group, spec.name), str(spec.type)):
                yield f"`{prefix}{spec.name}` {fault}."


def _currency_faults(layout: CsvLayout) -> Iterable[str]:
    for name in ("currency", "currency_if_named"):
        code = getattr(layout, name)
        try:
            if code:
                exponent(code)
        except UnknownCurrencyError:
            yield f"`{name}` {code!r} is no ISO 4217 code, such as EUR."


def _style_faults(layout: CsvLayout) -> Iterable[str]:
    if not layout.delimiter or set(layout.delimiter) & set('"\r\n\0'):
        yield f"`delimiter` {layout.delimiter!r} cannot part columns."
    if layout.decimal not in (".", ","):
        yield "`decimal` must be '.' or ','."
    if layout.thousands not in ("", ".", ",", " ", "'", "_") or layout.thousands == layout.decimal:
        yield "`thousands` must be '', '.', ',', ' ', \"'\" or '_', and not the `decimal` mark."
    if layout.lakhs and not layout.thousands:
        yield "`lakhs` needs the mark between the groups in `thousands`."
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


def _month_faults(layout: CsvLayout) -> Iterable[str]:
    if layout.months and len(layout.months) != 12:
        yield "`months` needs twelve names, January first."
    spellings = [spelling.casefold() for names in layout.months for spelling in names.split()]
    repeated = sorted(spelling for spelling, count in Counter(spellings).items() if count > 1)
    if repeated:
        yield f"`months` has {repeated[0]!r} more than once."
    if not all(names.split() for names in layout.months):
        yield "`months` has an empty name."


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
    yield from _mark_faults(layout)
    if columns.sign and layout.inverse:
        yield "`inverse` and `columns.sign` contradict each other: the flags already say which is which."


def _mark_faults(layout: CsvLayout) -> Iterable[str]:
    columns, marks = layout.columns, (*layout.debit_marks, *layout.credit_marks)
    if bool(layout.debit_marks) != bool(layout.credit_marks):
        yield "`debit_marks` and `credit_marks` come together."
    if marks and (columns.sign or columns.debit):
        yield "`debit_marks` and `credit_marks` are for an amount column without another sign."
    if len({mark.casefold() for mark in marks}) != len(marks):
        yield "a word is more than once in `debit_marks` and `credit_marks`."
    if layout.signed_debits and not columns.debit:
        yield "`signed_debits` needs `columns.debit`."
    if layout.unsigned_fees and not columns.fee:
        yield "`unsigned_fees` needs `columns.fee`."
    if columns.net and not columns.fee:
        yield "`columns.net` needs `columns.fee`: it is the amount with its fee."


def _column_faults(layout: CsvLayout) -> Iterable[str]:
    texts = name_columns(layout.header) if layout.header else tuple(f"#{n}" for n in range(1, layout.width + 1))
    texts = (*texts, *layout.optional)
    known_columns = {header_key(text) for text in texts}
    for spec in fields(layout.columns):
        value = getattr(layout.columns, spec.name)
        for text in (value,) if isinstance(value, str) else value:
            if header_key(text) not in known_columns and (text or spec.name == "booked"):
                yield f"`columns.{spec.name}` names {text!r}, which is no column.{did_you_mean(text, texts)}"


def _status_faults(layout: CsvLayout) -> Iterable[str]:
    values = (*layout.booked, *layout.pending, *layout.void)
    if len(set(values)) != len(values):
        yield "a value is more than once in `booked`, `pending` and `void`."
    if (layout.booked or layout.void) and not layout.columns.status:
        yield "`booked` and `void` need `columns.status`."
