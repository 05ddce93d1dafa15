"""Rows in no order of time, each a step from one balance to the next: whether one walk takes every step once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal


def ends_in_some_order(links: Sequence[tuple[Decimal, Decimal]]) -> tuple[Decimal, ...] | None:
    """Where the walk begins and ends (Euler: connected, and all but the two ends entered as often as left).

    () for a walk that ends where it began, which may be anywhere on it; None where there is no walk.
    """
    surplus = Counter(start for start, _ in links)
    surplus.subtract(after for _, after in links)
    uneven = {balance: count for balance, count in surplus.items() if count}
    if sorted(uneven.values()) not in ([], [-1, 1]) or not _connected(links):
        return None
    return tuple(sorted(uneven, key=lambda balance: -uneven[balance]))


def _connected(links: Sequence[tuple[Decimal, Decimal]]) -> bool:
    neighbours: dict[Decimal, set[Decimal]] = {}
    for start, after in links:
        neighbours.setdefault(start, set()).add(after)
        neighbours.setdefault(after, set()).add(start)
    reached, ahead = {links[0][0]}, [links[0][0]]
    while ahead:
        fresh = neighbours[ahead.pop()] - reached
        reached |= fresh
        ahead.extend(fresh)
    return len(reached) == len(neighbours)
