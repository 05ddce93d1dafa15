"""A file that its connection has read before, read again: its entries are recognised by their places in it, whatever
their texts.

Another charset, layout or column of ids gives the entries of the same bytes other texts, and so other keys. The engine
knows by SHA-256 which runs read the file, and the rows those runs wrote last have their places:

- an entry of the same statement, place, day and amount is that row;
- if another file delivered the row since, and the earlier run loaded all of its entries, the row is among those of the
  entry's day and amount. It stays undecided which row it is if more rows than entries come into question, if more
  entries come into question than the earlier run read and the file's rows no longer hold, or if entries of other pages
  may be among the rows. Undecided entries are not written, and the run says so. If the file's rows still hold all that
  was read, the new settings read more of the file: an entry without a row is new.

Each statement of the file is compared with what was read of it. If the settings make it another statement, it is
compared with everything read of its account; if that is several statements, it stays undecided which one it was.
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
from integrations.bank.arrivals import Arrival, StoredRow, chunks, ledger, read_rows
from integrations.bank.models import BankStatement, BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_ALL_LOADED = frozenset({"unchanged"})
"""Reasons for which a run may skip records and still have every entry of its file in the ledger."""
_SHOWN = 5
_Money = tuple[int, date, Decimal]


class _EarlierRuns(NamedTuple):
    """The runs of this connection that read the file before."""

    runs: frozenset[int]
    entries_read: int
    """How many entries a run read that skipped and rejected none, so that each has its row; 0 if no run did."""


def adopt_rows(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """Find the rows of entries that are new by their keys alone; notes if there were any."""
    new = [arrival for arrival in arrivals if arrival.stored is None and not arrival.owner.account_is_new]
    new = [arrival for arrival in new if arrival.entry.position is not None and not arrival.is_twin]
    earlier = _find_earlier_runs(ctx) if new else None
    if earlier is None:
        return []
    taken_keys = {arrival.key for arrival in arrivals}
    taken_keys |= {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    at_positions = _adopt_at_positions(ctx, earlier, new, taken_keys)
    still_new = [arrival for arrival in new if arrival.stored is None]
    from_other_files, undecided = (
        _adopt_from_other_files(ctx, earlier, still_new, taken_keys, arrivals)
        if still_new and earlier.entries_read
        else ([], [])
    )
    return [*_note_adopted(at_positions + from_other_files), *_note_undecided(undecided)]


def _find_earlier_runs(ctx: Context) -> _EarlierRuns | None:
    """The earlier runs of the file. None for a run of several files: its rows do not say which file they come from."""
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
    succeeded = Run.objects.for_tenant(ctx.tenant).filter(pk__in=runs, state=Run.State.SUCCEEDED, dead=0)
    counts = succeeded.values_list("read", "skip_reasons")
    entries_read = max((count for count, reasons in counts if reasons.keys() <= _ALL_LOADED), default=0)
    return _EarlierRuns(frozenset(runs), entries_read) if runs else None


class _Missing(NamedTuple):
    """The entries that were read before and whose rows other files delivered since, as far as the batch shows."""

    number: int
    are_here: bool
    """Whether all of them are entries of the batch, and none belongs to another page or statement."""


def _count_missing(
    ctx: Context, earlier: _EarlierRuns, arrivals: Sequence[Arrival], before: Mapping[int, int]
) -> _Missing:
    """Count for the statement of the batch or, if the settings make it another one, for all statements read of its
    account.
    """
    owner, entries = arrivals[0].owner, arrivals[0].entry.statement.entries
    was_read = owner.statement_id in before
    of_own = Q(statement_id=owner.statement_id) if was_read else Q(account_id=owner.account_id)
    by_file = Q(run_id__in={*earlier.runs, ctx.run_id})
    rows_of_file = ledger(ctx).filter(of_own, by_file).count()
    stored = {arrival.stored.pk for arrival in arrivals if arrival.stored is not None}
    rows_of_others = sum(ledger(ctx).filter(~by_file, pk__in=chunk).count() for chunk in chunks(stored))
    new = sum(arrival.stored is None for arrival in arrivals)
    read_before = before[owner.statement_id] if was_read else sum(before.values()) or earlier.entries_read
    is_whole = rows_of_file + rows_of_others + new >= max(read_before, entries)
    return _Missing(read_before - rows_of_file - rows_of_others, is_whole and (was_read or len(before) < 2))


def _statements_read_before(ctx: Context, earlier: _EarlierRuns, account: int) -> dict[int, int]:
    """The statements of the account as the file was read last, each with its number of entries."""
    of_account = BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account)
    first_read = of_account.filter(run_id__in=earlier.runs)
    newest = first_read.order_by("-run_id").values_list("run_id", flat=True).first()
    rows = ledger(ctx).filter(account_id=account, run_id__in=earlier.runs).order_by()
    holding = set(rows.values_list("statement_id", flat=True).distinct())
    return dict(of_account.filter(Q(run_id=newest) | Q(pk__in=holding)).values_list("pk", "entries"))


def _adopt_at_positions(
    ctx: Context, earlier: _EarlierRuns, new: Sequence[Arrival], taken_keys: set[str]
) -> list[Arrival]:
    rows_at: dict[object, list[StoredRow]] = defaultdict(list)
    statements = set()
    for row in _rows_of_same_money(ctx, new):
        if row.run in earlier.runs:
            statements.add(row.row.statement_id)
            rows_at[row.row.statement_id, row.row.position, row.money].append(row.row)
            rows_at[row.row.position, row.money].append(row.row)
    adopted = []
    for arrival in new:
        statement_id = arrival.owner.statement_id
        place = (arrival.entry.position, arrival.money)
        adopted += _take_first_free(
            arrival, rows_at[statement_id, *place] if statement_id in statements else rows_at[place], taken_keys
        )
    return adopted


def _adopt_from_other_files(
    ctx: Context, earlier: _EarlierRuns, still_new: Sequence[Arrival], taken_keys: set[str], arrivals: Sequence[Arrival]
) -> tuple[list[Arrival], list[Arrival]]:
    """Adopt rows that another file delivered since. Returns the adopted entries and those that stay undecided."""
    before = _statements_read_before(ctx, earlier, still_new[0].owner.account_id)
    missing = _count_missing(ctx, earlier, arrivals, before)
    if missing.number <= 0:
        return [], []
    keys_read_otherwise = _keys_read_otherwise(ctx, earlier, still_new, before)
    seeking: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in still_new:
        if arrival.key not in keys_read_otherwise:
            seeking[arrival.money].append(arrival)
    rows: dict[_Money, list[StoredRow]] = defaultdict(list)
    for row in _rows_of_same_money(ctx, [arrival for group in seeking.values() for arrival in group]):
        if row.row.external_id not in taken_keys and row.run != ctx.run_id:
            rows[row.money].append(row.row)
    adopted, undecided = [], []
    most_matches = sum(min(len(rows[money]), len(group)) for money, group in seeking.items())
    are_missing = missing.are_here and most_matches <= missing.number
    for money, group in seeking.items():
        is_certain = are_missing and len(rows[money]) <= len(group)
        for arrival in group:
            matches = _take_first_free(arrival, rows[money], taken_keys)
            if is_certain:
                adopted += matches
            else:
                arrival.is_older = bool(matches)
                undecided += matches
    return adopted, undecided


def _keys_read_otherwise(
    ctx: Context, earlier: _EarlierRuns, still_new: Sequence[Arrival], before: Mapping[int, int]
) -> set[str]:
    """The keys of entries that the earlier run read with another day or amount: these are other entries now."""
    moneys_at: dict[tuple[int, int | None], list[_Money]] = defaultdict(list)
    rows = ledger(ctx).filter(run_id__in=earlier.runs).exclude(withdrawn=_COPY)
    for chunk in chunks({arrival.entry.position or 0 for arrival in still_new}):
        for row in read_rows(rows.filter(position__in=chunk)):
            moneys_at[row.statement_id, row.position].append((row.account_id, row.booked_on, row.amount))
    keys = set()
    for arrival in still_new:
        statement_id, place = arrival.owner.statement_id, arrival.entry.position or 0
        # By these settings it may be another statement than it was: any of its account that had such a place.
        statements_before = (
            [statement_id] if statement_id in before else [pk for pk, entries in before.items() if entries > place]
        )
        moneys_before = [moneys_at[pk, place] for pk in statements_before]
        if moneys_before and all(moneys_before) and not any(arrival.money in moneys for moneys in moneys_before):
            keys.add(arrival.key)
    return keys


class _RowWithRun(NamedTuple):
    """A row, and the run that wrote it last."""

    row: StoredRow
    run: int
    """The run that wrote it last."""

    @property
    def money(self) -> _Money:
        return self.row.account_id, self.row.booked_on, self.row.amount


def _rows_of_same_money(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[_RowWithRun]:
    """The rows with the days and amounts of the entries."""
    if not arrivals:
        return
    days = [arrival.entry.day for arrival in arrivals]
    in_range = (
        ledger(ctx)
        .exclude(withdrawn=_COPY)
        .filter(
            account_id__in={arrival.owner.account_id for arrival in arrivals}, booked_on__range=(min(days), max(days))
        )
    )
    for chunk in chunks({arrival.entry.amount for arrival in arrivals}):
        for *values, run in in_range.filter(amount__in=chunk).values_list(*StoredRow._fields, "run_id"):
            yield _RowWithRun(StoredRow(*values), run)


def _take_first_free(arrival: Arrival, rows: Iterable[StoredRow], taken_keys: set[str]) -> list[Arrival]:
    row = next((row for row in rows if row.external_id not in taken_keys), None)
    if row is None:
        return []
    taken_keys.add(row.external_id)
    arrival.take_row(row)
    return [arrival]


def _note_adopted(adopted: Sequence[Arrival]) -> list[str]:
    predicate = (
        "of this file, which was read before, came with other texts or ids: the stored rows say what they say now"
    )
    return [f"{_count_entries(adopted)} {predicate}: {_list_examples(adopted)}"] if adopted else []


def _note_undecided(undecided: Sequence[Arrival]) -> list[str]:
    predicate = (
        "of this file, which was read before, came with other texts or ids, and stored entries of their days and "
        "amounts may be these or others. Nothing tells which are which, so these stay as they are and nothing was added"
    )
    return [f"{_count_entries(undecided)} {predicate}: {_list_examples(undecided)}"] if undecided else []


def _count_entries(arrivals: Sequence[Arrival]) -> str:
    return counted(len(arrivals), "entry", "entries")


def _list_examples(arrivals: Sequence[Arrival]) -> str:
    return "; ".join(arrival.summary for arrival in arrivals[:_SHOWN])
