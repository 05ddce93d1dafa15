"""What is kept of a statement without balances: its first and last day as it shows them, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from integrations.bank import day_ends
from integrations.bank.identity import Ids
from integrations.bank.listings import compress
from integrations.bank.statements import Account, Balance, Entry, EntryStatus, Statement

FIRST, MIDDLE, LAST = (date(2026, 6, day) for day in (1, 2, 3))
AMOUNTS = {"-5": Decimal(-5), "-7": Decimal(-7), "-1": Decimal(-1)}


def entry(position: int, amount: str, day: date | None, status: EntryStatus = EntryStatus.BOOKED) -> Entry:
    """Of an amount or a day that cannot be read the text alone is there."""
    return Entry(position, AMOUNTS.get(amount), amount, "EUR", day, str(day), status=status)


PENDING = entry(9, "-1", date(2026, 6, 4), EntryStatus.PENDING)
ENTRIES = (
    entry(0, "-5", FIRST),
    entry(1, "-5", FIRST),
    entry(2, "-7", MIDDLE),
    entry(3, "unread", MIDDLE),
    entry(4, "-1", LAST),
    entry(5, "-7", None),
    PENDING,
)
STATEMENT = Statement(Account("1", "EUR"), ENTRIES, "csv:any")


def test_the_ends_are_kept_whole_and_of_every_day_what_cannot_be_read() -> None:
    ends = day_ends.read_ends(compress(day_ends.listing(STATEMENT, Ids.UNSET)))

    assert ends is not None
    assert (ends.first, ends.last) == (FIRST, LAST)
    shown = [ends.entries_of(day) for day in (FIRST, MIDDLE, LAST)]
    assert [each and dict(each.amounts) for each in shown] == [{Decimal(-5): 2}, None, {Decimal(-1): 1}]
    of_middle, of_any = (day_ends.short_traits("1", ENTRIES[at], Ids.UNSET) for at in (3, 5))
    assert [len(ends.unreadable_on(day)) for day in (FIRST, MIDDLE, LAST)] == [1, 2, 1]
    assert ends.unreadable_on(FIRST) <= of_any
    assert ends.unreadable_on(MIDDLE) - ends.unreadable_on(FIRST) <= of_middle


def test_amounts_of_days_between_the_ends_take_no_room() -> None:
    assert "-7" not in day_ends.listing(STATEMENT, Ids.UNSET).split()


def test_nothing_is_kept_of_balances_and_of_what_is_only_announced() -> None:
    balance = Balance(Decimal(1), "EUR", FIRST)

    assert day_ends.keeps_day_ends(STATEMENT)
    assert not day_ends.keeps_day_ends(replace(STATEMENT, opening=balance, closing=balance))
    assert not day_ends.keeps_day_ends(replace(STATEMENT, between=(Decimal(1), Decimal(2))))
    assert not day_ends.keeps_day_ends(replace(STATEMENT, entries=(PENDING,)))


def test_what_is_only_announced_makes_no_other_statement() -> None:
    assert day_ends.digest_moneys(STATEMENT) == day_ends.digest_moneys(replace(STATEMENT, entries=ENTRIES[:-1]))
    assert day_ends.digest_moneys(STATEMENT) != day_ends.digest_moneys(replace(STATEMENT, entries=ENTRIES[1:]))
