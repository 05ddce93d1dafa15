"""How many of a test's cases run: fewer on a database other than SQLite, more in a deeper run.

`SLUICEGATE_TEST_DEPTH=4 manage.py test` tries four times as many cases of each property as a run that says nothing.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

Case = TypeVar("Case")
DATABASE = os.environ.get("SLUICEGATE_TEST_DB", "sqlite")
ON_SQLITE = DATABASE == "sqlite"
DEPTH = float(os.environ.get("SLUICEGATE_TEST_DEPTH") or 1)


def all_on_sqlite(cases: Iterable[Case], *, elsewhere: int = 2) -> list[Case]:
    """Every case on SQLite; on the other databases `elsewhere` of them.

    For orders, seeds and variants that Python decides: databases differ in how they compare, lock and refuse, and a few
    of the cases show that as well as all of them.
    """
    every = list(cases)
    return some(every, on_sqlite=len(every), elsewhere=elsewhere)


def some(cases: Iterable[Case], *, on_sqlite: int, elsewhere: int = 2) -> list[Case]:
    """As many of the cases, evenly spread, the first among them; all of them once the run is deep enough."""
    every = list(cases)
    count = deep(on_sqlite if ON_SQLITE else elsewhere)
    if len(every) <= count:
        return every
    return [every[number * len(every) // count] for number in range(count)]


def seeds(on_sqlite: int, *, elsewhere: int = 2) -> range:
    """Seeds of random cases; a deeper run has those of a shallower one, and more."""
    return range(deep(on_sqlite if ON_SQLITE else elsewhere))


def examples(on_sqlite: int) -> int:
    """How many examples a property is tried with: a third of SQLite's on each of the other databases."""
    return deep(on_sqlite if ON_SQLITE else on_sqlite // 3)


def deep(count: int) -> int:
    """So many cases in a run of the depth that was asked for, at least one."""
    return max(1, round(count * DEPTH))
