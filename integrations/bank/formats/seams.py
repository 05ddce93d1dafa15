"""Whether a list or header that begins within a file is another export appended to the first, or continues it.

Two exports joined into one file either overlap, so that rows repeat, or the later one begins before the days of the
first end. A seam that shows neither is decided by the rest of the file: if one of its seams begins another export, or
its days run both ways, the file was put together, and all of its seams begin one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

SHOWN = 5
"""How many equal rows on both sides a note names."""
APART = ". Where these are exports of their own, upload each as a file of its own"
"""What to do about it, for the end of a note."""


class Crossing(NamedTuple):
    """What the rows on both sides of a repeated header show about it."""

    is_page_break: bool | None
    """None if the rows leave it open."""
    days: tuple[int, ...] = ()
    """By how many days, and in which direction, the rows run above the header, across it, and below it."""
    twins: tuple[str, ...] = ()
    """Day and amount of equal rows on both sides, if the rows leave it open; at most one more than a note names."""


def judge_by_days(days: tuple[int, ...], twins: Iterable[str]) -> Crossing:
    """What the days alone show; `twins` are the equal rows on both sides."""
    # The first day below lies on the wrong side of the last day above, as the days of either page run.
    restarts = bool(days) and (days[0] or days[2]) * days[1] < 0
    return Crossing(False, days) if restarts else Crossing(None, days, tuple(twins))


def were_joined(headers: Sequence[Crossing]) -> bool:
    """Whether exports were put together in the file: all headers together decide what a single one leaves open.

    They were if one header begins another export, or if the days run one way across a header, and the other way across
    another one or within a page.
    """
    steps = [step for crossing in headers for step in crossing.days]
    across = [crossing.days[1] for crossing in headers if crossing.days]
    if min(across, default=0) < 0 < max(steps, default=0) or min(steps, default=0) < 0 < max(across, default=0):
        return True
    return any(crossing.is_page_break is False for crossing in headers)


def is_repeated(above: Sequence[str], below: Sequence[str], *, has_balance: bool = False) -> bool:
    """Whether the rows below repeat those above: all of them, or the last rows above as the first below. That takes two
    different rows, or one with its balance.
    """
    if above == below or (has_balance and set(above) & set(below)):
        return True
    length = min(len(above), len(below))
    return any(
        above[-1] == below[size - 1] and len(set(below[:size])) > 1 and above[-size:] == below[:size]
        for size in range(2, length + 1)
    )


def equal_rows(above: Sequence[str], below: Sequence[str]) -> Iterator[int]:
    """The places of rows below that stand above too, as often as they do."""
    unmatched = Counter(above)
    for index, row in enumerate(below):
        if unmatched[row]:
            unmatched[row] -= 1
            yield index


def describe_twins(twins: Sequence[str], noun: str) -> str:
    """The end of a note: which rows may have been exported twice; '' for none."""
    if not twins:
        return ""
    examples = "; ".join([*twins[:SHOWN], *(["and more"] if len(twins) > SHOWN else [])])
    return f". In doubt: {examples}; {noun} count as two"
