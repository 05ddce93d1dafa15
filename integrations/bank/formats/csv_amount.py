"""The signed amount of a CSV row: from one column, from debit and credit, or from a flag."""

from __future__ import annotations

from decimal import Decimal

from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.money import UnknownCurrencyError, exponent, parse_amount, places


def amount_by(layout: CsvLayout, text: str, currency: str) -> Decimal | None:
    """In the layout's style. More decimals than the currency has mean a misread mark, not a small amount: None."""
    value = parse_amount(
        text,
        layout.decimal,
        layout.thousands,
        symbols=layout.symbols,
        trailing_minus=layout.trailing_minus,
        parentheses=layout.parentheses,
    )
    if value is None:
        return None
    try:
        limit = exponent(currency)
    except UnknownCurrencyError:
        return value
    return value if places(value) <= limit else None


def signed(layout: CsvLayout, text: str, flag: str, currency: str) -> Decimal | None:
    """The amount column, turned round for cards, or given the sign that the flag column says."""
    value = amount_by(layout, text, currency)
    if value is None:
        return None
    if layout.columns.sign:
        return _flagged(layout, value, flag)
    return _negated(value) if layout.inverse else value


def from_two(layout: CsvLayout, debit: str, credit: str, currency: str) -> Decimal | None:
    """Exactly one of the two is filled with an unsigned amount; zero in the other one counts as empty."""
    out, into = (amount_by(layout, text or "0", currency) for text in (debit, credit))
    if out is None or into is None or out < 0 or into < 0 or (out and into) or not (debit or credit):
        return None
    value = into if into else _negated(out)
    return _negated(value) if layout.inverse else value


def _flagged(layout: CsvLayout, value: Decimal, flag: str) -> Decimal | None:
    """A minus may repeat what a debit flag says; a minus on a credit is a contradiction nobody can settle here."""
    if flag in layout.debit_flags:
        return _negated(value.copy_abs())
    return value if flag in layout.credit_flags and value >= 0 else None


def _negated(value: Decimal) -> Decimal:
    """Not unary minus, which rounds to the context's precision."""
    return value.copy_negate() if value else value
