"""The course of a statement that is stored without its listing, and of which other statements delivered entries since.

A statement with balances holds every entry of the days between its first and its last day, and of these two days too,
unless it was cut within them. What other statements delivered of these days is in part kept as sightings; everything
else is in the ledger. If both together are as many as the statement's entries and lead from one of its balances to the
other, nothing is missing.
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
"""How many missing entries are looked up. If a statement lacks more, pages of it may still be to come."""


class Completed(NamedTuple):
    """All entries of a statement by their places, and the days of which other statements delivered some.

    The order of the entries of one of these days is not known.
    """

    booked: Sequence[Booked]
    filled: frozenset[date]


def complete_statement(ctx: Context, statement: BankStatement, places: Mapping[int, Booked]) -> Completed | None:
    """The whole statement; None if the balances do not prove the entries that were found. `places` are its known
    entries.
    """
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
    """The entries from old to new or from new to old, as the known ones stand; None if they stand in neither order."""
    for ordered_filling in (filling, filling[::-1]):
        all_entries = dict(places) | dict(zip(missing, ordered_filling, strict=True))
        booked = [all_entries[place] for place in sorted(all_entries)]
        days = [day for day, _ in booked]
        if days in (sorted(days), sorted(days, reverse=True)):
            return Completed(booked, frozenset(day for day, _ in filling))
    return None


def _fillings(ctx: Context, statement: BankStatement, ends: tuple[date, date], count: int) -> Iterator[list[Booked]]:
    """What other statements hold of its days, with and without the days at its ends, as far as that is `count` entries.

    Hardly more than `count` rows are read, however many there are.
    """
    rows = ledger(ctx).filter(account_id=statement.account_id, withdrawn="")
    rows_of_others = rows.exclude(statement_id=statement.pk).exclude(sightings__statement_id=statement.pk)

    def read_days(**days: date) -> list[Booked]:
        days_and_amounts = rows_of_others.filter(**days).order_by("booked_on", "pk").values_list("booked_on", "amount")
        return list(days_and_amounts[: count + 1])

    first, last = ends
    between_ends = read_days(booked_on__gt=first, booked_on__lt=last) if first < last else []
    if len(between_ends) > count:
        return
    on_first, on_last = read_days(booked_on=first), read_days(booked_on=last) if first < last else []
    for filling in (between_ends, on_first + between_ends, between_ends + on_last, on_first + between_ends + on_last):
        if len(filling) == count:
            yield filling
