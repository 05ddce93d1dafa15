"""The schema's message for an amount that its reader could not read, with what to do about it."""

from __future__ import annotations

import re

from pydantic_core import PydanticCustomError

from integrations.bank import money
from integrations.bank.statements import BALANCE_OR_MONEY

_MISSHAPEN = re.compile(r"[0-9]+ columns? instead of [0-9]+ at line [0-9]+")
_AT_ODDS = re.compile(
    r"status '.*' is none that the layout knows|.* and a fee of .* do not make the net amount of .*"
    r"|the entry says .* in its line T and .* in its line U"
)
"""Texts of the readers of CSV and QIF in place of an amount."""
_BALANCE_ROW = (
    "{text} may state a balance and not money, and the file does not show which. Upload it again (--again) with "
    '--config balance_rows="leave out" where it is a balance, or --config balance_rows=post where it is money.'
)
_CSV_BALANCE_ROW = (
    "{text} may state a balance, or have lost its amount: it is the oldest row, or the only day, and nothing before it "
    'shows a balance. Upload the file again (--again) with --config balance_rows="leave out" where it is a balance; '
    "where it is money, write its amount into the file and upload that."
)
_EITHER_MARK = ("ofx", "qif")
"""Formats in which a point or a comma may mark the decimals."""
_MARK_ADVICE = (
    " The other amounts of the file do not show what marks its decimals. Upload it again (--again) with --config "
    "decimal=point or --config decimal=comma."
)


def amount_fault(text: str, form: str) -> PydanticCustomError:
    """`text` is what stands in place of the amount, `form` the format of its statement."""
    if _MISSHAPEN.fullmatch(text):
        return PydanticCustomError("columns", "the row has {text}", {"text": text})
    if _AT_ODDS.fullmatch(text):
        return PydanticCustomError("at_odds", "{text}", {"text": text})
    if text.endswith(BALANCE_OR_MONEY):
        advice = _CSV_BALANCE_ROW if form.startswith("csv:") else _BALANCE_ROW
        return PydanticCustomError("balance_row", advice, {"text": text.removesuffix(BALANCE_OR_MONEY)})
    readings = {"text": repr(text), "readings": _readings(text, form)}
    return PydanticCustomError("amount", "{text} is not an amount{readings}", readings)


def _readings(text: str, form: str) -> str:
    readings = money.two_readings(text)
    if not readings:
        return ""
    return f": {readings[0]} or {readings[1]}?{_MARK_ADVICE if form in _EITHER_MARK else ''}"
