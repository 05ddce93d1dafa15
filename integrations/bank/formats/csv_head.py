"""What the rows above a CSV's table say of the account, its period and its balances."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from integrations.bank.account_numbers import spelled
from integrations.bank.formats.csv_amount import parse_layout_amount
from integrations.bank.formats.csv_records import CsvRecord
from integrations.bank.layouts.dates import parse_date
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Balance


def read_identifier(text: str) -> str:
    """The account without the stray quote that an unbalanced cell leaves: it would make a second account."""
    return spelled(text.replace('"', ""))


class CsvHead:
    """What the preamble says, found by the layout's patterns; `currency` is used if neither it nor the layout names
    one.
    """

    def __init__(self, layout: CsvLayout, preamble: Sequence[CsvRecord], currency: str = "") -> None:
        self._layout = layout
        self._text = "\n".join(record.joined for record in preamble)
        self.account = read_identifier(self.text("account"))
        self.currency = self.text("currency") or layout.currency or currency

    def text(self, key: str) -> str:
        pattern = getattr(self._layout.preamble, key)
        match = re.search(pattern, self._text, re.MULTILINE) if pattern else None
        return (match[1] or "").strip() if match else ""

    def day(self, key: str) -> date | None:
        return parse_date(self.text(key), self._layout.date_formats, self._layout.months)

    def balance(self, key: str) -> Balance | None:
        amount = self._amount(self.text(key))
        return Balance(amount, self.currency, self.day(f"{key}_on")) if amount is not None else None

    def problems(self) -> tuple[str, ...]:
        texts = ((key, self.text(key)) for key in ("opening", "closing"))
        return tuple(
            f"{key} balance {text!r} is not an amount: mend it in the file, or take the line out"
            for key, text in texts
            if text and not self.balance(key)
        )

    def _amount(self, text: str) -> Decimal | None:
        styles: Sequence[CsvLayout] = (self._layout,)
        if self._layout.preamble.either_mark:
            opposite = {",": ".", ".": ","}
            mark = opposite[self._layout.decimal]
            styles = (self._layout, replace(self._layout, decimal=mark, thousands=self._layout.decimal))
        amounts = (parse_layout_amount(style, text, self.currency) for style in styles)
        return next((amount for amount in amounts if amount is not None), None)
