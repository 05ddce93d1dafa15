"""Which of the balances of a CAMT statement are its two ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import currency, day, signed_amount, text
from integrations.bank.statements import Balance


@dataclass(frozen=True, slots=True)
class Ends:
    """Opening and closing booked balance, None where the statement has none, and the closing available balance."""

    opening: Balance | None
    closing: Balance | None
    available: Balance | None
    problems: tuple[str, ...] = field(default=())
    """A balance that is there and cannot be read; without this, damage to it would switch the balance check off."""


def ends(statement: Element, *, pages: bool) -> Ends:
    """OPBD, else PRCD, against CLBD. `pages`: an interim balance may stand in at the seam between two pages.

    Only camt.053 has such pages. In an intraday report ITBD is the balance of a moment, which the entries of the
    report need not lead to, so there it is no end and there is no check.
    """
    interim = _coded(statement, "ITBD") if pages else []
    closed = _coded(statement, "CLBD")
    opened = _coded(statement, "OPBD") or _coded(statement, "PRCD")
    if not opened and (closed or len(interim) > 1):
        opened = interim
    closed = closed or interim
    available = _coded(statement, "CLAV") or _coded(statement, "ITAV")
    used = {"opening": opened[:1], "closing": closed[-1:]}
    return Ends(
        opening=_balance(opened[:1]),
        closing=_balance(closed[-1:]),
        available=_balance(available[-1:]),
        problems=tuple(
            f"the {name} balance is not an amount: {signed_amount(found[0])[1][:40]!r}"
            for name, found in used.items()
            if found and _balance(found) is None
        ),
    )


def _coded(statement: Element, code: str) -> list[Element]:
    """The balances of this code, oldest first, in file order within a day. Version 1 has the code right inside Tp."""
    found = [each for each in statement.iterfind("Bal") if text(each, "Tp/CdOrPrtry/Cd", "Tp/Cd") == code]
    return sorted(found, key=lambda each: _on(each) or date.min)


def _on(balance: Element) -> date | None:
    return day(text(balance, "Dt/Dt", "Dt/DtTm", "Dt"))


def _balance(found: list[Element]) -> Balance | None:
    amount = signed_amount(found[0])[0] if found else None
    return None if amount is None else Balance(amount, currency(found[0]), _on(found[0]))
