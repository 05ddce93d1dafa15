"""Which balances of a CAMT statement are its opening and its closing one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from xml.etree.ElementTree import Element

from integrations.bank.formats.camt_values import currency, day, signed_amount, text
from integrations.bank.statements import Balance


@dataclass(frozen=True, slots=True)
class CamtBalances:
    """Opening and closing booked balance, None if the statement has none, and the closing available balance."""

    opening: Balance | None
    closing: Balance | None
    available: Balance | None
    problems: tuple[str, ...] = field(default=())
    """A balance that is there and cannot be read; without a problem, damage to it would switch the balance check
    off.
    """


def find_balances(statement: Element, *, pages: bool) -> CamtBalances:
    """OPBD, else PRCD, as the opening balance and CLBD as the closing one. With `pages` an interim balance may stand
    for either at the seam between two pages.

    Only camt.053 has such pages. In an intraday report ITBD is the balance of a moment, which the entries of the report
    need not lead to, so there it is neither, and there is no check.
    """
    interim = _balances_of_code(statement, "ITBD") if pages else []
    closing = _balances_of_code(statement, "CLBD")
    opening = _balances_of_code(statement, "OPBD") or _balances_of_code(statement, "PRCD")
    if not opening and (closing or len(interim) > 1):
        opening = interim
    closing = closing or interim
    available = _balances_of_code(statement, "CLAV") or _balances_of_code(statement, "ITAV")
    chosen = {"opening": opening[:1], "closing": closing[-1:]}
    return CamtBalances(
        opening=_balance(opening[:1]),
        closing=_balance(closing[-1:]),
        available=_balance(available[-1:]),
        problems=tuple(
            f"the {name} balance is not an amount: {signed_amount(elements[0])[1][:40]!r}"
            for name, elements in chosen.items()
            if elements and _balance(elements) is None
        ),
    )


def _balances_of_code(statement: Element, code: str) -> list[Element]:
    """The balances of this code, oldest first, in file order within a day. Version 1 has the code right inside Tp."""
    elements = [element for element in statement.iterfind("Bal") if text(element, "Tp/CdOrPrtry/Cd", "Tp/Cd") == code]
    return sorted(elements, key=lambda element: _day_of(element) or date.min)


def _day_of(balance: Element) -> date | None:
    return day(text(balance, "Dt/Dt", "Dt/DtTm", "Dt"))


def _balance(elements: list[Element]) -> Balance | None:
    amount = signed_amount(elements[0])[0] if elements else None
    return None if amount is None else Balance(amount, currency(elements[0]), _day_of(elements[0]))
