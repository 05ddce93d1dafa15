"""What a column with the balance after each entry proves: opening and closing balance, or where the chain breaks.

Every link between neighbours is checked, whatever the length of the file. A row that cannot be read leaves a gap, and
its neighbours are checked by what is left; entries that are not booked yet are no part of the chain. Files run from old
to new or from new to old, by day in one direction and within the day in the other, or in no order at all (by amount).

Statements that overlap within a day are told apart by the balances between their entries, read from one end or the
other. So if a file runs in neither direction, its entries are put in the order that ties.

What the column cannot prove is said beside the balances: another amount in the oldest entry, from which the opening
balance is derived, or in any entry of the first day if all its rows name one balance. Entries missing at either end
stay unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from ingestion import counted
from integrations.bank.formats.csv_walk import find_walk_ends
from integrations.bank.statements import Balance, Direction, Entry, EntryStatus

MAX_NAMED = 5
_SINGLE_ROW = "one row with a balance proves nothing"


@dataclass(frozen=True, slots=True)
class BalanceStep:
    """A booked row: the amount it adds, and the balance after it if the row names one."""

    entry: Entry
    amount: Decimal | None
    after: Decimal | None
    shares_balance: bool = False
    """Another row of its day names the same balance."""


@dataclass(frozen=True, slots=True)
class BalanceVerdict:
    """Opening and closing balance if all rows tie, and why they do not: `problems` refuse the statement.

    `unproved` does not; beside balances it names the amount that could be another one.
    """

    opening: Balance | None = None
    closing: Balance | None = None
    problems: tuple[str, ...] = ()
    unproved: str = ""
    order: tuple[Entry, ...] = ()
    """The entries from old to new, if the file lists its days one way and the rows within them the other."""
    direction: Direction = Direction.UNKNOWN
    """The direction of the entries, in `order` if there is one."""
    between: tuple[Decimal, Decimal] | None = None
    """See `Statement.between`."""


@dataclass(frozen=True, slots=True)
class _BalanceChain:
    """The rows in one order, with the breaks between them."""

    breaks: tuple[tuple[Decimal, BalanceStep], ...]
    """Each row whose balance does not follow, with the balance that does."""
    opening: Decimal | None
    closing: Decimal | None
    first: tuple[BalanceStep, ...]
    """The rows from which the opening balance is derived; several if they name one balance together."""
    run: Sequence[BalanceStep] = ()


def judge_balances(entries: Sequence[Entry], balances: Sequence[Decimal | None], currency: str) -> BalanceVerdict:
    """`balances` is as long as `entries` and in `currency`; entries in another currency leave a gap."""
    steps = [
        BalanceStep(entry, entry.amount if entry.currency == currency else None, after)
        for entry, after in zip(entries, balances, strict=True)
        if entry.status is EntryStatus.BOOKED
    ]
    if not any(step.after is not None for step in steps):
        return BalanceVerdict(unproved="no row has a balance that can be read" if steps else "no entry is booked")
    chains: list[_BalanceChain] = []
    for orders in (_orders_in_time(steps), _other_orders(steps)):
        chains += map(_chain_of, orders)
        tied = [chain for chain in chains if not chain.breaks]
        if tied:
            return _find_gaps(steps) or _with_order(_find_ends(steps, tied), steps, tied[0], entries)
    return _judge_unordered(steps) or BalanceVerdict(
        problems=(_describe_breaks(min(chains, key=lambda chain: len(chain.breaks)).breaks),)
    )


def _orders_in_time(steps: Sequence[BalanceStep]) -> Iterator[Sequence[BalanceStep]]:
    """From old to new and from new to old, the direction of the days first."""
    first, last = steps[0].entry.booked_on, steps[-1].entry.booked_on
    is_falling = first is not None and last is not None and first > last
    yield steps[::-1] if is_falling else steps
    yield steps if is_falling else steps[::-1]


def _other_orders(steps: Sequence[BalanceStep]) -> Iterator[Sequence[BalanceStep]]:
    """By day one way and within the day the other; then rows that all name the balance at the end of their day."""
    if all(step.entry.booked_on for step in steps):
        yield sorted(steps, key=_day_of)
        backwards = steps[::-1]
        yield sorted(backwards, key=_day_of)
    yield from (_keep_last_of_day(run) for run in _orders_in_time(steps))


def _day_of(step: BalanceStep) -> date:
    return step.entry.booked_on or date.min


def _keep_last_of_day(run: Sequence[BalanceStep]) -> list[BalanceStep]:
    """The rows. Of several that name the same balance on one day, only the last one keeps it."""
    steps: list[BalanceStep] = []
    for _, same_balance in groupby(run, key=lambda step: (step.entry.booked_on, step.after)):
        *earlier_steps, last_step = same_balance
        steps += [*(replace(step, after=None, shares_balance=True) for step in earlier_steps), last_step]
    return steps


def _chain_of(run: Sequence[BalanceStep]) -> _BalanceChain:
    """The balances carried from row to row. Behind a row without an amount they are unknown, until a row names one."""
    breaks: list[tuple[Decimal, BalanceStep]] = []
    opening: Decimal | None = None
    balance: Decimal | None = None
    total: Decimal | None = Decimal()
    first: tuple[BalanceStep, ...] = ()
    for index, step in enumerate(run):
        balance = None if balance is None or step.amount is None else balance + step.amount
        total = None if total is None or step.amount is None else total + step.amount
        if step.after is None:
            continue
        if opening is None and total is not None:
            opening, first = step.after - total, tuple(run[: index + 1])
        elif balance is not None and balance != step.after:
            breaks.append((balance - (step.amount or Decimal()), step))
        balance, total = step.after, None
    return _BalanceChain(tuple(breaks), opening, balance, first, run)


def _with_order(
    judgement: BalanceVerdict, steps: Sequence[BalanceStep], chain: _BalanceChain, entries: Sequence[Entry]
) -> BalanceVerdict:
    """The verdict with what the balances show about the order of the rows."""
    order = _order_of(chain.run, entries)
    if len(steps) == 1 or any(step.after is None or step.shares_balance for step in chain.run):
        return replace(judgement, order=order)
    if judgement.opening is None:
        return replace(judgement, order=order, between=_between_two(steps))
    is_rising = bool(order) or list(chain.run) == list(steps)
    return replace(judgement, order=order, direction=Direction.RISING if is_rising else Direction.FALLING)


def _between_two(steps: Sequence[BalanceStep]) -> tuple[Decimal, Decimal] | None:
    balances = {
        balance
        for step in steps
        if step.after is not None and step.amount is not None
        for balance in (step.after, step.after - step.amount)
    }
    return (min(balances), max(balances)) if len(balances) == 2 else None


def _order_of(run: Sequence[BalanceStep], entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries in the order of the chain; () for a file that reads from one end to the other, and for rows that name
    balances together.
    """
    ordered_entries = tuple(step.entry for step in run)
    if (
        len(ordered_entries) != len(entries)
        or any(step.shares_balance for step in run)
        or ordered_entries in (tuple(entries), tuple(entries[::-1]))
    ):
        return ()
    return ordered_entries


def _find_gaps(steps: Sequence[BalanceStep]) -> BalanceVerdict | None:
    gaps = [step.entry for step in steps if step.amount is None]
    if not gaps:
        return None
    foreign = sum(entry.amount is not None for entry in gaps)
    reasons = [f"{len(gaps) - foreign:,} of its rows cannot be read"] if len(gaps) > foreign else []
    return BalanceVerdict(
        unproved=" and ".join([*reasons, *([f"{foreign:,} are in another currency"] if foreign else [])])
    )


def _find_ends(steps: Sequence[BalanceStep], tied: Sequence[_BalanceChain]) -> BalanceVerdict:
    """The balances at both ends. Days decide between the orders that tie; the rows of one day may tie both ways with
    different ends.
    """
    ends = {(chain.opening, chain.closing) for chain in tied}
    if len(ends) > 1 and steps[0].entry.booked_on == steps[-1].entry.booked_on:
        return BalanceVerdict(unproved="its rows tie from old to new and from new to old, with different balances")
    opening, closing = tied[0].opening, tied[0].closing
    assert opening is not None  # every amount can be read, and a balance is named
    assert closing is not None
    first = tied[0].first
    judgement = _verdict_between(steps, opening, closing, len(first))
    return replace(judgement, unproved=_describe_first_day(steps, first)) if first[0].shares_balance else judgement


def _describe_first_day(steps: Sequence[BalanceStep], first: Sequence[BalanceStep]) -> str:
    rows = ", ".join(f"{step.amount:f}" for step in first[:MAX_NAMED]) + (", ..." if len(first) > MAX_NAMED else "")
    return (
        f"{counted(len(first), 'row')} of the first day, {first[0].entry.booked_text} ({rows}), name one balance, "
        f"{first[-1].after:f}: with another amount, or one of them twice, it would tie as well; "
        f"the other {counted(len(steps) - len(first), 'row ties', 'rows tie')}"
    )


def _describe_oldest(steps: Sequence[BalanceStep], count: int) -> str:
    dated = [step.entry.booked_on for step in steps if step.entry.booked_on is not None]
    day_text = f" ({min(dated)})" if dated else ""
    subject = (
        f"the amount of the oldest row{day_text}" if count == 1 else f"the amounts of the oldest {count} rows{day_text}"
    )
    remaining = counted(len(steps) - count, "row ties", "rows tie")
    return f"{subject}, which only a stated opening balance proves; the other {remaining}"


def _judge_unordered(steps: Sequence[BalanceStep]) -> BalanceVerdict | None:
    links = [
        (step.after - step.amount, step.after) for step in steps if step.after is not None and step.amount is not None
    ]
    end_balances = find_walk_ends(links) if len(links) == len(steps) else None
    if end_balances is None:
        return None
    if not end_balances:
        return BalanceVerdict(unproved="its rows tie, but where they begin cannot be seen")
    return _verdict_between(steps, end_balances[0], end_balances[1])


def _verdict_between(
    steps: Sequence[BalanceStep], opening: Decimal, closing: Decimal, first: int = 1
) -> BalanceVerdict:
    days = [step.entry.booked_on for step in steps if step.entry.booked_on]
    currency = steps[0].entry.currency
    return BalanceVerdict(
        Balance(opening, currency, min(days, default=None)),
        Balance(closing, currency, max(days, default=None)),
        unproved=_SINGLE_ROW if sum(step.after is not None for step in steps) == 1 else _describe_oldest(steps, first),
    )


def _describe_breaks(breaks: Sequence[tuple[Decimal, BalanceStep]]) -> str:
    examples = "; ".join(
        f"entry {step.entry.position + 1} of {step.entry.booked_text} takes {before:f} by {step.amount:f} "
        f"to {step.after:f}, a difference of {(step.after or 0) - (step.amount or 0) - before:f}"
        for before, step in breaks[:MAX_NAMED]
    )
    more = f"; and {len(breaks) - MAX_NAMED} more" if len(breaks) > MAX_NAMED else ""
    return (
        f"the running balance does not follow from the entries: {examples}{more}. An amount was altered or a row is "
        "missing; a file that is right as it is (filtered rows) loads with --config balances=unchecked"
    )
