"""Sources that watch how they are read ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ingestion import Context, Json, Page, Record, Transient
from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.testing import Records
from tests.ingestion.runs import body, item, load, over

PATIENCE = 20.0
"""Seconds after which something that must happen counts as not happening."""
WAIT = 0.01
"""Seconds that a source takes for its first page: one that never lets us wait is not read ahead."""
Step = Callable[[int, Context], object]


@dataclass
class Watched:
    """Pages of one record; `step` is called whenever a page is asked for, and `asked[n]` is set before that."""

    pages: int = 3
    step: Step = lambda number, ctx: None
    ahead: bool = True
    values: dict[str, Any] = field(default_factory=dict)
    asked: list[threading.Event] = field(default_factory=lambda: [threading.Event() for _ in range(20)])
    closed_in: list[threading.Thread] = field(default_factory=list)

    def reads_ahead(self, ctx: Context) -> bool:
        return self.ahead

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        try:
            time.sleep(WAIT)
            for number in range(int(checkpoint or 0), self.pages):
                self.asked[number].set()
                self.step(number, ctx)
                one = item(number, **self.values)
                yield Page([Record(one["id"], body(one), f"page {number}")], number + 1)
        finally:
            self.closed_in.append(threading.current_thread())


def loaded(source: Any, hooks: Hooks | None = None, **changes: Any) -> Run:
    return load(over([], source=source, **changes), hooks=hooks)


def at(point: str, do: Callable[[int], object]) -> Hooks:
    """Calls `do(n)` the n-th time, from 0, that `point` is passed."""
    passed = iter(range(1000))
    return Hooks(at=lambda name: do(next(passed)) if name == point else None, sleep=lambda seconds: None)


@dataclass
class Flaky:
    """`Records` whose pages at `fails` cannot be had the first time they are asked for."""

    records: Records
    fails: set[int]

    def reads_ahead(self, ctx: Context) -> bool:
        return self.records.ahead

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        time.sleep(WAIT)
        for page in self.records.extract(ctx, checkpoint):
            ctx.beat()
            if page.checkpoint in self.fails:
                self.fails.remove(page.checkpoint)
                raise Transient("Not now.")
            yield page
