"""Pages of one statement that arrive in different files: equal entries of two pages are twins, and none was sent again.

twins.py tells them apart within a run. Here an entry's id leads to the row of a statement that has nothing in common
with its own: by the numbers (`7/1`, `7/2`), by the balances (courses.py), or because stored statements of the day lead
from one to the other. Or the two show a run of entries between the same balances, and the row is of another place in
it. The entries of that look then take the rows of their own places, or the next ids that are free.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from itertools import chain

from ingestion import Context
from integrations.bank import doubts
from integrations.bank.arrivals import Arrival, Row, by_key, chunks, ledger, read
from integrations.bank.courses import may_lie_otherwise
from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting
from integrations.bank.ordinals import Ordinals

_FEW = 4
"""Equal entries of earlier statements that are looked at where the run says what it leaves open."""
_Group = tuple[int, str]
"""The statement and the look of entries that are twins within it."""


def part(ctx: Context, ids: Ids, judging: Judging, arrivals: Sequence[Arrival]) -> list[str]:
    """Give entries that are twins of another page's their own ids; a sentence for what may as well be the same."""
    elsewhere = [arrival for arrival in arrivals if _may_be_another(arrival)]
    equals = [(arrival, arrival.stored) for arrival in elsewhere if arrival.stored is not None]
    parted = list(_parted(ctx, ids, arrivals))
    judging.learn(row.statement_id for _, row in [*equals, *parted])
    equals += [
        (arrival, row) for arrival, row in parted if judging.are_others(row.statement_id, arrival.owner.statement_id)
    ]
    sentences = doubts.told(judging, equals) if equals else []
    if not elsewhere:
        return sentences
    moving = {_group(arrival, ids) for arrival in elsewhere if _is_apart(judging, arrival, arrival.stored)}
    moving |= {_group(arrival, ids) for arrival in _moved_before(ctx, ids, judging, elsewhere)}
    moving |= {_group(arrival, ids) for arrival in _at_home(ctx, elsewhere)}
    if not moving:
        return sentences
    groups: dict[_Group, list[Arrival]] = defaultdict(list)
    statements = {statement for statement, _ in moving}
    for arrival in arrivals:
        is_near = arrival.owner.statement_id in statements and _is_told_by_look(arrival)
        if is_near and (group := _group(arrival, ids)) in moving:
            groups[group].append(arrival)
    staying = {arrival.key for arrival in arrivals} - {one.key for group in groups.values() for one in group}
    alike = _retold(ids, arrivals, {arrival.money for twins in groups.values() for arrival in twins})
    ordinals = Ordinals(ctx)
    ordinals.learn({look for _, look in groups})
    passed_by: list[doubts.Equal] = []
    seen = _seen(ctx, {arrival.money[:2] for twins in groups.values() for arrival in twins})
    for (statement, look), twins in groups.items():
        twins.sort(key=lambda one: one.entry.position or 0)
        parting = _Parting(judging, statement, staying, alike[statement, twins[0].money], seen)
        parting.settle(ordinals.of(look), twins)
        passed_by += [*parting.passed_by(twins), *_of_others(twins)]
    pairs = {(row.statement_id, arrival.owner.statement_id) for arrival, row in equals}
    passed_by = [each for each in passed_by if (each[1].statement_id, each[0].owner.statement_id) not in pairs]
    return sentences + (doubts.told(judging, passed_by) if passed_by else [])


def _of_others(twins: Sequence[Arrival]) -> Iterator[doubts.Equal]:
    """Those that took the row of another statement, which need not be that to which their own id had led."""
    for arrival in twins:
        if arrival.stored is not None and arrival.stored.statement_id != arrival.owner.statement_id:
            yield arrival, arrival.stored


def _seen(ctx: Context, days: Set[tuple[int, date]]) -> dict[tuple[int, int], int]:
    """The rows of what more than one statement delivered on these days of accounts, by statement and place."""
    on = [day for _, day in days]
    sightings = BankSighting.objects.for_tenant(ctx.tenant).filter(
        account_id__in={account for account, _ in days}, booked_on__range=(min(on), max(on))
    )
    listed = sightings.values_list("statement_id", "position", "entry_id")
    return {(statement, position): entry for statement, position, entry in listed}


def _group(arrival: Arrival, ids: Ids) -> _Group:
    entry = arrival.entry
    return arrival.owner.statement_id, look_of(entry.account.known_by, entry.currency, entry, ids)


def _retold(ids: Ids, arrivals: Sequence[Arrival], moneys: Set[object]) -> dict[tuple[int, object], list[int]]:
    """The places of entries by statement, day and amount, of which no entry with their text is stored."""
    near = [(_group(arrival, ids), arrival) for arrival in arrivals if arrival.money in moneys]
    stored = {group for group, arrival in near if arrival.stored is not None}
    retold: dict[tuple[int, object], list[int]] = defaultdict(list)
    for group, arrival in near:
        if group not in stored and arrival.entry.position is not None:
            retold[group[0], arrival.money].append(arrival.entry.position)
    return retold


def _parted(ctx: Context, ids: Ids, arrivals: Sequence[Arrival]) -> Iterator[doubts.Equal]:
    """Entries that this run numbered after equal ones of a statement that it read before, each with one of these."""
    batch = {arrival.key for arrival in arrivals}
    equal: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.stored is None and not arrival.owner.account_is_new and _is_told_by_look(arrival):
            look = _group(arrival, ids)[1]
            keys = [key_of(look, at) for at in range(_FEW)]
            before = keys[: keys.index(arrival.key)] if arrival.key in keys else keys
            equal.update((key, arrival) for key in before if key not in batch)
    for key, row in (by_key(ctx, equal) if equal else {}).items():
        if row.statement_id != equal[key].owner.statement_id and not row.withdrawn:
            yield equal[key], row


def _moved_before(ctx: Context, ids: Ids, judging: Judging, elsewhere: Sequence[Arrival]) -> list[Arrival]:
    """Those whose own id is held by an earlier twin of their own statement, which had to give way itself."""
    own = [one for one in elsewhere if one.stored is not None and one.stored.statement_id == one.owner.statement_id]
    keys = {arrival.key: key_of(_group(arrival, ids)[1], 0) for arrival in own}
    first = by_key(ctx, set(keys.values()))
    return [
        arrival
        for arrival in own
        if arrival.entry.unreadable
        or (arrival.stored is not None and judging.is_of_an_earlier_page(arrival.stored))
        or _is_apart(judging, arrival, first.get(keys[arrival.key]))
    ]


def _at_home(ctx: Context, elsewhere: Sequence[Arrival]) -> list[Arrival]:
    """Those of a statement sent again whose own place has another row of that day and amount."""
    again = [arrival for arrival in elsewhere if arrival.owner.sent_again]
    statements = {arrival.owner.statement_id for arrival in again}
    positions = {arrival.entry.position or 0 for arrival in again}
    # Places of other statements beside them are not looked up below, and a batch has few.
    homes = {
        (row.statement_id, row.position): row
        for some in chunks(statements)
        for chunk in chunks(positions)
        for row in read(ledger(ctx).filter(statement_id__in=some, position__in=chunk))
    }
    return [
        arrival
        for arrival in again
        if (home := homes.get((arrival.owner.statement_id, arrival.entry.position))) is not None
        and home.external_id != arrival.key
        and (home.account_id, home.booked_on, home.amount) == arrival.money
    ]


def _is_apart(judging: Judging, arrival: Arrival, row: Row | None) -> bool:
    own = arrival.owner.statement_id, arrival.entry.position
    return row is not None and judging.are_apart(row.statement_id, row.position, *own)


def _may_be_another(arrival: Arrival) -> bool:
    row = arrival.stored
    if row is None or not _is_told_by_look(arrival):
        return False
    return (row.statement_id, row.position) != (arrival.owner.statement_id, arrival.entry.position)


def _is_told_by_look(arrival: Arrival) -> bool:
    trusted = trusted_key(arrival.entry.account.known_by, bank_id(arrival.entry))
    return arrival.entry.position is not None and arrival.key != trusted


class _Parting:
    """The stored rows of one look, and the twins of an arriving statement that may be some of them."""

    def __init__(
        self,
        judging: Judging,
        statement: int,
        taken: set[str],
        alike: Sequence[int],
        seen: Mapping[tuple[int, int], int],
    ) -> None:
        self._judging = judging
        self._statement = statement
        self._taken = taken
        """Ids that entries of the batch have, which nobody else may take."""
        self._retold = self._in_their_places()
        """What one twin passed by is no other one's either, so all of them read it once."""
        self._alike = alike
        """The places of the statement's entries of their day and amount that have a text which is not stored."""
        self._seen = seen
        self._rows: dict[int, Row] = {}
        """By their ids."""
        self._at: dict[int, dict[int | None, Row]] = defaultdict(dict)
        self._unaligned: deque[Row] = deque()
        """Rows of statements that overlap with this one, where nothing tells which of its entries they are."""

    def settle(self, ordinals: Iterator[tuple[str, Row | None]], twins: Sequence[Arrival]) -> None:
        """Each takes the row of its own place, else of a twin of that, else one that overlaps, else a free id."""
        free = self._learn(ordinals)
        for rows_of in (self._own, self._aligned, self._interchangeable, self._of_another_text, self._overlapping):
            twins = [arrival for arrival in twins if not self._take(arrival, rows_of(arrival))]
        for arrival in twins:
            self._taken.add(key := next(key for key in free if key not in self._taken))
            arrival.key = key
            arrival.stored, arrival.withdrawn, arrival.replaced_by_id = None, "", None

    def passed_by(self, twins: Sequence[Arrival]) -> Iterator[doubts.Equal]:
        """Those that are new, with a row of each statement that continues theirs and may as well overlap with it."""
        for statement, rows in self._at.items():
            pair = statement, self._statement
            if self._judging.are_others(*pair) and self._judging.say(may_lie_otherwise, *pair):
                yield from ((arrival, next(iter(rows.values()))) for arrival in twins if arrival.stored is None)

    def _learn(self, ordinals: Iterator[tuple[str, Row | None]]) -> Iterator[str]:
        """Read the rows; the free ids after them."""
        rows: list[Row] = []
        free = ""
        while not free:
            key, row = next(ordinals)
            if row is not None:
                rows.append(row)
            elif key not in self._taken:
                free = key
        self._judging.learn(row.statement_id for row in rows)
        for row in rows:
            self._at[row.statement_id][row.position] = self._rows[row.pk] = row
            is_another = self._judging.are_others(row.statement_id, self._statement)
            own = row.statement_id == self._statement
            if not (own or is_another or self._judging.are_aligned(row.statement_id, self._statement)):
                self._unaligned.append(row)
        return chain([free], (key for key, row in ordinals if row is None))

    def _take(self, arrival: Arrival, rows: Iterator[Row]) -> bool:
        """Whether one of the rows is free; the entry is that one then."""
        row = next((row for row in rows if row.external_id not in self._taken), None)
        if row is not None:
            self._taken.add(row.external_id)
            arrival.key = row.external_id
            arrival.is_stored(row)
        return row is not None

    def _own(self, arrival: Arrival) -> Iterator[Row]:
        row = self._at[self._statement].get(arrival.entry.position)
        if row is not None:
            yield row

    def _aligned(self, arrival: Arrival) -> Iterator[Row]:
        for statement in self._at:
            if statement != self._statement and not self._judging.are_others(statement, self._statement):
                places = self._judging.partners(statement, self._statement, arrival.entry.position or 0)
                yield from (row for place in places if (row := self._row_at(statement, place)) is not None)

    def _row_at(self, statement: int, place: int) -> Row | None:
        """The row of a place, also where a third statement delivered it since."""
        row = self._at[statement].get(place)
        return row if row is not None else self._rows.get(self._seen.get((statement, place), 0))

    def _interchangeable(self, arrival: Arrival) -> Iterator[Row]:
        """The twins in a statement that has this entry, where a third statement took the row of its own place there."""
        for statement, rows in self._at.items():
            if statement != self._statement and not self._judging.are_others(statement, self._statement):
                places = self._judging.partners(statement, self._statement, arrival.entry.position or 0)
                # Where the row of its place is another entry's of this statement, two entries were taken for one.
                if any(not self._is_taken(statement, place) for place in places):
                    yield from rows.values()

    def _is_taken(self, statement: int, place: int) -> bool:
        row = self._row_at(statement, place) if place not in self._at[statement] else None
        return row is not None and row.external_id in self._taken

    def _of_another_text(self, arrival: Arrival) -> Iterator[Row]:
        return self._retold

    def _in_their_places(self) -> Iterator[Row]:
        """The rows in the places of entries that have another text here.

        Listed by amount, equal amounts stand in any order; and the statement shows the stored entry in any case.
        """
        for statement, rows in self._at.items():
            if statement != self._statement and not self._judging.are_others(statement, self._statement):
                for position in self._alike:
                    places = self._judging.partners(statement, self._statement, position)
                    yield from (rows[place] for place in places if place in rows)

    def _overlapping(self, arrival: Arrival) -> Iterator[Row]:
        while self._unaligned:
            yield self._unaligned.popleft()
