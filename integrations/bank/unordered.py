"""What two statements may have in common, whatever the order in which they list their entries.

Some banks list entries by amount. The balances between them say nothing then, but those at the ends still do: what
both statements show leads from where the later one opens to where the earlier one closes, or is all of one of them.
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


class Shown(Protocol):
    """A statement whose entries lead from one of its balances to the other."""

    @property
    def booked(self) -> Sequence[Booked]: ...
    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...
    def before(self, day: date) -> Decimal: ...
    def after(self, day: date) -> Decimal: ...


def are_by_amount(shown: Shown, other: Shown) -> bool:
    """Whether both list their entries by amount, and one of them too many for that to be chance."""
    return any(
        min(orders) and max(orders) >= _MANY_ORDERS
        for orders in ((_orders(shown, turned), _orders(other, turned)) for turned in (False, True))
    )


def _orders(shown: Shown, turned: bool) -> int:
    """In how many orders its entries might stand, where they stand by rising (or falling) amounts; else 0."""
    amounts = [amount for _, amount in shown.booked]
    if _rise(amounts, turned):
        return _arrangements(amounts)
    days = [(day, [amount for _, amount in of_day]) for day, of_day in groupby(shown.booked, key=lambda each: each[0])]
    if len({day for day, _ in days}) < len(days) or not all(_rise(of_day, turned) for _, of_day in days):
        return 0
    return prod(_arrangements(of_day) for _, of_day in days)


def _rise(amounts: Sequence[Decimal], turned: bool) -> bool:
    return list(amounts) == sorted(amounts, reverse=turned)


def _arrangements(amounts: Sequence[Decimal]) -> int:
    if len(amounts) > _MANY_ORDERS and len(set(amounts)) > 1:
        return _MANY_ORDERS  # an entry among as many equal ones has as many places; no factorial of thousands
    return factorial(len(amounts)) // prod(map(factorial, Counter(amounts).values())) if len(set(amounts)) > 1 else 1


def in_both(shown: Shown, other: Shown) -> Counter[Booked]:
    """The entries of the days that both show that are in both, as often as in both."""
    start, end = max(shown.first, other.first), min(shown.last, other.last)
    return between(shown, start, end) & between(other, start, end)


def between(shown: Shown, start: date, end: date) -> Counter[Booked]:
    return Counter(each for each in shown.booked if start <= each[0] <= end)


def most_in_common(shown: Shown, other: Shown) -> int:
    """How many entries the two can have in common at most, going by days, amounts and the balances at their ends."""
    start, end = max(shown.first, other.first), min(shown.last, other.last)
    ours, theirs = between(shown, start, end), between(other, start, end)
    both = ours & theirs
    opening, others_opening = shown.before(start), other.before(start)
    closing, others_closing = shown.after(end), other.after(end)
    if not both or opening == others_opening or closing == others_closing:
        return both.total()
    # Of the days between both show all; of the first and the last one each may show a part.
    inner = Counter({each: count for each, count in both.items() if start < each[0] < end})
    changed = sum((amount for _, amount in inner.elements()), Decimal())
    overlaps = {closing - others_opening - changed, others_closing - opening - changed}
    sizes = _sizes((both - inner).elements(), overlaps)
    most = max((size and inner.total() + size for size in sizes.values()), default=0)
    for part, whole, lead in (
        (ours, theirs, opening - others_opening),
        (theirs, ours, others_opening - opening),
    ):
        if part <= whole and _sizes((each for each in (whole - part).elements() if each[0] == start), {lead}):
            most = max(most, part.total())
    return most


def _sizes(entries: Iterable[Booked], sums: Set[Decimal]) -> dict[Decimal, int]:
    """Which of the sums some of the entries have, and how many at most; where that is too much to look at, all do."""
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
            if any(total + fall <= wanted <= total + rise for wanted in sums)
        }
        if len(sizes) > _MOST_SUMS:
            return dict.fromkeys(sums, len(amounts))
    return {wanted: sizes[wanted] for wanted in sums if wanted in sizes}
