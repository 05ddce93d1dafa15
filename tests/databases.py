"""How many of a test's cases run on a database other than SQLite."""

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

Case = TypeVar("Case")
DATABASE = os.environ.get("SLUICEGATE_TEST_DB", "sqlite")
ON_SQLITE = DATABASE == "sqlite"


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


def deadly_statements(*, each: bool = False) -> Iterator[int]:
    """At which statements of its work a process is killed: at each on SQLite, at every third on the other databases.

    What a server does with the open transaction of somebody who is gone is the same wherever in it that was. The two
    servers begin at different statements. `each` of the few that differ, such as COMMITs, is one everywhere.
    """
    return itertools.count(2 if DATABASE == "postgres" and not each else 1, 1 if ON_SQLITE or each else 3)
