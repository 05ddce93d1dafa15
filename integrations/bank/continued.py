"""Pages of one statement that arrive in different files: equal entries of two pages are twins, and none was sent again.

twins.py tells them apart within a run. Here an entry's id leads to the row of a statement that has nothing in common
with its own: by the numbers (`7/1`, `7/2`), by the balances (courses.py), or because stored statements of the day lead
from one to the other. The entry then takes the row of its own place, or the next id that is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion import Context
from integrations.bank.arrivals import Arrival, Row, by_key
from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.judging import Judging
from integrations.bank.ordinals import Ordinals


def part(ctx: Context, ids: Ids, judging: Judging, arrivals: Sequence[Arrival]) -> None:
    """Give entries that are twins of another page's their own ids."""
    elsewhere = [arrival for arrival in arrivals if _may_be_another(arrival)]
    if not elsewhere:
        return
    judging.learn(arrival.stored.statement_id for arrival in elsewhere if arrival.stored is not None)
    parting = _Parting(Ordinals(ctx), judging, {arrival.key for arrival in arrivals})
    looks = {arrival.key: _look(arrival, ids) for arrival in elsewhere}
    moved = [arrival for arrival in elsewhere if parting.is_continued(arrival, arrival.stored)]
    moved += _moved_before(ctx, parting, elsewhere, looks)
    parting.ordinals.learn({looks[arrival.key] for arrival in moved})
    for arrival in sorted(moved, key=lambda one: one.entry.position or 0):
        parting.settle(arrival, looks[arrival.key])


def _moved_before(
    ctx: Context, parting: _Parting, elsewhere: Sequence[Arrival], looks: dict[str, str]
) -> list[Arrival]:
    """Those whose own id is held by an earlier twin of their own statement, which had to give way itself."""
    own = [one for one in elsewhere if one.stored is not None and one.stored.statement_id == one.owner.statement_id]
    first = by_key(ctx, [key_of(looks[arrival.key], 0) for arrival in own])
    return [
        arrival
        for arrival in own
        if arrival.entry.unreadable or parting.is_continued(arrival, first.get(key_of(looks[arrival.key], 0)))
    ]


def _look(arrival: Arrival, ids: Ids) -> str:
    return look_of(arrival.entry.account.known_by, arrival.entry.currency, arrival.entry, ids)


def _may_be_another(arrival: Arrival) -> bool:
    row = arrival.stored
    if row is None or arrival.entry.position is None:
        return False
    if arrival.key == trusted_key(arrival.entry.account.known_by, bank_id(arrival.entry)):
        return False
    return (row.statement_id, row.position) != (arrival.owner.statement_id, arrival.entry.position)


@dataclass(slots=True)
class _Parting:
    ordinals: Ordinals
    judging: Judging
    taken: set[str]

    def is_continued(self, arrival: Arrival, row: Row | None) -> bool:
        return row is not None and self.judging.are_others(row.statement_id, arrival.owner.statement_id)

    def settle(self, arrival: Arrival, look: str) -> None:
        """Move the entry to the row of its place, else to one of a statement that overlaps, else to a free id."""
        place = (arrival.owner.statement_id, arrival.entry.position)
        overlapping: Row | None = None
        for key, row in self.ordinals.of(look):
            if row is None and key not in self.taken:
                self._move(arrival, overlapping.external_id if overlapping else key, overlapping)
                return
            if row is None:
                continue
            if (row.statement_id, row.position) == place:
                self._move(arrival, key, row)
                return
            is_other = row.statement_id == place[0] or self.is_continued(arrival, row)
            if overlapping is None and key not in self.taken and not is_other:
                overlapping = row

    def _move(self, arrival: Arrival, key: str, row: Row | None) -> None:
        self.taken.discard(arrival.key)
        self.taken.add(key)
        arrival.key = key
        if row is None:
            arrival.stored, arrival.withdrawn, arrival.replaced_by_id = None, "", None
        else:
            arrival.is_stored(row)
