"""Which statements delivered one entry, as long as a statement that arrives later may show that it was two.

A coffee, a refund and a coffee again, each in a statement of its own: before the refund arrives nothing tells the
second coffee from the first one sent again, so both statements deliver one row. Both are kept as sightings of it. With
the refund the balances lead from one statement to the other, and the row is parted into two.

That can happen only on a day with which one of the two statements ends and the other begins, or within which one of
them was cut. Only entries of such a day are kept: of the days that two exports both show whole nothing is.

Without balances no row is parted; of a day at an end of such a statement sightings tell that it came in parts, see
parts_of_days.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingestion import Context, counted
from ingestion.models import TenantQuerySet
from integrations.bank.arrivals import Arrival, Row, chunks, ledger, read
from integrations.bank.courses import may_lie_otherwise
from integrations.bank.identity import Ids, look_of
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting
from integrations.bank.numbering import is_numbered
from integrations.bank.ordinals import Ordinals
from integrations.bank.parts_of_days import ends_of, is_left_open
from integrations.bank.stakes import at_stake

_SHOWN = 5


class _Place(NamedTuple):
    """An entry's place in a statement that delivered it."""

    statement: int
    position: int
    entry: int
    look: str


def record(ctx: Context, ids: Ids, judging: Judging, arrived: Sequence[Arrival]) -> None:
    """Keep what took the rows of other statements, and whose rows these were. No query where nothing did."""
    shared = [(arrival, row) for arrival in arrived if (row := _of_another(arrival)) is not None]
    judging.learn(pk for arrival, row in shared for pk in (row.statement_id, arrival.owner.statement_id))
    sightings = []
    for arrival, row in shared:
        own, entry = arrival.owner.statement_id, arrival.entry
        both = row.statement_id, own
        is_open = entry.day in ends_of(judging, own) and is_left_open(ids, judging, arrival, row)
        if not (is_open or judging.meet_on(*both, entry.day) or judging.is_cut(*both, entry.day)):
            continue
        look = look_of(entry.account.known_by, entry.currency, entry, ids)
        for statement, position in ((row.statement_id, row.position or 0), (own, entry.position or 0)):
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
        _forget_moved(ctx, shared)
        _sighted(ctx).bulk_create(sightings, batch_size=500, ignore_conflicts=True)


def _forget_moved(ctx: Context, shared: Sequence[tuple[Arrival, Row]]) -> None:
    """Take back sightings of entries that have another row now."""
    rows = {(arrival.owner.statement_id, arrival.entry.position): row.pk for arrival, row in shared}
    kept = _sighted(ctx).filter(statement_id__in={statement for statement, _ in rows})
    moved = [
        pk
        for pk, statement, position, entry in kept.values_list("pk", "statement_id", "position", "entry_id")
        if rows.get((statement, position), entry) != entry
    ]
    for chunk in chunks(moved):
        _sighted(ctx).filter(pk__in=chunk).delete()


def _of_another(arrival: Arrival) -> Row | None:
    """The stored row that another statement delivered before, None where that is not known or not so."""
    row = arrival.stored
    if row is None or row.position is None or arrival.entry.position is None:
        return None
    return row if row.statement_id != arrival.owner.statement_id else None


def part(ctx: Context, arrived: Sequence[Arrival]) -> list[str]:
    """Part the rows of which the loaded statements show that they are several entries; a sentence where any was."""
    days = {
        (arrival.owner.account_id, day)
        for arrival in arrived
        if not arrival.owner.account_is_new
        for day in (arrival.entry.statement.first, arrival.entry.statement.last)
        if day is not None
    }
    if not days:
        return []
    listed = _sighted(ctx).filter(account_id__in={pk for pk, _ in days}, booked_on__in={day for _, day in days})
    places: dict[int, list[_Place]] = defaultdict(list)
    for place in map(_Place._make, listed.order_by("pk").values_list("statement_id", "position", "entry_id", "look")):
        places[place.entry].append(place)
    return _Parting(ctx, places).part() if places else []


class _Parting:
    """The sightings of some days, and the rows they are of."""

    def __init__(self, ctx: Context, places: dict[int, list[_Place]]) -> None:
        self._ctx = ctx
        self._places = places
        self._judging = Judging(ctx, ())
        self._ordinals = Ordinals(ctx)
        self._open: set[int] = set()
        """Rows of which the balances leave open whether they are several entries."""
        counted = ledger(ctx).filter(withdrawn="")
        self._rows = {row.pk: row for chunk in chunks(places) for row in read(counted.filter(pk__in=chunk))}
        self._judging.learn(
            [place.statement for of_row in places.values() for place in of_row]
            + [row.statement_id for row in self._rows.values()]
        )

    def part(self) -> list[str]:
        leaving = [(place, row) for row in self._rows.values() for place in self._leaving(row)]
        if not leaving:
            return []
        self._ordinals.learn({place.look for place, _ in leaving})
        parted = [row for place, row in sorted(leaving) if self._move(place, row)]
        if not parted:
            return []
        shown = "; ".join(row.shown for row in parted[:_SHOWN])
        entries = counted(
            len(parted),
            "entry that seemed to be sent again is an entry of its own",
            "entries that seemed to be sent again are entries of their own",
        )
        why = "because the balances lead from one of their statements to the other"
        return [f"{entries}, {why}: {shown}", *_in_doubt([row for row in parted if row.pk in self._open])]

    def _leaving(self, row: Row) -> list[_Place]:
        """The sightings of the row by statements that have nothing in common with those that stay."""
        staying, leaving = {row.statement_id}, []
        for place in self._places[row.pk]:
            others = [other for other in staying if self._judging.are_others(place.statement, other)]
            doubted = [other for other in others if self._leave_it_open(place.statement, other)]
            if not others or (others == doubted and all(self._is_shown(row, place.statement, pk) for pk in doubted)):
                staying.add(place.statement)
                continue
            leaving.append(place)
            if others == doubted:
                self._open.add(row.pk)
        return leaving

    def _leave_it_open(self, *pair: int) -> bool:
        """Whether they may as well overlap: they have a run of entries, and no numbers tell them apart."""
        if self._judging.are_led_apart(*pair):
            return True
        if all(is_numbered(self._judging.statement(pk).number) for pk in pair):
            return False
        return self._judging.say(may_lie_otherwise, *pair) or self._judging.are_aligned(*pair)

    def _is_shown(self, row: Row, *pair: int) -> bool:
        """Whether a third statement that delivered the row has a run of entries in common with each of the two."""
        thirds = {row.statement_id, *(place.statement for place in self._places[row.pk])} - set(pair)
        return any(all(self._judging.are_aligned(third, each) for each in pair) for third in thirds)

    def _move(self, place: _Place, row: Row) -> bool:
        """Give the sighting the next row of its look that its statement may have delivered, else one of its own.

        Whether that made a new row.
        """
        for key, target in self._ordinals.of(place.look):
            if target is None:
                copied = self._copied(place, row, key)
                self._ordinals.rows[key] = copied
                self._keep(place, copied)
                return True
            if target.pk != row.pk and self._may_deliver(place, target):
                self._keep(place, target)
                return False
        return False

    def _may_deliver(self, place: _Place, target: Row) -> bool:
        deliverers = {target.statement_id, *(other.statement for other in self._places.get(target.pk, ()))}
        return place.statement not in deliverers and not any(
            self._judging.are_others(place.statement, other) for other in deliverers
        )

    def _keep(self, place: _Place, target: Row) -> None:
        self._places[place.entry].remove(place)
        self._places.setdefault(target.pk, []).append(place._replace(entry=target.pk))
        own = _sighted(self._ctx).filter(statement_id=place.statement, position=place.position)
        own.update(entry_id=target.pk)

    def _copied(self, place: _Place, row: Row, key: str) -> Row:
        """A row like `row` under `key`, of the statement that saw it; its digest is none, so that a file writes it."""
        copy = ledger(self._ctx).get(pk=row.pk)
        copy.pk = None
        copy._state.adding = True
        copy.external_id, copy.digest, copy.run_id = key, b"", self._ctx.run_id or copy.run_id
        copy.statement_id, copy.position = place.statement, place.position
        copy.save(force_insert=True)
        return next(read(ledger(self._ctx).filter(pk=copy.pk)))


def _in_doubt(parted: Sequence[Row]) -> Iterator[str]:
    if parted:
        yield (
            "A balance comes back in these statements: the entries may as well be the same, sent again, or be two. All "
            f"of them count. {at_stake(parted)} Compare them with the bank's."
        )


def _sighted(ctx: Context) -> TenantQuerySet[BankSighting]:
    return BankSighting.objects.for_tenant(ctx.tenant)
