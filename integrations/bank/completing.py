"""The course of a statement from before listings were kept, of which other statements delivered entries since.

A statement with balances holds every entry of the days between its first and its last one, and of these two, unless it
was cut within them. What other statements delivered of these is in part kept as sightings, all else is in the ledger:
where both together are as many as its entries and lead from one of its balances to the other, nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    for filling in _fillings(ctx, statement, (first, last), len(missing)):
        if sum(amount for _, amount in filling) == change:
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


def _fillings(ctx: Context, statement: BankStatement, ends: tuple[date, date], count: int) -> Iterator[list[Booked]]:
    """What other statements hold of its days, without and with those at its ends, where that is `count` entries.

    However many these hold, hardly more than that are read.
    """
    rows = ledger(ctx).filter(account_id=statement.account_id, withdrawn="")
    others = rows.exclude(statement_id=statement.pk).exclude(sightings__statement_id=statement.pk)

    def some(**days: date) -> list[Booked]:
        listed = others.filter(**days).order_by("booked_on", "pk").values_list("booked_on", "amount")
        return list(listed[: count + 1])

    first, last = ends
    between = some(booked_on__gt=first, booked_on__lt=last) if first < last else []
    if len(between) > count:
        return
    on_first, on_last = some(booked_on=first), some(booked_on=last) if first < last else []
    for filling in (between, on_first + between, between + on_last, on_first + between + on_last):
        if len(filling) == count:
            yield filling
