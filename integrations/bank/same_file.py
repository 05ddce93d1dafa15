"""A file that its connection read before, read again: its entries are known by their places in it, whatever they say.

Another charset, layout or column of ids gives the entries of the same bytes other texts, and so other keys. Which runs
read the file the engine knows by its SHA-256, and the rows that they wrote last say their place:

- an entry of the same statement, place, day and amount is that row;
- where another file delivered the row since, and the earlier run loaded all of its entries, the row of the entry is
  among those of its day and amount. Where these are more than the entries that look for one, or more entries look for
  one than the earlier run read and no longer holds, or entries of other pages may be among those, nothing tells which:
  none is written, and the run says so. Where it still holds all that it read, these settings read more of the file:
  what has no row is new.

Each statement of the file is held against what was read of it. One that is another statement by these settings is held
against all of its account, and where these are several nothing tells which it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from ingestion import Context, counted
from ingestion.models import Run, RunArtifact
from integrations.bank.arrivals import Arrival, Row, chunks, ledger, read
from integrations.bank.models import BankStatement, BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_ALL_LOADED = frozenset({"unchanged"})
"""What a run may skip and yet have every entry of its file in the ledger."""
_SHOWN = 5
_Money = tuple[int, date, Decimal]


class _Earlier(NamedTuple):
    """The runs of this connection that read the file before."""

    runs: frozenset[int]
    read: int
    """The entries of one of them that skipped and rejected none, so that each has its row; 0 where none did."""


def adopt(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """Find the rows of entries that are new by their keys alone; sentences where any was not."""
    new = [arrival for arrival in arrivals if arrival.stored is None and not arrival.owner.account_is_new]
    new = [arrival for arrival in new if arrival.entry.position is not None and not arrival.is_twin]
    earlier = _earlier(ctx) if new else None
    if earlier is None:
        return []
    taken = {arrival.key for arrival in arrivals}
    taken |= {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    at_places = _at_places(ctx, earlier, new, taken)
    left = [arrival for arrival in new if arrival.stored is None]
    elsewhere, undecided = _elsewhere(ctx, earlier, left, taken, arrivals) if left and earlier.read else ([], [])
    return [*_told(at_places + elsewhere), *_left_as_stored(undecided)]


def _earlier(ctx: Context) -> _Earlier | None:
    """None for a run of several files, whose rows do not say of which file they are."""
    if len(ctx.inbox) != 1:
        return None
    inputs = RunArtifact.objects.for_tenant(ctx.tenant).filter(role=RunArtifact.Role.INPUT)
    of_file = inputs.filter(artifact_id=ctx.inbox[0].artifact_id, run__connection__runs=ctx.run_id)
    runs = set(of_file.filter(run_id__lt=ctx.run_id).values_list("run_id", flat=True))
    if not runs:
        return None
    runs -= set(
        inputs.filter(run_id__in=runs).exclude(artifact_id=ctx.inbox[0].artifact_id).values_list("run_id", flat=True)
    )
    ended = Run.objects.for_tenant(ctx.tenant).filter(pk__in=runs, state=Run.State.SUCCEEDED, dead=0)
    counts = ended.values_list("read", "skip_reasons")
    read = max((count for count, reasons in counts if reasons.keys() <= _ALL_LOADED), default=0)
    return _Earlier(frozenset(runs), read) if runs else None


class _Missing(NamedTuple):
    """The entries that were read before and are in rows of other files, as far as the batch shows."""

    number: int
    are_here: bool
    """Whether all of them are entries of the batch, and none of another page or statement."""


def _missing(ctx: Context, earlier: _Earlier, arrivals: Sequence[Arrival], before: Mapping[int, int]) -> _Missing:
    """Of the statement of the batch; where these settings make it another, of all that were read of its account."""
    own, entries = arrivals[0].owner, arrivals[0].entry.statement.entries
    is_known = own.statement_id in before
    of_own = Q(statement_id=own.statement_id) if is_known else Q(account_id=own.account_id)
    by_file = Q(run_id__in={*earlier.runs, ctx.run_id})
    here = ledger(ctx).filter(of_own, by_file).count()
    stored = {arrival.stored.pk for arrival in arrivals if arrival.stored is not None}
    others = sum(ledger(ctx).filter(~by_file, pk__in=chunk).count() for chunk in chunks(stored))
    new = sum(arrival.stored is None for arrival in arrivals)
    read_before = before[own.statement_id] if is_known else sum(before.values()) or earlier.read
    is_whole = here + others + new >= max(read_before, entries)
    return _Missing(read_before - here - others, is_whole and (is_known or len(before) < 2))


def _read_before(ctx: Context, earlier: _Earlier, account: int) -> dict[int, int]:
    """The statements of the account that the file was read as last, each with its number of entries."""
    of_account = BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account)
    first_read = of_account.filter(run_id__in=earlier.runs)
    newest = first_read.order_by("-run_id").values_list("run_id", flat=True).first()
    rows = ledger(ctx).filter(account_id=account, run_id__in=earlier.runs).order_by()
    holding = set(rows.values_list("statement_id", flat=True).distinct())
    return dict(of_account.filter(Q(run_id=newest) | Q(pk__in=holding)).values_list("pk", "entries"))


def _at_places(ctx: Context, earlier: _Earlier, new: Sequence[Arrival], taken: set[str]) -> list[Arrival]:
    at: dict[object, list[Row]] = defaultdict(list)
    statements = set()
    for row in _rows(ctx, new):
        if row.run in earlier.runs:
            statements.add(row.row.statement_id)
            at[row.row.statement_id, row.row.position, row.money].append(row.row)
            at[row.row.position, row.money].append(row.row)
    adopted = []
    for arrival in new:
        own = arrival.owner.statement_id
        place = (arrival.entry.position, arrival.money)
        adopted += _take(arrival, at[own, *place] if own in statements else at[place], taken)
    return adopted


def _elsewhere(
    ctx: Context, earlier: _Earlier, left: Sequence[Arrival], taken: set[str], arrivals: Sequence[Arrival]
) -> tuple[list[Arrival], list[Arrival]]:
    """Those whose rows another file delivered since, and those of which nothing tells which row it is."""
    before = _read_before(ctx, earlier, left[0].owner.account_id)
    missing = _missing(ctx, earlier, arrivals, before)
    if missing.number <= 0:
        return [], []
    otherwise = _read_otherwise(ctx, earlier, left, before)
    seeking: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in left:
        if arrival.key not in otherwise:
            seeking[arrival.money].append(arrival)
    rows: dict[_Money, list[Row]] = defaultdict(list)
    for row in _rows(ctx, [arrival for some in seeking.values() for arrival in some]):
        if row.row.external_id not in taken and row.run != ctx.run_id:
            rows[row.money].append(row.row)
    adopted, undecided = [], []
    sought = sum(min(len(rows[money]), len(some)) for money, some in seeking.items())
    are_missing = missing.are_here and sought <= missing.number
    for money, some in seeking.items():
        is_certain = are_missing and len(rows[money]) <= len(some)
        for arrival in some:
            found = _take(arrival, rows[money], taken)
            if is_certain:
                adopted += found
            else:
                arrival.is_older = bool(found)
                undecided += found
    return adopted, undecided


def _read_otherwise(ctx: Context, earlier: _Earlier, left: Sequence[Arrival], before: Mapping[int, int]) -> set[str]:
    """The keys of those that the earlier run read with another day or amount: these are other entries now."""
    at: dict[tuple[int, int | None], list[_Money]] = defaultdict(list)
    rows = ledger(ctx).filter(run_id__in=earlier.runs).exclude(withdrawn=_COPY)
    for chunk in chunks({arrival.entry.position or 0 for arrival in left}):
        for row in read(rows.filter(position__in=chunk)):
            at[row.statement_id, row.position].append((row.account_id, row.booked_on, row.amount))
    otherwise = set()
    for arrival in left:
        own, place = arrival.owner.statement_id, arrival.entry.position or 0
        # By these settings it may be another statement than it was: any of its account that had such a place.
        was = [own] if own in before else [pk for pk, entries in before.items() if entries > place]
        read_there = [at[pk, place] for pk in was]
        if read_there and all(read_there) and not any(arrival.money in moneys for moneys in read_there):
            otherwise.add(arrival.key)
    return otherwise


class _Written(NamedTuple):
    row: Row
    run: int
    """The run that wrote it last."""

    @property
    def money(self) -> _Money:
        return self.row.account_id, self.row.booked_on, self.row.amount


def _rows(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[_Written]:
    """The rows of their days and amounts."""
    if not arrivals:
        return
    days = [arrival.entry.day for arrival in arrivals]
    near = (
        ledger(ctx)
        .exclude(withdrawn=_COPY)
        .filter(
            account_id__in={arrival.owner.account_id for arrival in arrivals}, booked_on__range=(min(days), max(days))
        )
    )
    for chunk in chunks({arrival.entry.amount for arrival in arrivals}):
        for *values, run in near.filter(amount__in=chunk).values_list(*Row._fields, "run_id"):
            yield _Written(Row(*values), run)


def _take(arrival: Arrival, rows: Iterable[Row], taken: set[str]) -> list[Arrival]:
    row = next((row for row in rows if row.external_id not in taken), None)
    if row is None:
        return []
    taken.add(row.external_id)
    arrival.is_stored(row)
    return [arrival]


def _told(adopted: Sequence[Arrival]) -> list[str]:
    what = "of this file, which was read before, came with other texts or ids: the stored rows say what they say now"
    return [f"{_count(adopted)} {what}: {_shown(adopted)}"] if adopted else []


def _left_as_stored(undecided: Sequence[Arrival]) -> list[str]:
    what = (
        "of this file, which was read before, came with other texts or ids, and stored entries of their days and "
        "amounts may be these or others. Nothing tells which are which, so these stay as they are and nothing was added"
    )
    return [f"{_count(undecided)} {what}: {_shown(undecided)}"] if undecided else []


def _count(arrivals: Sequence[Arrival]) -> str:
    return counted(len(arrivals), "entry", "entries")


def _shown(arrivals: Sequence[Arrival]) -> str:
    return "; ".join(arrival.shown for arrival in arrivals[:_SHOWN])
