"""The signed amount of a CSV row: from one column, from debit and credit, from a flag or a word at the amount."""

from __future__ import annotations

import re
from decimal import Decimal

from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.money import UnknownCurrencyError, exponent, parse_amount, places

_THREE_DIGITS = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}([.,])[0-9]{3}(?![0-9.,])")


def parse_layout_amount(layout: CsvLayout, text: str, currency: str) -> Decimal | None:
    """The amount in the layout's style. More decimals than the currency has mean a misread mark, not a small amount:
    None.
    """
    number, mark = _split_mark(layout, text.strip())
    value = parse_amount(
        number,
        layout.decimal,
        layout.thousands,
        symbols=layout.symbols,
        trailing_minus=layout.trailing_minus,
        parentheses=layout.parentheses,
        lakhs=layout.lakhs,
    )
    if value is None or not _fits_currency(layout, number, value, currency):
        return None
    return _apply_mark(layout, value, mark)


def parse_signed(layout: CsvLayout, text: str, flag: str, currency: str) -> Decimal | None:
    """The amount column, turned round for cards, or with the sign that the flag column gives."""
    value = parse_layout_amount(layout, text, currency)
    if value is None:
        return None
    if layout.columns.sign:
        return _apply_flag(layout, value, flag)
    return _negate(value) if layout.inverse else value


def parse_debit_credit(layout: CsvLayout, debit: str, credit: str, currency: str) -> Decimal | None:
    """The amount of a row with two columns. Exactly one of them is filled, with the sign that the layout declares; zero
    in the other one counts as empty.
    """
    debit_amount, credit_amount = (parse_layout_amount(layout, text or "0", currency) for text in (debit, credit))
    if debit_amount is None or credit_amount is None or (debit_amount and credit_amount) or not (debit or credit):
        return None
    debit_amount = _negate(debit_amount) if layout.signed_debits else debit_amount
    if debit_amount < 0 or credit_amount < 0:
        return None
    value = credit_amount if credit_amount else _negate(debit_amount)
    return _negate(value) if layout.inverse else value


def parse_fee(layout: CsvLayout, text: str, currency: str) -> Decimal | None:
    """The fee, signed like the amount; without a text there is no fee."""
    value = parse_layout_amount(layout, text or "0", currency)
    if value is None or not layout.unsigned_fees:
        return value
    return _negate(value) if value >= 0 else None


def _fits_currency(layout: CsvLayout, number: str, value: Decimal, currency: str) -> bool:
    """Whether the currency has such amounts.

    Three digits behind the only mark are decimals in a currency with three, and a group in one with fewer. If the
    layout says the opposite, the file has another layout, and 12.500 may be 12.5 or 12500.
    """
    try:
        limit = exponent(currency)
    except UnknownCurrencyError:
        return True
    if places(value) > limit:
        return False
    mark = _THREE_DIGITS.search(number)
    return mark is None or (mark[1] == layout.decimal) == (limit >= 3 or layout.three_decimals)


def _split_mark(layout: CsvLayout, text: str) -> tuple[str, str | None]:
    """The amount, and the declared word beside it: '' for an amount without a word, None if no word is declared."""
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


def _apply_mark(layout: CsvLayout, value: Decimal, mark: str | None) -> Decimal | None:
    """The amount with the sign of the word beside it. An amount without a word may have its own sign."""
    if mark is None or (not mark and value < 0):
        return value
    if mark in layout.debit_marks:
        return _negate(value.copy_abs())
    return value if mark in layout.credit_marks and value >= 0 else None


def _apply_flag(layout: CsvLayout, value: Decimal, flag: str) -> Decimal | None:
    """The amount with the sign of the flag. A minus may repeat a debit flag; a minus on a credit is a contradiction,
    and no amount.
    """
    if flag in layout.debit_flags:
        return _negate(value.copy_abs())
    return value if flag in layout.credit_flags and value >= 0 else None


def _negate(value: Decimal) -> Decimal:
    """Not unary minus, which rounds to the context's precision."""
    return value.copy_negate() if value else value
