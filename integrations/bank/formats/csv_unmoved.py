"""Rows of a CSV without an amount, whose balance shows that nothing moved: they state a balance and are no entries.

Some banks write the balance at the beginning or the end of the export as a row, or a notice among the entries. Such a
row is left out where the rows around it, or the opening balance that the file states, lead to its balance and from it.
Before the oldest row nothing shows a balance, so that it may as well be money that lost its amount: it is left out
where its text is nothing but the name of a balance, or the config says so, and else asked about. A row that shows
another balance lost its amount, and one that stands alone shows nothing: they become dead letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from integrations.bank.formats.csv_entry import has_no_amount
from integrations.bank.formats.ofx_stated_balances import states_balance
from integrations.bank.formats.options import LEAVE_OUT, POST
from integrations.bank.statements import BALANCE_OR_MONEY, Entry, EntryStatus

LEFT_OUT = "rows that state a balance"
_Row = tuple[Entry, Decimal | None]


class Moving(NamedTuple):
    """The entries with the balances after them, and how many rows were left out."""

    entries: Sequence[Entry]
    balances: Sequence[Decimal | None]
    left_out: int = 0


def moving(
    entries: Sequence[Entry], balances: Sequence[Decimal | None], opening: Decimal | None = None, balance_rows: str = ""
) -> Moving:
    """The rows that move something, or may. `opening` is the balance that the file states above its rows.

    `balance_rows` is what the config says of rows that may be either: leave them out, post them, or '' to ask.
    """
    if not any(map(has_no_amount, entries)) or all(map(has_no_amount, entries)):
        return Moving(entries, balances)
    listed = list(zip(entries, balances, strict=True))
    still, doubtful = _unmoved([row for row in listed if row[0].status is EntryStatus.BOOKED], opening)
    if balance_rows == LEAVE_OUT:
        still, doubtful = still | doubtful, set()
    asked_about = set() if balance_rows == POST else doubtful
    kept = [(entry, balance) for entry, balance in listed if entry.position not in still]
    renumbered = [
        replace(_asking(entry) if entry.position in asked_about else entry, position=at)
        for at, (entry, _) in enumerate(kept)
    ]
    return Moving(renumbered, [balance for _, balance in kept], len(still))


def _asking(entry: Entry) -> Entry:
    """The row with a text in the place of its amount, of which the schema makes a dead letter that asks."""
    text = entry.counterparty or entry.description
    return replace(entry, amount_text=f"the row {text[:40]!r} without an amount{BALANCE_OR_MONEY}")


def _unmoved(booked: Sequence[_Row], opening: Decimal | None) -> tuple[set[int], set[int]]:
    """The positions of such rows, and of those that may be money.

    Of a single day it is not known in which direction it is listed: both must say so.
    """
    days = [entry.booked_on for entry, _ in booked if entry.booked_on is not None]
    in_time = [booked, booked[::-1]]
    if days and days[0] != days[-1]:
        in_time = in_time[:1] if days[0] < days[-1] else in_time[1:]
    shown = [_between_equal(rows, opening) for rows in in_time]
    named = {entry.position for entry, _ in booked if states_balance(entry)}
    either = {position for positions in shown for position in positions}
    proved = {position for position in either if all(positions.get(position, False) for positions in shown)}
    still = proved | (either & named)
    return still, either - still


def _between_equal(in_time: Sequence[_Row], opening: Decimal | None) -> dict[int, bool]:
    """Those between a balance and the same one, as far as anything before and after them shows any, and whether what is
    before them does.
    """
    before = _carried(((entry, balance) for entry, balance in in_time), opening)
    after = _carried(((entry, _balance_before(entry, balance)) for entry, balance in in_time[::-1]), None)[::-1]
    return {
        entry.position: shown[0] is not None
        for (entry, balance), *shown in zip(in_time, before, after, strict=True)
        if has_no_amount(entry) and balance is not None and set(shown) - {None} == {balance}
    }


def _carried(rows: Iterable[_Row], balance: Decimal | None) -> list[Decimal | None]:
    """For each row the balance of the nearest one before it that has an amount or a balance."""
    carried: list[Decimal | None] = []
    for entry, own in rows:
        carried.append(balance)
        if not has_no_amount(entry) or own is not None:
            balance = own
    return carried


def _balance_before(entry: Entry, after: Decimal | None) -> Decimal | None:
    """That of a row without an amount is the one it names: another one is not shown."""
    if has_no_amount(entry):
        return after
    return None if after is None or entry.amount is None else after - entry.amount
