"""How many of a test's cases run on a database other than SQLite."""

import os
from collections.abc import Iterable
from typing import TypeVar

Case = TypeVar("Case")
ON_SQLITE = os.environ.get("SLUICEGATE_TEST_DB", "sqlite") == "sqlite"


def all_on_sqlite(cases: Iterable[Case], *, elsewhere: int = 2) -> list[Case]:
    """Every case on SQLite; on the other databases `elsewhere` of them, evenly spread, the first among them.

    For orders, seeds and variants that Python decides: databases differ in how they compare, lock and refuse, and a few
    of the cases show that as well as all of them.
    """
    every = list(cases)
    if ON_SQLITE or len(every) <= elsewhere:
        return every
    return [every[number * len(every) // elsewhere] for number in range(elsewhere)]


def examples(on_sqlite: int) -> int:
    """How many examples a property is tried with: a third of SQLite's on each of the other databases."""
    return on_sqlite if ON_SQLITE else on_sqlite // 3
