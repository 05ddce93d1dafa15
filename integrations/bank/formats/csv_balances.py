"""What a column with the balance after each entry proves: opening and closing balance, or where the chain breaks.

Every link between neighbours is judged, whatever the length of the file. A row that cannot be read leaves a gap, and
its neighbours are judged by what is left; what is not booked yet is left out of the chain. Files run from old to new or
from new to old, by day in one direction and within the day in the other, or in no order at all (by amount).

Statements that overlap within a day are told apart by the balances between their entries, read from one end or from the
other. So the entries of a file that is neither are put in the order that ties.

What the column cannot show is said with the balances: another amount in the oldest entry, from which the opening
balance is derived, or in any of the first day where all its rows name one balance. Entries missing at either end are
not seen at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from ingestion import counted
from integrations.bank.formats.csv_walk import ends_in_some_order
from integrations.bank.statements import Balance, Direction, Entry, EntryStatus

MAX_NAMED = 5
_ONE = "one row with a balance proves nothing"


@dataclass(frozen=True, slots=True)
class Step:
    """One booked row: what it adds, and the balance after it where the row names one."""

    entry: Entry
    amount: Decimal | None
    after: Decimal | None
    shares: bool = False
    """Another row of its day names the same balance."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Opening and closing where all rows tie, and why they do not: `problems` refuse the statement.

    `unproved` does not; beside balances it says which amount could be another one.
    """

    opening: Balance | None = None
    closing: Balance | None = None
    problems: tuple[str, ...] = ()
    unproved: str = ""
    order: tuple[Entry, ...] = ()
    """The entries from old to new, where the file lists its days one way and the rows within them the other."""
    direction: Direction = Direction.UNKNOWN
    """Of the entries, in `order` where that is said."""
    between: tuple[Decimal, Decimal] | None = None
    """See `Statement.between`."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """The rows in one order, held against each other."""

    breaks: tuple[tuple[Decimal, Step], ...]
    """Each row whose balance does not follow, with the balance that does."""
    opening: Decimal | None
    closing: Decimal | None
    first: tuple[Step, ...]
    """The rows from which the opening balance is derived; several where they name one balance together."""
    run: Sequence[Step] = ()


def judge(entries: Sequence[Entry], balances: Sequence[Decimal | None], currency: str) -> Judgement:
    """`balances` is as long as `entries` and in `currency`; entries in another one leave a gap."""
    steps = [
        Step(entry, entry.amount if entry.currency == currency else None, after)
        for entry, after in zip(entries, balances, strict=True)
        if entry.status is EntryStatus.BOOKED
    ]
    if not any(step.after is not None for step in steps):
        return Judgement(unproved="no row has a balance that can be read" if steps else "no entry is booked")
    chains: list[_Chain] = []
    for orders in (_in_time(steps), _otherwise(steps)):
        chains += map(_chain, orders)
        whole = [chain for chain in chains if not chain.breaks]
        if whole:
            return _unproved(steps) or _read(_proved(steps, whole), steps, whole[0], entries)
    return _in_no_order(steps) or Judgement(problems=(_said(min(chains, key=lambda chain: len(chain.breaks)).breaks),))


def _in_time(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """From old to new and from new to old, as the days say first."""
    first, last = steps[0].entry.booked_on, steps[-1].entry.booked_on
    falling = first is not None and last is not None and first > last
    yield steps[::-1] if falling else steps
    yield steps if falling else steps[::-1]


def _otherwise(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """By day one way and within the day the other; and rows that all name the balance at the end of their day."""
    if all(step.entry.booked_on for step in steps):
        yield sorted(steps, key=_day)
        backwards = steps[::-1]
        yield sorted(backwards, key=_day)
    yield from (_day_ends(run) for run in _in_time(steps))


def _day(step: Step) -> date:
    return step.entry.booked_on or date.min


def _day_ends(run: Sequence[Step]) -> list[Step]:
    """Rows of one day that name one balance: only the last of them is held against it."""
    kept: list[Step] = []
    for _, same in groupby(run, key=lambda step: (step.entry.booked_on, step.after)):
        *others, last = same
        kept += [*(replace(step, after=None, shares=True) for step in others), last]
    return kept


def _chain(run: Sequence[Step]) -> _Chain:
    """Balances carried from row to row; unknown behind a row without amount, until the next one that is named."""
    breaks: list[tuple[Decimal, Step]] = []
    opening: Decimal | None = None
    balance: Decimal | None = None
    total: Decimal | None = Decimal()
    first: tuple[Step, ...] = ()
    for at, step in enumerate(run):
        balance = None if balance is None or step.amount is None else balance + step.amount
        total = None if total is None or step.amount is None else total + step.amount
        if step.after is None:
            continue
        if opening is None and total is not None:
            opening, first = step.after - total, tuple(run[: at + 1])
        elif balance is not None and balance != step.after:
            breaks.append((balance - (step.amount or Decimal()), step))
        balance, total = step.after, None
    return _Chain(tuple(breaks), opening, balance, first, run)


def _read(judgement: Judgement, steps: Sequence[Step], chain: _Chain, entries: Sequence[Entry]) -> Judgement:
    """The judgement with what the balances say about the order of the rows."""
    order = _order(chain.run, entries)
    if len(steps) == 1 or any(step.after is None or step.shares for step in chain.run):
        return replace(judgement, order=order)
    if judgement.opening is None:
        return replace(judgement, order=order, between=_between_two(steps))
    is_rising = bool(order) or list(chain.run) == list(steps)
    return replace(judgement, order=order, direction=Direction.RISING if is_rising else Direction.FALLING)


def _between_two(steps: Sequence[Step]) -> tuple[Decimal, Decimal] | None:
    ends = {
        balance
        for step in steps
        if step.after is not None and step.amount is not None
        for balance in (step.after, step.after - step.amount)
    }
    return (min(ends), max(ends)) if len(ends) == 2 else None


def _order(run: Sequence[Step], entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """() for a file that reads from one end to the other, and for one whose rows name balances together."""
    listed = tuple(step.entry for step in run)
    if (
        len(listed) != len(entries)
        or any(step.shares for step in run)
        or listed in (tuple(entries), tuple(entries[::-1]))
    ):
        return ()
    return listed


def _unproved(steps: Sequence[Step]) -> Judgement | None:
    gaps = [step.entry for step in steps if step.amount is None]
    if not gaps:
        return None
    foreign = sum(entry.amount is not None for entry in gaps)
    said = [f"{len(gaps) - foreign:,} of its rows cannot be read"] if len(gaps) > foreign else []
    return Judgement(unproved=" and ".join([*said, *([f"{foreign:,} are in another currency"] if foreign else [])]))


def _proved(steps: Sequence[Step], whole: Sequence[_Chain]) -> Judgement:
    """The first order wins where days tell the orders apart; rows of one day may tie both ways with different ends."""
    ends = {(chain.opening, chain.closing) for chain in whole}
    if len(ends) > 1 and steps[0].entry.booked_on == steps[-1].entry.booked_on:
        return Judgement(unproved="its rows tie from old to new and from new to old, with different balances")
    opening, closing = whole[0].opening, whole[0].closing
    assert opening is not None  # every amount can be read, and a balance is named
    assert closing is not None
    first = whole[0].first
    judgement = _between(steps, opening, closing, len(first))
    return replace(judgement, unproved=_of_first_day(steps, first)) if first[0].shares else judgement


def _of_first_day(steps: Sequence[Step], first: Sequence[Step]) -> str:
    rows = ", ".join(f"{step.amount:f}" for step in first[:MAX_NAMED]) + (", ..." if len(first) > MAX_NAMED else "")
    return (
        f"{counted(len(first), 'row')} of the first day, {first[0].entry.booked_text} ({rows}), name one balance, "
        f"{first[-1].after:f}: with another amount, or one of them twice, it would tie as well; "
        f"the other {counted(len(steps) - len(first), 'row ties', 'rows tie')}"
    )


def _of_oldest(steps: Sequence[Step], count: int) -> str:
    dated = [step.entry.booked_on for step in steps if step.entry.booked_on is not None]
    on = f" ({min(dated)})" if dated else ""
    what = f"the amount of the oldest row{on}" if count == 1 else f"the amounts of the oldest {count} rows{on}"
    others = counted(len(steps) - count, "row ties", "rows tie")
    return f"{what}, which only a stated opening balance proves; the other {others}"


def _in_no_order(steps: Sequence[Step]) -> Judgement | None:
    links = [
        (step.after - step.amount, step.after) for step in steps if step.after is not None and step.amount is not None
    ]
    ends = ends_in_some_order(links) if len(links) == len(steps) else None
    if ends is None:
        return None
    if not ends:
        return Judgement(unproved="its rows tie, but where they begin cannot be seen")
    return _between(steps, ends[0], ends[1])


def _between(steps: Sequence[Step], opening: Decimal, closing: Decimal, first: int = 1) -> Judgement:
    days = [step.entry.booked_on for step in steps if step.entry.booked_on]
    currency = steps[0].entry.currency
    return Judgement(
        Balance(opening, currency, min(days, default=None)),
        Balance(closing, currency, max(days, default=None)),
        unproved=_ONE if sum(step.after is not None for step in steps) == 1 else _of_oldest(steps, first),
    )


def _said(breaks: Sequence[tuple[Decimal, Step]]) -> str:
    named = "; ".join(
        f"entry {step.entry.position + 1} of {step.entry.booked_text} takes {before:f} by {step.amount:f} "
        f"to {step.after:f}, a difference of {(step.after or 0) - (step.amount or 0) - before:f}"
        for before, step in breaks[:MAX_NAMED]
    )
    more = f"; and {len(breaks) - MAX_NAMED} more" if len(breaks) > MAX_NAMED else ""
    return (
        f"the running balance does not follow from the entries: {named}{more}. An amount was altered or a row is "
        "missing; a file that is right as it is (filtered rows) loads with --config balances=unchecked"
    )
