"""Rows in no order of time, each a step from one balance to the next: whether one walk takes every step once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal


def find_walk_ends(links: Sequence[tuple[Decimal, Decimal]]) -> tuple[Decimal, ...] | None:
    """Where the walk begins and ends (Euler: connected, and all balances but the two ends entered as often as left).

    () for a walk that ends where it began, which may be at any balance on it; None if there is no walk.
    """
    surplus = Counter(start for start, _ in links)
    surplus.subtract(after for _, after in links)
    uneven = {balance: count for balance, count in surplus.items() if count}
    if sorted(uneven.values()) not in ([], [-1, 1]) or not _are_connected(links):
        return None
    return tuple(sorted(uneven, key=lambda balance: -uneven[balance]))


def _are_connected(links: Sequence[tuple[Decimal, Decimal]]) -> bool:
    neighbours: dict[Decimal, set[Decimal]] = {}
    for start, after in links:
        neighbours.setdefault(start, set()).add(after)
        neighbours.setdefault(after, set()).add(start)
    reached, unvisited = {links[0][0]}, [links[0][0]]
    while unvisited:
        new_balances = neighbours[unvisited.pop()] - reached
        reached |= new_balances
        unvisited.extend(new_balances)
    return len(reached) == len(neighbours)
