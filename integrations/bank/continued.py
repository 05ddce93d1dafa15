"""Pages of one statement that arrive in different files: equal entries of two pages are twins, and none was sent again.

twins.py tells them apart within a run. Here an entry's id leads to the row of a statement that its own only continues:
by the numbers (`7/1`, `7/2`), or because one opens with what the other closes with, and what is stored of the days they
share is not zero. The entry then takes the row of its own place, or the next id that is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Sum

from ingestion import Context
from integrations.bank.arrivals import Arrival, Row, by_key, ledger
from integrations.bank.identity import Ids, bank_id, key_of, look_of, trusted_key
from integrations.bank.models import BankStatement
from integrations.bank.twins import page_number

_FEW, _MORE = 4, 40
"""Ordinals of one look that are looked up for all entries together, and for one that has more twins."""
_MOST = 4000


def part(ctx: Context, ids: Ids, arrivals: Sequence[Arrival]) -> None:
    """Give entries that are twins of another page's their own ids."""
    elsewhere = [arrival for arrival in arrivals if _may_be_another(arrival)]
    if not elsewhere:
        return
    parting = _Parting(ctx, _statements(ctx, elsewhere), {arrival.key for arrival in arrivals})
    looks = {arrival.key: _look(arrival, ids) for arrival in elsewhere}
    moved = [arrival for arrival in elsewhere if parting.is_continued(arrival, arrival.stored)]
    moved += _moved_before(ctx, parting, elsewhere, looks)
    parting.rows.update(by_key(ctx, [key_of(looks[one.key], at) for one in moved for at in range(_FEW)]))
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
    return look_of(arrival.entry.account.identifier, arrival.entry.currency, arrival.entry, ids)


def _may_be_another(arrival: Arrival) -> bool:
    row = arrival.stored
    if row is None or arrival.entry.position is None:
        return False
    if arrival.key == trusted_key(arrival.entry.account.identifier, bank_id(arrival.entry)):
        return False
    return (row.statement_id, row.position) != (arrival.owner.statement_id, arrival.entry.position)


def _statements(ctx: Context, arrivals: Sequence[Arrival]) -> dict[int, BankStatement]:
    wanted = {arrival.owner.statement_id for arrival in arrivals}
    wanted |= {arrival.stored.statement_id for arrival in arrivals if arrival.stored is not None}
    return BankStatement.objects.for_tenant(ctx.tenant).in_bulk(wanted)


@dataclass(slots=True)
class _Parting:
    ctx: Context
    statements: dict[int, BankStatement]
    taken: set[str]
    rows: dict[str, Row] = field(default_factory=dict)
    judged: dict[tuple[int, int], bool] = field(default_factory=dict)

    def is_continued(self, arrival: Arrival, row: Row | None) -> bool:
        return row is not None and self._continues(row.statement_id, arrival.owner.statement_id, arrival)

    def settle(self, arrival: Arrival, look: str) -> None:
        """Move the entry to the row of its place, else to one of a statement that overlaps, else to a free id."""
        place = (arrival.owner.statement_id, arrival.entry.position)
        overlapping: Row | None = None
        for ordinal in range(_MOST):
            key, row = key_of(look, ordinal), self._row(look, ordinal)
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

    def _row(self, look: str, ordinal: int) -> Row | None:
        if ordinal >= _FEW and (ordinal - _FEW) % _MORE == 0:
            self.rows.update(by_key(self.ctx, [key_of(look, ordinal + more) for more in range(_MORE)]))
        return self.rows.get(key_of(look, ordinal))

    def _continues(self, stored: int, own: int, arrival: Arrival) -> bool:
        """Whether one of the two statements continues the other, so that they have no entry in common."""
        if stored == own:
            return False
        if (stored, own) not in self.judged:
            if stored not in self.statements:
                self.statements.update(BankStatement.objects.for_tenant(self.ctx.tenant).in_bulk([stored]))
            self.judged[stored, own] = self._judge(self.statements[stored], self.statements[own], arrival)
        return self.judged[stored, own]

    def _judge(self, stored: BankStatement, own: BankStatement, arrival: Arrival) -> bool:
        first, second = page_number(stored.number), page_number(own.number)
        if first is not None and second is not None and first[0] == second[0] and first[1] != second[1]:
            earlier, later = (stored, own) if first[1] < second[1] else (own, stored)
            if abs(first[1] - second[1]) > 1 or None in (earlier.closing, later.opening):
                return True
            return earlier.closing == later.opening
        if None in (stored.opening, stored.closing, own.opening, own.closing):
            return False
        booked = ledger(self.ctx).filter(statement_id=stored.pk)
        if stored.closing == own.opening and _in_order(stored, own):
            shared = booked.filter(booked_on__gte=own.period_start or arrival.entry.day)
        elif own.closing == stored.opening and _in_order(own, stored):
            shared = booked.filter(booked_on__lte=own.period_end or arrival.entry.day)
        else:
            return False
        return bool(shared.aggregate(total=Sum("amount"))["total"])


def _in_order(first: BankStatement, second: BankStatement) -> bool:
    """Whether the first begins and ends no later, as far as their periods are known: else equal balances are chance."""
    pairs = ((first.period_start, second.period_start), (first.period_end, second.period_end))
    return all(one is None or other is None or one <= other for one, other in pairs)
