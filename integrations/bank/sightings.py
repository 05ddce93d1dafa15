"""Which statements delivered one entry, as long as a later statement may show that it was two.

A coffee, a refund and a coffee again, each in a statement of its own: until the refund arrives, the second coffee looks
like the first one sent again, so both statements deliver one row. Both are kept as sightings of it. With the refund the
balances lead from one statement to the other, and the row is split into two.

That can happen only on a day with which one of the two statements ends and the other begins, or within which one of
them was cut. Only entries of such a day have sightings: days that two exports both show whole need none.

Rows of statements without balances are not split. For a day at an end of such a statement the sightings show that it
came in parts, see parts_of_days.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingestion import Context, counted
from ingestion.models import TenantQuerySet
from integrations.bank.arrivals import Arrival, StoredRow, chunks, ledger, read_rows
from integrations.bank.courses import may_lie_otherwise
from integrations.bank.identity import Ids, look_of
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting
from integrations.bank.numbering import is_numbered
from integrations.bank.ordinals import Ordinals
from integrations.bank.parts_of_days import ends_of, is_undecided
from integrations.bank.stakes import describe_stakes

_SHOWN = 5


class _Sighting(NamedTuple):
    """The place of an entry in a statement that delivered it."""

    statement: int
    position: int
    entry: int
    look: str


def record_sightings(ctx: Context, ids: Ids, judging: Judging, arrived: Sequence[Arrival]) -> None:
    """Keep which entries took the rows of other statements, and which statements these rows came from. No query if none
    did.
    """
    shared_rows = [(arrival, row) for arrival in arrived if (row := _row_of_other_statement(arrival)) is not None]
    judging.prefetch(pk for arrival, row in shared_rows for pk in (row.statement_id, arrival.owner.statement_id))
    sightings = []
    for arrival, row in shared_rows:
        arriving_pk, entry = arrival.owner.statement_id, arrival.entry
        pair = row.statement_id, arriving_pk
        day_is_undecided = entry.day in ends_of(judging, arriving_pk) and is_undecided(ids, judging, arrival, row)
        if not (day_is_undecided or judging.meet_on(*pair, entry.day) or judging.is_cut(*pair, entry.day)):
            continue
        look = look_of(entry.account.known_by, entry.currency, entry, ids)
        for statement, position in ((row.statement_id, row.position or 0), (arriving_pk, entry.position or 0)):
            sightings.append(
                BankSighting(
                    tenant_id=ctx.tenant.id,
                    account_id=row.account_id,
                    booked_on=entry.day,
                    statement_id=statement,
                    position=position,
                    entry_id=row.pk,
                    look=look,
                )
            )
    if sightings:
        _forget_moved(ctx, shared_rows)
        _sightings_of(ctx).bulk_create(sightings, batch_size=500, ignore_conflicts=True)


def _forget_moved(ctx: Context, shared: Sequence[tuple[Arrival, StoredRow]]) -> None:
    """Delete sightings of entries that have another row now."""
    rows = {(arrival.owner.statement_id, arrival.entry.position): row.pk for arrival, row in shared}
    sightings = _sightings_of(ctx).filter(statement_id__in={statement for statement, _ in rows})
    moved = [
        pk
        for pk, statement, position, entry in sightings.values_list("pk", "statement_id", "position", "entry_id")
        if rows.get((statement, position), entry) != entry
    ]
    for chunk in chunks(moved):
        _sightings_of(ctx).filter(pk__in=chunk).delete()


def _row_of_other_statement(arrival: Arrival) -> StoredRow | None:
    """The entry's stored row if another statement delivered it before and its position is known, else None."""
    row = arrival.stored
    if row is None or row.position is None or arrival.entry.position is None:
        return None
    return row if row.statement_id != arrival.owner.statement_id else None


def split_rows(ctx: Context, arrived: Sequence[Arrival]) -> list[str]:
    """Split the rows of which the loaded statements show that they are several entries; a note if there were any."""
    days = {
        (arrival.owner.account_id, day)
        for arrival in arrived
        if not arrival.owner.account_is_new
        for day in (arrival.entry.statement.first, arrival.entry.statement.last)
        if day is not None
    }
    if not days:
        return []
    stored_sightings = _sightings_of(ctx).filter(
        account_id__in={pk for pk, _ in days}, booked_on__in={day for _, day in days}
    )
    sightings: dict[int, list[_Sighting]] = defaultdict(list)
    for sighting in map(
        _Sighting._make, stored_sightings.order_by("pk").values_list("statement_id", "position", "entry_id", "look")
    ):
        sightings[sighting.entry].append(sighting)
    return _RowSplit(ctx, sightings).split() if sightings else []


class _RowSplit:
    """The sightings of some days, and the rows they belong to."""

    def __init__(self, ctx: Context, sightings: dict[int, list[_Sighting]]) -> None:
        self._ctx = ctx
        self._sightings = sightings
        self._judging = Judging(ctx, ())
        self._ordinals = Ordinals(ctx)
        self._undecided: set[int] = set()
        """Rows of which the balances leave open whether they are several entries."""
        countable = ledger(ctx).filter(withdrawn="")
        self._rows = {row.pk: row for chunk in chunks(sightings) for row in read_rows(countable.filter(pk__in=chunk))}
        self._judging.prefetch(
            [sighting.statement for of_row in sightings.values() for sighting in of_row]
            + [row.statement_id for row in self._rows.values()]
        )

    def split(self) -> list[str]:
        moves = [(sighting, row) for row in self._rows.values() for sighting in self._find_leaving(row)]
        if not moves:
            return []
        self._ordinals.prefetch({sighting.look for sighting, _ in moves})
        new_rows = [row for sighting, row in sorted(moves) if self._move_sighting(sighting, row)]
        if not new_rows:
            return []
        examples = "; ".join(row.summary for row in new_rows[:_SHOWN])
        entries = counted(
            len(new_rows),
            "entry that seemed to be sent again is an entry of its own",
            "entries that seemed to be sent again are entries of their own",
        )
        reason = "because the balances lead from one of their statements to the other"
        return [
            f"{entries}, {reason}: {examples}",
            *_note_open_splits([row for row in new_rows if row.pk in self._undecided]),
        ]

    def _find_leaving(self, row: StoredRow) -> list[_Sighting]:
        """The sightings of the row by statements that have nothing in common with the statements that stay."""
        staying, leaving = {row.statement_id}, []
        for sighting in self._sightings[row.pk]:
            disjoint = [statement for statement in staying if self._judging.are_disjoint(sighting.statement, statement)]
            undecided = [statement for statement in disjoint if self._may_overlap(sighting.statement, statement)]
            if not disjoint or (
                disjoint == undecided and all(self._is_joined_by_third(row, sighting.statement, pk) for pk in undecided)
            ):
                staying.add(sighting.statement)
                continue
            leaving.append(sighting)
            if disjoint == undecided:
                self._undecided.add(row.pk)
        return leaving

    def _may_overlap(self, *pair: int) -> bool:
        """Whether the two may as well overlap: they have a run of entries in common, and no numbers tell them apart."""
        if self._judging.are_led_apart(*pair):
            return True
        if all(is_numbered(self._judging.statement(pk).number) for pk in pair):
            return False
        return self._judging.ask(may_lie_otherwise, *pair) or self._judging.are_aligned(*pair)

    def _is_joined_by_third(self, row: StoredRow, *pair: int) -> bool:
        """Whether a third statement that delivered the row has a run of entries in common with each of the two."""
        thirds = {row.statement_id, *(sighting.statement for sighting in self._sightings[row.pk])} - set(pair)
        return any(all(self._judging.are_aligned(third, statement) for statement in pair) for third in thirds)

    def _move_sighting(self, sighting: _Sighting, row: StoredRow) -> bool:
        """Give the sighting the next row of its look that its statement may have delivered, else a new row.

        Returns whether it made a new row.
        """
        for key, target in self._ordinals.of(sighting.look):
            if target is None:
                new_row = self._copy_row(sighting, row, key)
                self._ordinals.rows[key] = new_row
                self._store_sighting(sighting, new_row)
                return True
            if target.pk != row.pk and self._may_deliver(sighting, target):
                self._store_sighting(sighting, target)
                return False
        return False

    def _may_deliver(self, sighting: _Sighting, target: StoredRow) -> bool:
        deliverers = {target.statement_id, *(deliverer.statement for deliverer in self._sightings.get(target.pk, ()))}
        return sighting.statement not in deliverers and not any(
            self._judging.are_disjoint(sighting.statement, deliverer) for deliverer in deliverers
        )

    def _store_sighting(self, sighting: _Sighting, target: StoredRow) -> None:
        self._sightings[sighting.entry].remove(sighting)
        self._sightings.setdefault(target.pk, []).append(sighting._replace(entry=target.pk))
        stored_sighting = _sightings_of(self._ctx).filter(statement_id=sighting.statement, position=sighting.position)
        stored_sighting.update(entry_id=target.pk)

    def _copy_row(self, sighting: _Sighting, row: StoredRow, key: str) -> StoredRow:
        """A copy of the row under `key`, of the sighting's statement. It has no digest, so that the next file writes
        it.
        """
        copy = ledger(self._ctx).get(pk=row.pk)
        copy.pk = None
        copy._state.adding = True
        copy.external_id, copy.digest, copy.run_id = key, b"", self._ctx.run_id or copy.run_id
        copy.statement_id, copy.position = sighting.statement, sighting.position
        copy.save(force_insert=True)
        return next(read_rows(ledger(self._ctx).filter(pk=copy.pk)))


def _note_open_splits(rows: Sequence[StoredRow]) -> Iterator[str]:
    if rows:
        yield (
            "A balance comes back in these statements: the entries may as well be the same, sent again, or be two. All "
            f"of them count. {describe_stakes(rows)} Compare them with the bank's."
        )


def _sightings_of(ctx: Context) -> TenantQuerySet[BankSighting]:
    return BankSighting.objects.for_tenant(ctx.tenant)
