"""Rows of a CSV without an amount whose balance shows that nothing moved: they state a balance and are no entries.

Some banks write the balance at the beginning or the end of the export as a row, or a notice among the entries. Such a
row is left out if the rows around it, or the opening balance that the file states, lead to its balance and from it.
Nothing proves a balance before the oldest row, which may as well be money that lost its amount: it is left out if its
text is nothing but the name of a balance, or if the config says so; otherwise it becomes a dead letter that asks. A row
that shows another balance lost its amount, and a row that stands alone proves nothing: both become dead letters.
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


class MovingRows(NamedTuple):
    """The entries with the balances after them, and how many rows were left out."""

    entries: Sequence[Entry]
    balances: Sequence[Decimal | None]
    left_out: int = 0


def leave_out_unmoved(
    entries: Sequence[Entry], balances: Sequence[Decimal | None], opening: Decimal | None = None, balance_rows: str = ""
) -> MovingRows:
    """The rows that move money, or may. `opening` is the balance that the file states above its rows.

    `balance_rows` is what the config says of rows that may be either: leave them out, post them, or '' to ask.
    """
    if not any(map(has_no_amount, entries)) or all(map(has_no_amount, entries)):
        return MovingRows(entries, balances)
    rows = list(zip(entries, balances, strict=True))
    unmoved, doubtful = _find_unmoved([row for row in rows if row[0].status is EntryStatus.BOOKED], opening)
    if balance_rows == LEAVE_OUT:
        unmoved, doubtful = unmoved | doubtful, set()
    in_doubt = set() if balance_rows == POST else doubtful
    moving_rows = [(entry, balance) for entry, balance in rows if entry.position not in unmoved]
    renumbered = [
        replace(_ask(entry) if entry.position in in_doubt else entry, position=at)
        for at, (entry, _) in enumerate(moving_rows)
    ]
    return MovingRows(renumbered, [balance for _, balance in moving_rows], len(unmoved))


def _ask(entry: Entry) -> Entry:
    """The row with a text in place of its amount, of which the schema makes a dead letter that asks."""
    text = entry.counterparty or entry.description
    return replace(entry, amount_text=f"the row {text[:40]!r} without an amount{BALANCE_OR_MONEY}")


def _find_unmoved(booked: Sequence[_Row], opening: Decimal | None) -> tuple[set[int], set[int]]:
    """The positions of rows that move nothing, and of those that may be money.

    A single day does not show in which direction it is listed, so a row must move nothing in both.
    """
    days = [entry.booked_on for entry, _ in booked if entry.booked_on is not None]
    orders = [booked, booked[::-1]]
    if days and days[0] != days[-1]:
        orders = orders[:1] if days[0] < days[-1] else orders[1:]
    unmoved_by_order = [_find_between_equal(rows, opening) for rows in orders]
    named_positions = {entry.position for entry, _ in booked if states_balance(entry)}
    candidates = {position for positions in unmoved_by_order for position in positions}
    proved = {
        position for position in candidates if all(positions.get(position, False) for positions in unmoved_by_order)
    }
    unmoved = proved | (candidates & named_positions)
    return unmoved, candidates - unmoved


def _find_between_equal(rows_in_order: Sequence[_Row], opening: Decimal | None) -> dict[int, bool]:
    """The rows between two equal balances, as far as rows before and after them have any; True for a row that has a
    balance before it.
    """
    before = _carry_balances(((entry, balance) for entry, balance in rows_in_order), opening)
    rows_before = [(entry, _balance_before(entry, balance)) for entry, balance in rows_in_order[::-1]]
    after = _carry_balances(rows_before, None)[::-1]
    return {
        entry.position: neighbour_balances[0] is not None
        for (entry, balance), *neighbour_balances in zip(rows_in_order, before, after, strict=True)
        if has_no_amount(entry) and balance is not None and set(neighbour_balances) - {None} == {balance}
    }


def _carry_balances(rows: Iterable[_Row], balance: Decimal | None) -> list[Decimal | None]:
    """For each row the balance of the nearest one before it that has an amount or a balance."""
    carried: list[Decimal | None] = []
    for entry, row_balance in rows:
        carried.append(balance)
        if not has_no_amount(entry) or row_balance is not None:
            balance = row_balance
    return carried


def _balance_before(entry: Entry, after: Decimal | None) -> Decimal | None:
    """The balance before a row. A row without an amount has the one that it names, since it shows no other."""
    if has_no_amount(entry):
        return after
    return None if after is None or entry.amount is None else after - entry.amount
