"""New entries in the place of stored ones that have another text: between the same balances, of one day and amount.

A bank that changes a text between two exports (another case, a longer name, a suffix) gives the entry another key. Its
balances still show where it stands, so that an entry may be told from a twin:

- In two CSV exports that list the days around it alike, the entries of a day from its beginning on, or up to its end,
  are the same ones as long as their amounts are: such an entry takes the stored row, with its new text.
- Else, as in two statements that begin with the same day and balance, the balances may also have come back in between.
  Both entries count, and the run names them: no money is lost by a guess.

The text alone tells nothing, and neither do statements without balances.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingestion import Context, counted
from integrations.bank import copies
from integrations.bank.arrivals import Arrival, Nearby, Row
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging, Whole
from integrations.bank.standing import Compared, Standing, compared, directions

_SHOWN = 5
_MOST = 40
"""Stored statements that the entries of a batch are held against."""
_Money = tuple[int, date, Decimal]


class Pair(NamedTuple):
    """A new entry, and the stored row that has its day, amount and balances but another text."""

    arrival: Arrival
    row: Row
    is_certain: bool
    """The balances leave nothing else in its place."""


def adopt(ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]) -> tuple[list[str], list[Pair]]:
    """Give certain entries the rows they are, with a sentence; the pairs of which only the bank can tell."""
    pairs = list(_pairs(ids, judging, nearby, arrivals))
    certain = [pair for pair in pairs if pair.is_certain]
    for pair in certain:
        pair.arrival.is_stored(pair.row)
    sentences = []
    if certain:
        shown = "; ".join(f"{pair.row.shown} (transaction {pair.row.pk})" for pair in certain[:_SHOWN])
        what = "came with another text between the same balances, and took the place of what was stored"
        sentences = [f"{counted(len(certain), 'entry', 'entries')} {what}: {shown}"]
    return sentences, [pair for pair in pairs if not pair.is_certain]


def told(ctx: Context, pairs: Sequence[Pair]) -> list[str]:
    """A sentence for the pairs whose new entry was loaded."""
    alike_in = "the same day, amount and balances and another text"
    return copies.told(ctx, ((pair.arrival, pair.row) for pair in pairs), alike_in)


def _pairs(ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]) -> Iterator[Pair]:
    new: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        if _may_be_stored(arrival) and (ids is Ids.IGNORE or not bank_id(arrival.entry)):
            new[arrival.money].append(arrival)
    rows = _unclaimed(ids, nearby, new, arrivals) if new else {}
    judging.learn({row.statement_id for some in rows.values() for row in some})
    holding = _Holding(judging)
    for money, some in rows.items():
        yield from _Group(holding, new[money], some).pairs()


def _may_be_stored(arrival: Arrival) -> bool:
    head = arrival.entry.statement
    is_new = arrival.stored is None and not arrival.entry.correction
    if not is_new or arrival.owner.account_is_new:
        return False
    return arrival.entry.position is not None and None not in (head.opening, head.closing)


def _unclaimed(
    ids: Ids, nearby: Nearby, new: Mapping[_Money, Sequence[Arrival]], arrivals: Sequence[Arrival]
) -> dict[_Money, list[Row]]:
    """The rows that count, of their days and amounts and without an id, which no entry of the batch is.

    What ids of their own are worth the connection says, see lookalikes.py.
    """
    claimed = {arrival.key for arrival in arrivals}
    claimed |= {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    own = {arrival.owner.statement_id for some in new.values() for arrival in some}
    rows: dict[_Money, list[Row]] = defaultdict(list)
    statements: set[int] = set()
    for row, *_ in (each for each in nearby.rows if each.has_balances and each.money in new):
        if row.withdrawn or row.position is None or row.statement_id in own or row.external_id in claimed:
            continue
        if bank_id_of(row.bank_id) and ids is not Ids.IGNORE:
            continue
        statements.add(row.statement_id)
        if len(statements) <= _MOST:
            rows[row.account_id, row.booked_on, row.amount].append(row)
    return rows


class _Holding:
    """The arriving statements against the stored ones."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._standing: dict[tuple[int, bool], Standing] = {}
        self._compared: dict[tuple[int, int, date], list[Compared]] = {}

    def compare(self, arrival: Arrival, statement: int) -> Sequence[Compared]:
        """What both statements show of the entry's day, in each way in which they may be listed; nothing where their
        balances say nothing of it.
        """
        own, day = arrival.owner.statement_id, arrival.entry.day
        if (own, statement, day) not in self._compared:
            self._compared[own, statement, day] = self._compare(arrival.entry.statement.format, own, statement, day)
        return self._compared[own, statement, day]

    def _compare(self, form: str, own: int, stored: int, day: date) -> list[Compared]:
        if self._judging.statement(stored).format != form[:50] or self._judging.are_others(stored, own):
            return []  # entries of another format lookalikes.py names
        own_whole, stored_whole = self._judging.whole(own), self._judging.whole(stored)
        if own_whole is None or stored_whole is None:
            return []
        ways = directions(own_whole[1], stored_whole[1])
        return [
            compared(self._of(own, own_whole, falls), self._of(stored, stored_whole, theirs), day)
            for falls, theirs in ways
        ]

    def _of(self, statement: int, whole: Whole, falls: bool) -> Standing:
        if (statement, falls) not in self._standing:
            self._standing[statement, falls] = Standing(*whole, falls=falls)
        return self._standing[statement, falls]


class _Group:
    """New entries and stored rows of one account, day and amount."""

    def __init__(self, holding: _Holding, new: Sequence[Arrival], rows: Sequence[Row]) -> None:
        self._holding = holding
        self._new = new
        self._at: dict[int, dict[int | None, Row]] = defaultdict(dict)
        for row in rows:
            self._at[row.statement_id][row.position] = row

    def pairs(self) -> Iterator[Pair]:
        """Each entry and each row once, the certain ones first."""
        paired: set[str] = set()
        for arrival in self._new:
            if (row := next(self._in_step(arrival), None)) is not None:
                paired.add(arrival.key)
                yield self._pair(arrival, row, arrival.entry.statement.format.startswith("csv:"))
        for arrival in self._new:
            if arrival.key not in paired and (row := next(self._alike(arrival), None)) is not None:
                yield self._pair(arrival, row, is_certain=False)

    def _pair(self, arrival: Arrival, row: Row, is_certain: bool) -> Pair:
        del self._at[row.statement_id][row.position]
        return Pair(arrival, row, is_certain)

    def _in_step(self, arrival: Arrival) -> Iterator[Row]:
        for statement, rows in self._at.items():
            for both in self._holding.compare(arrival, statement):
                for position in both.in_step.get(arrival.entry.position or 0, ()):
                    if position in rows:
                        yield rows[position]

    def _alike(self, arrival: Arrival) -> Iterator[Row]:
        for statement, rows in self._at.items():
            for both in self._holding.compare(arrival, statement):
                if both.has_same_ends:
                    yield from rows.values()
                after = both.after.get(arrival.entry.position or 0)
                for position in both.other_at.get(after, ()) if after is not None else ():
                    if position in rows:
                        yield rows[position]
