"""Whether what begins anew within a file is another export that was put behind the first, or goes on with it.

Two exports joined into one file either overlap, and then rows come again, or the later one begins where the days of the
first were before. What shows neither is judged by the rest of the file: where one of its seams begins another export,
or the days run both ways, the file was put together, and all of them do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

SHOWN = 5
"""Equal rows on both sides that a note names."""
APART = ". Where these are exports of their own, upload each as a file of its own"
"""What to do about it, at the end of a note."""


class Crossing(NamedTuple):
    """What the rows on both sides of a header that comes again say of it."""

    is_page_break: bool | None
    """None where they leave it open."""
    days: tuple[int, ...] = ()
    """Which way the days run above it, across it, and below it: by so many."""
    twins: tuple[str, ...] = ()
    """Day and amount of equal rows on both sides, where they leave it open; no more than tell that there are more."""


def by_days(days: tuple[int, ...], twins: Iterable[str]) -> Crossing:
    """What the days alone say; `twins` are the equal rows on both sides."""
    # The first day below lies on the wrong side of the last day above, as the days of either page run.
    restarts = bool(days) and (days[0] or days[2]) * days[1] < 0
    return Crossing(False, days) if restarts else Crossing(None, days, tuple(twins))


def were_joined(headers: Sequence[Crossing]) -> bool:
    """Whether exports were put together in the file: what one header leaves open is told by all of them.

    One of them begins another export, or the days run one way across a header, and the other way across another one or
    within a page.
    """
    steps = [step for each in headers for step in each.days]
    across = [each.days[1] for each in headers if each.days]
    if min(across, default=0) < 0 < max(steps, default=0) or min(steps, default=0) < 0 < max(across, default=0):
        return True
    return any(each.is_page_break is False for each in headers)


def comes_again(above: Sequence[str], below: Sequence[str], *, has_balance: bool = False) -> bool:
    """All rows again, or the last of the rows above as the first below: two different ones, or one with its balance."""
    if above == below or (has_balance and set(above) & set(below)):
        return True
    length = min(len(above), len(below))
    return any(
        above[-1] == below[size - 1] and len(set(below[:size])) > 1 and above[-size:] == below[:size]
        for size in range(2, length + 1)
    )


def equal(above: Sequence[str], below: Sequence[str]) -> Iterator[int]:
    """The places of rows below that stand above too, as often as they do."""
    again = Counter(above)
    for at, row in enumerate(below):
        if again[row]:
            again[row] -= 1
            yield at


def doubt(twins: Sequence[str], what: str) -> str:
    """The end of a note: which rows may have been exported twice; '' for none."""
    if not twins:
        return ""
    listed = "; ".join([*twins[:SHOWN], *(["and more"] if len(twins) > SHOWN else [])])
    return f". In doubt: {listed}; {what} count as two"
