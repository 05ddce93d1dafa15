"""New entries that replace stored ones with another text: between the same balances, on the same day, with the same
amount.

A bank that changes a text between two exports (another case, a longer name, a suffix) gives the entry another key. The
balances still show where the entry stands, so that it can be told from a twin:

- Two CSV exports that list the days around it alike have the same entries of a day, from its beginning on or up to its
  end, as long as the amounts agree: such an entry takes the stored row, with its new text.
- Otherwise, as in two statements that begin with the same day and balance, the balances may also have returned in
  between. Both entries count, and the run names them: no money is lost by a guess.

The text alone proves nothing, and neither do statements without balances.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingestion import Context, counted
from integrations.bank import copies
from integrations.bank.arrivals import Arrival, Nearby, StoredRow
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging, Whole
from integrations.bank.standing import Compared, Standing, compare, possible_directions

_SHOWN = 5
_MOST = 40
"""How many stored statements the entries of a batch are compared with."""
_Money = tuple[int, date, Decimal]


class BalancedPair(NamedTuple):
    """A new entry, and the stored row that has its day, amount and balances but another text."""

    arrival: Arrival
    row: StoredRow
    is_certain: bool
    """The balances allow nothing else at its place."""


def adopt_certain(
    ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]
) -> tuple[list[str], list[BalancedPair]]:
    """Give certain entries their rows. Returns a note on these, and the pairs that only the bank can decide."""
    pairs = list(_find_pairs(ids, judging, nearby, arrivals))
    certain = [pair for pair in pairs if pair.is_certain]
    for pair in certain:
        pair.arrival.take_row(pair.row)
    sentences = []
    if certain:
        examples = "; ".join(f"{pair.row.summary} (transaction {pair.row.pk})" for pair in certain[:_SHOWN])
        predicate = "came with another text between the same balances, and took the place of what was stored"
        sentences = [f"{counted(len(certain), 'entry', 'entries')} {predicate}: {examples}"]
    return sentences, [pair for pair in pairs if not pair.is_certain]


def note_uncertain(ctx: Context, pairs: Sequence[BalancedPair]) -> list[str]:
    """A note for the pairs whose new entry was loaded."""
    resemblance = "the same day, amount and balances and another text"
    return copies.note_possible_copies(ctx, ((pair.arrival, pair.row) for pair in pairs), resemblance)


def _find_pairs(ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]) -> Iterator[BalancedPair]:
    new: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        if _may_be_stored(arrival) and (ids is Ids.IGNORE or not bank_id(arrival.entry)):
            new[arrival.money].append(arrival)
    rows = _unclaimed_rows(ids, nearby, new, arrivals) if new else {}
    judging.prefetch({row.statement_id for group in rows.values() for row in group})
    comparisons = _StatementComparisons(judging)
    for money, group in rows.items():
        yield from _SameMoney(comparisons, new[money], group).pairs()


def _may_be_stored(arrival: Arrival) -> bool:
    head = arrival.entry.statement
    is_new = arrival.stored is None and not arrival.entry.correction
    if not is_new or arrival.owner.account_is_new:
        return False
    return arrival.entry.position is not None and None not in (head.opening, head.closing)


def _unclaimed_rows(
    ids: Ids, nearby: Nearby, new: Mapping[_Money, Sequence[Arrival]], arrivals: Sequence[Arrival]
) -> dict[_Money, list[StoredRow]]:
    """The rows that count, have these days and amounts, no bank id, and belong to no entry of the batch.

    How far a row with a bank id may be another entry's, the connection's `ids` decides: see lookalikes.py.
    """
    claimed = {arrival.key for arrival in arrivals}
    claimed |= {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    arriving_statements = {arrival.owner.statement_id for group in new.values() for arrival in group}
    rows: dict[_Money, list[StoredRow]] = defaultdict(list)
    statements: set[int] = set()
    for row, *_ in (nearby_row for nearby_row in nearby.rows if nearby_row.has_balances and nearby_row.money in new):
        if (
            row.withdrawn
            or row.position is None
            or row.statement_id in arriving_statements
            or row.external_id in claimed
        ):
            continue
        if bank_id_of(row.bank_id) and ids is not Ids.IGNORE:
            continue
        statements.add(row.statement_id)
        if len(statements) <= _MOST:
            rows[row.account_id, row.booked_on, row.amount].append(row)
    return rows


class _StatementComparisons:
    """The arriving statements compared with the stored ones."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._standing: dict[tuple[int, bool], Standing] = {}
        self._compared: dict[tuple[int, int, date], list[Compared]] = {}

    def compare(self, arrival: Arrival, statement: int) -> Sequence[Compared]:
        """What both statements show of the entry's day, in each way in which they may be listed; nothing if their
        balances do not cover the day.
        """
        arriving, day = arrival.owner.statement_id, arrival.entry.day
        if (arriving, statement, day) not in self._compared:
            self._compared[arriving, statement, day] = self._compare(
                arrival.entry.statement.format, arriving, statement, day
            )
        return self._compared[arriving, statement, day]

    def _compare(self, form: str, arriving: int, stored: int, day: date) -> list[Compared]:
        if self._judging.statement(stored).format != form[:50] or self._judging.are_disjoint(stored, arriving):
            return []  # entries of another format lookalikes.py names
        arriving_whole, stored_whole = self._judging.whole_statement(arriving), self._judging.whole_statement(stored)
        if arriving_whole is None or stored_whole is None:
            return []
        ways = possible_directions(arriving_whole[1], stored_whole[1])
        return [
            compare(
                self._standing_of(arriving, arriving_whole, arriving_falls),
                self._standing_of(stored, stored_whole, stored_falls),
                day,
            )
            for arriving_falls, stored_falls in ways
        ]

    def _standing_of(self, statement: int, whole: Whole, falls: bool) -> Standing:
        if (statement, falls) not in self._standing:
            self._standing[statement, falls] = Standing(*whole, falls=falls)
        return self._standing[statement, falls]


class _SameMoney:
    """New entries and stored rows of one account, day and amount."""

    def __init__(self, comparisons: _StatementComparisons, new: Sequence[Arrival], rows: Sequence[StoredRow]) -> None:
        self._comparisons = comparisons
        self._new = new
        self._rows_at: dict[int, dict[int | None, StoredRow]] = defaultdict(dict)
        for row in rows:
            self._rows_at[row.statement_id][row.position] = row

    def pairs(self) -> Iterator[BalancedPair]:
        """Each entry and each row once, the certain pairs first."""
        paired: set[str] = set()
        for arrival in self._new:
            if (row := next(self._rows_in_step(arrival), None)) is not None:
                paired.add(arrival.key)
                yield self._pair(arrival, row, arrival.entry.statement.format.startswith("csv:"))
        for arrival in self._new:
            if arrival.key not in paired and (row := next(self._rows_between_same_balances(arrival), None)) is not None:
                yield self._pair(arrival, row, is_certain=False)

    def _pair(self, arrival: Arrival, row: StoredRow, is_certain: bool) -> BalancedPair:
        del self._rows_at[row.statement_id][row.position]
        return BalancedPair(arrival, row, is_certain)

    def _rows_in_step(self, arrival: Arrival) -> Iterator[StoredRow]:
        for statement, rows in self._rows_at.items():
            for comparison in self._comparisons.compare(arrival, statement):
                for position in comparison.in_step.get(arrival.entry.position or 0, ()):
                    if position in rows:
                        yield rows[position]

    def _rows_between_same_balances(self, arrival: Arrival) -> Iterator[StoredRow]:
        for statement, rows in self._rows_at.items():
            for comparison in self._comparisons.compare(arrival, statement):
                if comparison.has_same_ends:
                    yield from rows.values()
                after = comparison.after.get(arrival.entry.position or 0)
                for position in comparison.other_at.get(after, ()) if after is not None else ():
                    if position in rows:
                        yield rows[position]
