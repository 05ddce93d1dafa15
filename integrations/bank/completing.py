"""The course of a statement from before listings were kept, of which other statements delivered entries since.

A statement with balances holds every entry of the days between its first and its last one, and of these two, unless it
was cut within them. What other statements delivered of these is in part kept as sightings, all else is in the ledger:
where both together are as many as its entries and lead from one of its balances to the other, nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingestion import Context
from integrations.bank.arrivals import ledger
from integrations.bank.models import BankStatement

Booked = tuple[date, Decimal]
_MOST = 5000
"""Missing entries that are looked for; of a statement that lacks more, pages may still be to come."""


class Completed(NamedTuple):
    """All entries of a statement by their places, and the days of which other statements delivered some.

    In which order the entries of one of these days stood is not known.
    """

    booked: Sequence[Booked]
    filled: frozenset[date]


def completed(ctx: Context, statement: BankStatement, places: Mapping[int, Booked]) -> Completed | None:
    """`places` are the entries that are known as the statement's; None where the balances do not prove the rest."""
    missing = [place for place in range(statement.entries) if place not in places]
    first, last = statement.first_on, statement.last_on
    if not 0 < len(missing) <= _MOST or first is None or last is None:
        return None
    if statement.opening is None or statement.closing is None:
        return None
    change = statement.closing - sum((amount for _, amount in places.values()), statement.opening)
    others = _others(ctx, statement, first, last)
    for edges in ((), (first,), (last,), (first, last)):
        filling = [each for each in others if first < each[0] < last or each[0] in edges]
        if len(filling) == len(missing) and sum(amount for _, amount in filling) == change:
            return _in_order(places, missing, filling)
    return None


def _in_order(places: Mapping[int, Booked], missing: Sequence[int], filling: list[Booked]) -> Completed | None:
    """From old to new or from new to old, as the known entries stand; None where they stand in neither."""
    for listed in (filling, filling[::-1]):
        whole = dict(places) | dict(zip(missing, listed, strict=True))
        booked = [whole[place] for place in sorted(whole)]
        days = [day for day, _ in booked]
        if days in (sorted(days), sorted(days, reverse=True)):
            return Completed(booked, frozenset(day for day, _ in filling))
    return None


def _others(ctx: Context, statement: BankStatement, first: date, last: date) -> list[Booked]:
    """What other statements hold of its days, not all of it where that is far more than may be missing."""
    rows = ledger(ctx).filter(account_id=statement.account_id, withdrawn="", booked_on__range=(first, last))
    others = rows.exclude(statement_id=statement.pk).exclude(sightings__statement_id=statement.pk)
    return list(others.order_by("booked_on", "pk").values_list("booked_on", "amount")[: 2 * _MOST])
