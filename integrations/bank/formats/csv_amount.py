"""The signed amount of a CSV row: from one column, from debit and credit, from a flag or a word at the amount."""

from __future__ import annotations

import re
from decimal import Decimal

from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.money import UnknownCurrencyError, exponent, parse_amount, places

_THREE_DIGITS = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}([.,])[0-9]{3}(?![0-9.,])")


def amount_by(layout: CsvLayout, text: str, currency: str) -> Decimal | None:
    """In the layout's style. More decimals than the currency has mean a misread mark, not a small amount: None."""
    number, mark = _parted(layout, text.strip())
    value = parse_amount(
        number,
        layout.decimal,
        layout.thousands,
        symbols=layout.symbols,
        trailing_minus=layout.trailing_minus,
        parentheses=layout.parentheses,
        lakhs=layout.lakhs,
    )
    if value is None or not _suits(layout, number, value, currency):
        return None
    return _marked(layout, value, mark)


def signed(layout: CsvLayout, text: str, flag: str, currency: str) -> Decimal | None:
    """The amount column, turned round for cards, or given the sign that the flag column says."""
    value = amount_by(layout, text, currency)
    if value is None:
        return None
    if layout.columns.sign:
        return _flagged(layout, value, flag)
    return _negated(value) if layout.inverse else value


def from_two(layout: CsvLayout, debit: str, credit: str, currency: str) -> Decimal | None:
    """Exactly one of the two is filled, with the sign that the layout says; zero in the other one counts as empty."""
    out, into = (amount_by(layout, text or "0", currency) for text in (debit, credit))
    if out is None or into is None or (out and into) or not (debit or credit):
        return None
    out = _negated(out) if layout.signed_debits else out
    if out < 0 or into < 0:
        return None
    value = into if into else _negated(out)
    return _negated(value) if layout.inverse else value


def fee_of(layout: CsvLayout, text: str, currency: str) -> Decimal | None:
    """Signed like the amount; no text is no fee."""
    value = amount_by(layout, text or "0", currency)
    if value is None or not layout.unsigned_fees:
        return value
    return _negated(value) if value >= 0 else None


def _suits(layout: CsvLayout, number: str, value: Decimal, currency: str) -> bool:
    """Whether the currency has such amounts.

    Three digits behind the only mark are decimals in a currency with three, and a group in one with fewer. Where the
    layout says the other, it is another file's layout, and 12.500 may be 12.5 or 12500.
    """
    try:
        limit = exponent(currency)
    except UnknownCurrencyError:
        return True
    if places(value) > limit:
        return False
    mark = _THREE_DIGITS.search(number)
    return mark is None or (mark[1] == layout.decimal) == (limit >= 3 or layout.three_decimals)


def _parted(layout: CsvLayout, text: str) -> tuple[str, str | None]:
    """The amount, and the declared word at it: '' for an amount without one, None where none is declared."""
    words = (*layout.debit_marks, *layout.credit_marks)
    if not words:
        return text, None
    folded = text.casefold()
    for word in sorted(filter(None, words), key=len, reverse=True):
        if folded.endswith(word.casefold()):
            return text[: len(text) - len(word)].rstrip(), word
        if folded.startswith(word.casefold()):
            return text[len(word) :].lstrip(), word
    return text, ""


def _marked(layout: CsvLayout, value: Decimal, mark: str | None) -> Decimal | None:
    """As with flags; but an amount without a word may have a sign of its own."""
    if mark is None or (not mark and value < 0):
        return value
    if mark in layout.debit_marks:
        return _negated(value.copy_abs())
    return value if mark in layout.credit_marks and value >= 0 else None


def _flagged(layout: CsvLayout, value: Decimal, flag: str) -> Decimal | None:
    """A minus may repeat what a debit flag says; a minus on a credit is a contradiction nobody can settle here."""
    if flag in layout.debit_flags:
        return _negated(value.copy_abs())
    return value if flag in layout.credit_flags and value >= 0 else None


def _negated(value: Decimal) -> Decimal:
    """Not unary minus, which rounds to the context's precision."""
    return value.copy_negate() if value else value
