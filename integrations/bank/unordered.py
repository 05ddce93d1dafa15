"""What two statements may have in common, whatever the order in which they list their entries.

Some banks list entries by amount. The balances between such entries show nothing, but those at the ends do: what both
statements show leads from the opening balance of the later one to the closing balance of the earlier one, or is all of
one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import date
from decimal import Decimal
from itertools import accumulate, groupby
from math import factorial, prod
from typing import Protocol

Booked = tuple[date, Decimal]
_MANY_ORDERS = 24
"""Four entries of different amounts stand in order by chance in one of twelve, rising or falling."""
_MOST_SUMS = 256


class DatedCourse(Protocol):
    """A statement whose entries lead from one of its balances to the other."""

    @property
    def booked(self) -> Sequence[Booked]: ...
    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...
    def before(self, day: date) -> Decimal: ...
    def after(self, day: date) -> Decimal: ...


def are_by_amount(first: DatedCourse, second: DatedCourse) -> bool:
    """Whether both list their entries by amount, and one of them has too many entries for that to be chance."""
    return any(
        min(orders) and max(orders) >= _MANY_ORDERS
        for orders in ((_count_orders(first, turned), _count_orders(second, turned)) for turned in (False, True))
    )


def _count_orders(first: DatedCourse, turned: bool) -> int:
    """In how many orders its entries might stand, if they stand by rising (or falling) amounts; else 0."""
    amounts = [amount for _, amount in first.booked]
    if _are_sorted(amounts, turned):
        return _arrangements(amounts)
    days = [
        (day, [amount for _, amount in of_day]) for day, of_day in groupby(first.booked, key=lambda entry: entry[0])
    ]
    if len({day for day, _ in days}) < len(days) or not all(_are_sorted(of_day, turned) for _, of_day in days):
        return 0
    return prod(_arrangements(of_day) for _, of_day in days)


def _are_sorted(amounts: Sequence[Decimal], turned: bool) -> bool:
    return list(amounts) == sorted(amounts, reverse=turned)


def _arrangements(amounts: Sequence[Decimal]) -> int:
    if len(amounts) > _MANY_ORDERS and len(set(amounts)) > 1:
        return _MANY_ORDERS  # an entry among as many equal ones has as many places; no factorial of thousands
    return factorial(len(amounts)) // prod(map(factorial, Counter(amounts).values())) if len(set(amounts)) > 1 else 1


def entries_in_both(first: DatedCourse, second: DatedCourse) -> Counter[Booked]:
    """The entries that both have on the days that both show, as often as both have them."""
    start, end = max(first.first, second.first), min(first.last, second.last)
    return between(first, start, end) & between(second, start, end)


def between(first: DatedCourse, start: date, end: date) -> Counter[Booked]:
    return Counter(entry for entry in first.booked if start <= entry[0] <= end)


def most_in_common(first: DatedCourse, second: DatedCourse) -> int:
    """How many entries the two can have in common at most, going by days, amounts and the balances at their ends."""
    start, end = max(first.first, second.first), min(first.last, second.last)
    first_entries, second_entries = between(first, start, end), between(second, start, end)
    shared = first_entries & second_entries
    opening, second_opening = first.before(start), second.before(start)
    closing, second_closing = first.after(end), second.after(end)
    if not shared or opening == second_opening or closing == second_closing:
        return shared.total()
    # Of the days between both show all; of the first and the last one each may show a part.
    inner = Counter({entry: count for entry, count in shared.items() if start < entry[0] < end})
    changed = sum((amount for _, amount in inner.elements()), Decimal())
    overlaps = {closing - second_opening - changed, second_closing - opening - changed}
    sizes = _sizes((shared - inner).elements(), overlaps)
    maximum = max((size and inner.total() + size for size in sizes.values()), default=0)
    for part, whole, lead in (
        (first_entries, second_entries, opening - second_opening),
        (second_entries, first_entries, second_opening - opening),
    ):
        if part <= whole and _sizes((entry for entry in (whole - part).elements() if entry[0] == start), {lead}):
            maximum = max(maximum, part.total())
    return maximum


def _sizes(entries: Iterable[Booked], sums: Set[Decimal]) -> dict[Decimal, int]:
    """Which of the sums some of the entries make, and how many entries at most. If there are too many sums to look at,
    all of them.
    """
    amounts = [amount for _, amount in entries]
    rises = list(accumulate((max(amount, Decimal()) for amount in amounts[::-1]), initial=Decimal()))[::-1]
    falls = list(accumulate((min(amount, Decimal()) for amount in amounts[::-1]), initial=Decimal()))[::-1]
    sizes = {Decimal(): 0}
    for amount, rise, fall in zip(amounts, rises[1:], falls[1:], strict=True):
        fuller = {total + amount: size + 1 for total, size in sizes.items()}
        for total, size in sizes.items():
            fuller[total] = max(fuller.get(total, 0), size)
        # What is left leads from these sums to none that is asked for.
        sizes = {
            total: size
            for total, size in fuller.items()
            if any(total + fall <= target <= total + rise for target in sums)
        }
        if len(sizes) > _MOST_SUMS:
            return dict.fromkeys(sums, len(amounts))
    return {target: sizes[target] for target in sums if target in sizes}
