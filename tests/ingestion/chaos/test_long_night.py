"""A night of real operation: `manage.py up` on PostgreSQL, three tenants, sources of several kinds, operators who act, and
a disaster about every half minute. What happened must be told by log and audit trail alone; the killer's diary is for
those who compare. `SLUICEGATE_TEST_DB=postgres pytest tests/ingestion/chaos/test_long_night.py -m soak`

SLUICEGATE_NIGHT_MINUTES says how long (120), SLUICEGATE_NIGHT_FOLDER where log, exports and diary stay, SLUICEGATE_NIGHT_SEED
which night it is.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from ingestion.logs import ContextFormatter
from ingestion.models import Connection, Delivery, Run
from ingestion.testing import registered
from tests.ingestion.chaos.night import counting, telling
from tests.ingestion.chaos.night.desk import Desk, attempt
from tests.ingestion.chaos.night.diary import Diary
from tests.ingestion.chaos.night.export import export
from tests.ingestion.chaos.night.house import INGESTION, House
from tests.ingestion.chaos.night.killer import Killer
from tests.ingestion.chaos.night.sender import Sender
from tests.ingestion.chaos.night.shop import Shop
from tests.ingestion.chaos.night.work import ledger, pushed
from tests.ingestion.runs import configured

MINUTES = float(os.environ.get("SLUICEGATE_NIGHT_MINUTES", "120"))
PATIENCE = 300.0
SEED = int(os.environ.get("SLUICEGATE_NIGHT_SEED", "1130"))

pytestmark = [
    pytest.mark.soak,
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


class Plan:
    """What is to happen when; everything happens in one thread, which is the only one of this process with a database."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._draw = random.Random(SEED)

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), what))

    def again(self, least: float, most: float, what: Callable[[], object]) -> None:
        """From now on, after a time between the two, for ever."""

        def once() -> None:
            what()
            self.later(self._draw.uniform(least, most), once)

        self.later(self._draw.uniform(least, most), once)

    def follow(self, until: float) -> None:
        while time.monotonic() < until:
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
            time.sleep(0.1)


@contextmanager
def console_log(path: Path) -> Iterator[None]:
    """What operators do is logged by their process: here into the same file, marked as the supervisor marks its own."""
    handler = logging.FileHandler(path)
    handler.setFormatter(ContextFormatter("console     | %(asctime)s %(levelname)s %(name)s[%(process)d] %(message)s"))
    logger = logging.getLogger("ingestion")
    level, logger.level = logger.level, logging.INFO
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()


def folder() -> Path:
    path = Path(os.environ.get("SLUICEGATE_NIGHT_FOLDER") or tempfile.mkdtemp(prefix="night-"))
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.timeout(MINUTES * 60 + 1200)
def test_a_night_of_disasters_loses_nothing_and_its_log_tells_it() -> None:
    kept = folder()
    log, diary = kept / "log", Diary(kept / "diary.jsonl")
    shop, sender, plan = Shop(("acme", "birch", "cedar"), SEED), Sender(SEED), Plan()
    with ExitStack() as stack:
        for pipeline in (ledger, pushed):
            stack.enter_context(registered(pipeline))
        stack.enter_context(configured(**INGESTION))
        stack.enter_context(console_log(log))
        stack.enter_context(shop.open())
        house = stack.enter_context(House(log))
        sender.url = f"http://127.0.0.1:{house.port}"
        desk = Desk(SEED, shop, sender, plan.later)
        killer = Killer(SEED, house, shop, diary, plan.later)
        sender.start()
        plan.again(8, 14, shop.sell)
        plan.again(60, 240, desk.upload)
        plan.again(30, 60, desk.look_after)
        plan.again(30, 75, desk.act)
        plan.again(60, 60, lambda: attempt(lambda: export(kept)))
        plan.later(MINUTES * 12, desk.backfill)
        plan.later(MINUTES * 40, desk.backfill)
        plan.later(25, lambda: plan.again(20, 40, killer.strike))

        plan.follow(time.monotonic() + MINUTES * 60)
        killer.mend_everything()
        sender.close()
        until_all_is_quiet(desk)

    export(kept)
    diary.write("end", kinds=dict(diary.kinds), tries=sender.tries, deliveries=sender.deliveries)
    print(dict(diary.kinds), "runs", Run.unscoped.count(), "orders", {name: len(o) for name, o in shop.orders.items()})
    print("pushed", len(sender.accepted), "bank", desk.entries, "open letters", desk.open_dead_letters())
    assert counting.faults_of(desk) == []
    assert telling.untold(diary.lines(), log.read_text(errors="replace")) == []


def until_all_is_quiet(desk: Desk) -> None:
    """Let what is left be done, without a disaster and without new work."""
    deadline = time.monotonic() + PATIENCE
    heal = 0.0
    while time.monotonic() < deadline:
        if time.monotonic() > heal:
            desk.heal()
            heal = time.monotonic() + 15
        try:
            if is_quiet(desk):
                return
        except DatabaseError:
            connection.close()
        time.sleep(1)
    raise AssertionError(
        [f"{run} {run.state} {run.error_message}" for run in Run.unscoped.filter(state__in=Run.ACTIVE)]
    )


def is_quiet(desk: Desk) -> bool:
    """Every order was in the window of a run that has ended well, and no run is left."""
    Connection.unscoped.filter(next_due__isnull=False).exclude(pipeline="rest.records").update(next_due=None)
    return not (
        desk.unsent
        or Run.unscoped.filter(state__in=Run.ACTIVE).exists()
        or desk.ended_badly().exists()
        or Delivery.unscoped.filter(state=Delivery.State.PENDING).exists()
        or counting.orders_missing(desk)
    )
