"""Pages of one statement that arrive in different files: equal entries of two pages are twins, and neither came again.

twins.py tells such twins apart within a run. Here the id of an entry leads to the row of a statement that has nothing
in common with the entry's own statement: by the numbers (`7/1`, `7/2`), by the balances (courses.py), or because stored
statements of the day lead from one to the other. Or the two statements show a run of entries between the same balances,
and the row stands at another place of it. The entries of that look then take the rows of their own places, or the next
ids that are free.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import chain

from ingestion import Context
from integrations.bank import doubts
from integrations.bank.arrivals import Arrival, StoredRow, chunks, ledger, read_rows, rows_by_key
from integrations.bank.courses import may_lie_otherwise
from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting
from integrations.bank.ordinals import Ordinals

_FEW = 4
"""How many equal entries of earlier statements are looked up for the note on what stays open."""
_Group = tuple[int, str]
"""The statement and the look of entries that are twins within it."""


def place_twins(ctx: Context, ids: Ids, judging: Judging, arrivals: Sequence[Arrival]) -> list[str]:
    """Give twins of another page's entries their own ids; a note for entries that may as well be the same."""
    elsewhere = [arrival for arrival in arrivals if _may_be_another(arrival)]
    equal_pairs = [(arrival, arrival.stored) for arrival in elsewhere if arrival.stored is not None]
    numbered_apart = list(_pair_with_equals(ctx, ids, arrivals))
    judging.prefetch(row.statement_id for _, row in [*equal_pairs, *numbered_apart])
    equal_pairs += [
        (arrival, row)
        for arrival, row in numbered_apart
        if judging.are_disjoint(row.statement_id, arrival.owner.statement_id)
    ]
    sentences = doubts.note_doubts(judging, equal_pairs) if equal_pairs else []
    if not elsewhere:
        return sentences
    moving = {_group_of(arrival, ids) for arrival in elsewhere if _are_apart(judging, arrival, arrival.stored)}
    moving |= {_group_of(arrival, ids) for arrival in _find_displaced(ctx, ids, judging, elsewhere)}
    moving |= {_group_of(arrival, ids) for arrival in _find_misplaced(ctx, elsewhere)}
    if not moving:
        return sentences
    groups: dict[_Group, list[Arrival]] = defaultdict(list)
    statements = {statement for statement, _ in moving}
    for arrival in arrivals:
        is_near = arrival.owner.statement_id in statements and _is_keyed_by_look(arrival)
        if is_near and (group := _group_of(arrival, ids)) in moving:
            groups[group].append(arrival)
    staying = {arrival.key for arrival in arrivals} - {arrival.key for group in groups.values() for arrival in group}
    moneys = {arrival.money for twins in groups.values() for arrival in twins}
    new_text_positions = _positions_of_new_texts(ids, arrivals, moneys)
    ordinals = Ordinals(ctx)
    ordinals.prefetch({look for _, look in groups})
    undecided: list[doubts.Equal] = []
    sighted_rows = _sighted_rows(ctx, {money[:2] for money in moneys})
    for (statement, look), twins in groups.items():
        twins.sort(key=lambda arrival: arrival.entry.position or 0)
        positions = new_text_positions[statement, twins[0].money]
        placement = _TwinPlacement(judging, statement, staying, positions, sighted_rows)
        placement.place(ordinals.of(look), twins)
        undecided += [*placement.undecided_pairs(twins), *_rows_of_other_statements(twins)]
    pairs = {(row.statement_id, arrival.owner.statement_id) for arrival, row in equal_pairs}
    undecided = [pair for pair in undecided if (pair[1].statement_id, pair[0].owner.statement_id) not in pairs]
    return sentences + (doubts.note_doubts(judging, undecided) if undecided else [])


def _rows_of_other_statements(twins: Sequence[Arrival]) -> Iterator[doubts.Equal]:
    """The twins that took the row of another statement, which need not be the one their own id had led to."""
    for arrival in twins:
        if arrival.stored is not None and arrival.stored.statement_id != arrival.owner.statement_id:
            yield arrival, arrival.stored


def _sighted_rows(ctx: Context, days: Set[tuple[int, date]]) -> dict[tuple[int, int], int]:
    """The rows that more than one statement delivered on these days of these accounts, by statement and position."""
    dates = [day for _, day in days]
    sightings = BankSighting.objects.for_tenant(ctx.tenant).filter(
        account_id__in={account for account, _ in days}, booked_on__range=(min(dates), max(dates))
    )
    places = sightings.values_list("statement_id", "position", "entry_id")
    return {(statement, position): entry for statement, position, entry in places}


def _group_of(arrival: Arrival, ids: Ids) -> _Group:
    entry = arrival.entry
    return arrival.owner.statement_id, look_of(entry.account.known_by, entry.currency, entry, ids)


def _positions_of_new_texts(
    ids: Ids, arrivals: Sequence[Arrival], moneys: Set[object]
) -> dict[tuple[int, object], list[int]]:
    """By statement, day and amount, the positions of entries whose text no stored entry has."""
    grouped = [(_group_of(arrival, ids), arrival) for arrival in arrivals if arrival.money in moneys]
    stored = {group for group, arrival in grouped if arrival.stored is not None}
    positions: dict[tuple[int, object], list[int]] = defaultdict(list)
    for group, arrival in grouped:
        if group not in stored and arrival.entry.position is not None:
            positions[group[0], arrival.money].append(arrival.entry.position)
    return positions


def _pair_with_equals(ctx: Context, ids: Ids, arrivals: Sequence[Arrival]) -> Iterator[doubts.Equal]:
    """Entries that this run numbered after equal ones of a statement it read before, each with one of these rows."""
    batch = {arrival.key for arrival in arrivals}
    equal: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.stored is None and not arrival.owner.account_is_new and _is_keyed_by_look(arrival):
            look = _group_of(arrival, ids)[1]
            keys = [key_of(look, ordinal) for ordinal in range(_FEW)]
            earlier_keys = keys[: keys.index(arrival.key)] if arrival.key in keys else keys
            equal.update((key, arrival) for key in earlier_keys if key not in batch)
    for key, row in (rows_by_key(ctx, equal) if equal else {}).items():
        if row.statement_id != equal[key].owner.statement_id and not row.withdrawn:
            yield equal[key], row


def _find_displaced(ctx: Context, ids: Ids, judging: Judging, elsewhere: Sequence[Arrival]) -> list[Arrival]:
    """Entries whose own id belongs to an earlier twin of their statement, which had to take the next id itself."""
    with_rows = [(arrival, arrival.stored) for arrival in elsewhere if arrival.stored is not None]
    unmoved = [arrival for arrival, row in with_rows if row.statement_id == arrival.owner.statement_id]
    keys = {arrival.key: key_of(_group_of(arrival, ids)[1], 0) for arrival in unmoved}
    first_rows = rows_by_key(ctx, set(keys.values()))
    return [
        arrival
        for arrival in unmoved
        if arrival.entry.unreadable
        or (arrival.stored is not None and judging.is_of_an_earlier_page(arrival.stored))
        or _are_apart(judging, arrival, first_rows.get(keys[arrival.key]))
    ]


def _find_misplaced(ctx: Context, elsewhere: Sequence[Arrival]) -> list[Arrival]:
    """Entries of a resent statement whose own position has another row of that day and amount."""
    resent = [arrival for arrival in elsewhere if arrival.owner.sent_again]
    statements = {arrival.owner.statement_id for arrival in resent}
    positions = {arrival.entry.position or 0 for arrival in resent}
    # Places of other statements beside them are not looked up below, and a batch has few.
    rows_by_place = {
        (row.statement_id, row.position): row
        for statement_chunk in chunks(statements)
        for chunk in chunks(positions)
        for row in read_rows(ledger(ctx).filter(statement_id__in=statement_chunk, position__in=chunk))
    }
    return [
        arrival
        for arrival in resent
        if (row := rows_by_place.get((arrival.owner.statement_id, arrival.entry.position))) is not None
        and row.external_id != arrival.key
        and (row.account_id, row.booked_on, row.amount) == arrival.money
    ]


def _are_apart(judging: Judging, arrival: Arrival, row: StoredRow | None) -> bool:
    place = arrival.owner.statement_id, arrival.entry.position
    return row is not None and judging.are_apart(row.statement_id, row.position, *place)


def _may_be_another(arrival: Arrival) -> bool:
    row = arrival.stored
    if row is None or not _is_keyed_by_look(arrival):
        return False
    return (row.statement_id, row.position) != (arrival.owner.statement_id, arrival.entry.position)


def _is_keyed_by_look(arrival: Arrival) -> bool:
    trusted = trusted_key(arrival.entry.account.known_by, bank_id(arrival.entry))
    return arrival.entry.position is not None and arrival.key != trusted


class _TwinPlacement:
    """The stored rows of one look, and the twins of an arriving statement that may be some of them."""

    def __init__(
        self,
        judging: Judging,
        statement: int,
        taken_keys: set[str],
        new_text_positions: Sequence[int],
        sighted_rows: Mapping[tuple[int, int], int],
    ) -> None:
        self._judging = judging
        self._statement = statement
        self._taken_keys = taken_keys
        """Keys that entries of the batch have, and no other entry may take."""
        self._rows_of_new_texts = self._find_new_text_rows()
        """A row that one twin skipped is no other twin's either, so all of them share one iterator."""
        self._new_text_positions = new_text_positions
        """The places of the statement's entries of their day and amount that have a text which is not stored."""
        self._sighted_rows = sighted_rows
        self._rows: dict[int, StoredRow] = {}
        """By their ids."""
        self._rows_by_place: dict[int, dict[int | None, StoredRow]] = defaultdict(dict)
        self._unaligned: deque[StoredRow] = deque()
        """Rows of statements that overlap with this one, if nothing shows which of its entries they are."""

    def place(self, ordinals: Iterator[tuple[str, StoredRow | None]], twins: Sequence[Arrival]) -> None:
        """Each twin takes the row of its place, else of a twin there, else one that overlaps, else a free id."""
        free = self._load_rows(ordinals)
        for rows_of in (
            self._own_row,
            self._aligned_rows,
            self._aligned_twins,
            self._new_text_rows,
            self._overlapping_rows,
        ):
            twins = [arrival for arrival in twins if not self._take(arrival, rows_of(arrival))]
        for arrival in twins:
            self._taken_keys.add(key := next(key for key in free if key not in self._taken_keys))
            arrival.key = key
            arrival.stored, arrival.withdrawn, arrival.replaced_by_id = None, "", None

    def undecided_pairs(self, twins: Sequence[Arrival]) -> Iterator[doubts.Equal]:
        """The new twins, each with a row of every statement that continues theirs and may as well overlap with it."""
        for statement, rows in self._rows_by_place.items():
            pair = statement, self._statement
            if self._judging.are_disjoint(*pair) and self._judging.ask(may_lie_otherwise, *pair):
                yield from ((arrival, next(iter(rows.values()))) for arrival in twins if arrival.stored is None)

    def _load_rows(self, ordinals: Iterator[tuple[str, StoredRow | None]]) -> Iterator[str]:
        """Read the rows of the look; returns the free ids after them."""
        rows: list[StoredRow] = []
        free = ""
        while not free:
            key, row = next(ordinals)
            if row is not None:
                rows.append(row)
            elif key not in self._taken_keys:
                free = key
        self._judging.prefetch(row.statement_id for row in rows)
        for row in rows:
            self._rows_by_place[row.statement_id][row.position] = self._rows[row.pk] = row
            is_another = self._judging.are_disjoint(row.statement_id, self._statement)
            is_same = row.statement_id == self._statement
            if not (is_same or is_another or self._judging.are_aligned(row.statement_id, self._statement)):
                self._unaligned.append(row)
        return chain([free], (key for key, row in ordinals if row is None))

    def _take(self, arrival: Arrival, rows: Iterator[StoredRow]) -> bool:
        """Take the first free row for the entry; whether there was one."""
        row = next((row for row in rows if row.external_id not in self._taken_keys), None)
        if row is not None:
            self._taken_keys.add(row.external_id)
            arrival.key = row.external_id
            arrival.take_row(row)
        return row is not None

    def _own_row(self, arrival: Arrival) -> Iterator[StoredRow]:
        row = self._rows_by_place[self._statement].get(arrival.entry.position)
        if row is not None:
            yield row

    def _aligned_rows(self, arrival: Arrival) -> Iterator[StoredRow]:
        for statement in self._rows_by_place:
            if statement != self._statement and not self._judging.are_disjoint(statement, self._statement):
                places = self._judging.partners(statement, self._statement, arrival.entry.position or 0)
                yield from (row for place in places if (row := self._row_at(statement, place)) is not None)

    def _row_at(self, statement: int, place: int) -> StoredRow | None:
        """The row of a position, also where a third statement delivered it since."""
        row = self._rows_by_place[statement].get(place)
        return row if row is not None else self._rows.get(self._sighted_rows.get((statement, place), 0))

    def _aligned_twins(self, arrival: Arrival) -> Iterator[StoredRow]:
        """Twins in a statement that has this entry, where a third statement took the row of its place."""
        for statement, rows in self._rows_by_place.items():
            if statement != self._statement and not self._judging.are_disjoint(statement, self._statement):
                places = self._judging.partners(statement, self._statement, arrival.entry.position or 0)
                # Where the row of its place is another entry's of this statement, two entries were taken for one.
                if any(not self._is_taken(statement, place) for place in places):
                    yield from rows.values()

    def _is_taken(self, statement: int, place: int) -> bool:
        row = self._row_at(statement, place) if place not in self._rows_by_place[statement] else None
        return row is not None and row.external_id in self._taken_keys

    def _new_text_rows(self, arrival: Arrival) -> Iterator[StoredRow]:
        return self._rows_of_new_texts

    def _find_new_text_rows(self) -> Iterator[StoredRow]:
        """The rows at the positions of entries that have another text here.

        Listed by amount, equal amounts stand in any order; and this statement shows the stored entry in any case.
        """
        for statement, rows in self._rows_by_place.items():
            if statement != self._statement and not self._judging.are_disjoint(statement, self._statement):
                for position in self._new_text_positions:
                    places = self._judging.partners(statement, self._statement, position)
                    yield from (rows[place] for place in places if place in rows)

    def _overlapping_rows(self, arrival: Arrival) -> Iterator[StoredRow]:
        while self._unaligned:
            yield self._unaligned.popleft()
