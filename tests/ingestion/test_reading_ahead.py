"""One page is fetched while the one before it is loaded, and nothing else changes by that."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import Context, ErrorBudget, Json, Page, Record, Secret, SourceChanged, Transient, actions
from ingestion.models import Run
from ingestion.running import Seams
from ingestion.testing import Records, registered
from ingestion.vault import credentials
from tests.app.oracle import Entry, oracle
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child
from tests.ingestion.runs import (
    OPERATOR,
    body,
    carry,
    configured,
    counts,
    effects,
    expire,
    finish,
    item,
    items,
    letters,
    load,
    new_tenant,
    over,
    queued,
    rows,
)  # fmt: skip

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
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
                one = item(number)
                yield Page([Record(one["id"], body(one), f"page {number}")], number + 1)
        finally:
            self.closed_in.append(threading.current_thread())


def loaded(source: Any, seams: Seams | None = None, **changes: Any) -> Run:
    return load(over([], source=source, **changes), seams=seams)


def at(point: str, do: Callable[[int], object]) -> Seams:
    """Calls `do(n)` the n-th time, from 0, that `point` is passed."""
    passed = iter(range(1000))
    return Seams(at=lambda name: do(next(passed)) if name == point else None, sleep=lambda seconds: None)


@pytest.mark.parametrize(
    ("source", "settings", "ahead"),
    [
        (Watched(2), {}, True),
        (Watched(2, ahead=False), {}, False),
        (Watched(2), {"READ_AHEAD": False}, False),
    ],
    ids=["ahead", "not by this source", "not in this deployment"],
)
def test_the_next_page_is_asked_for_before_this_one_is_committed(
    source: Watched, settings: dict[str, Any], ahead: bool
) -> None:
    asked: list[bool] = []
    look = at("before commit", lambda n: asked.append(source.asked[1].wait(PATIENCE if ahead else 0)))

    with configured(**settings):
        run = loaded(source, look)

    assert asked[0] is ahead
    assert counts(run) == (2, 2, 0, 0)


def test_never_more_than_one_page_is_fetched_ahead() -> None:
    committed: list[int] = []
    early: list[int] = []

    def step(number: int, ctx: Context) -> None:
        if number > len(committed) + 1:
            early.append(number)

    source = Watched(6, step)

    def seam(point: str) -> None:
        if point == "before commit" and len(committed) < 5:
            assert source.asked[len(committed) + 1].wait(PATIENCE)
        if point == "committed":
            committed.append(1)

    run = loaded(source, Seams(at=seam))

    assert (run.state, early, len(committed)) == ("succeeded", [], 6)


def test_an_error_is_raised_after_the_pages_before_it_are_committed() -> None:
    raising = threading.Event()

    def step(number: int, ctx: Context) -> None:
        if number == 2:
            raising.set()
            raise SourceChanged("The third page is gone.")

    run = loaded(Watched(5, step), at("before commit", lambda n: n == 0 or raising.wait(PATIENCE)))

    assert (run.state, run.error_class, run.batches) == ("failed", "SourceChanged", 2)
    assert sorted(rows(run.tenant)) == ["rec_0000", "rec_0001"]


def _cancel(run: Run) -> None:
    Run.unscoped.filter(pk=run.pk).update(cancel_requested=True)


def _pause(run: Run) -> None:
    actions.pause(OPERATOR, run.connection, reason="looking into it")


def _overtake(run: Run) -> None:
    Run.unscoped.filter(pk=run.pk).update(fence=run.fence + 100)


def _break(run: Run) -> None:
    raise SourceChanged("Whatever goes wrong while a page is loaded.")


@pytest.mark.parametrize("during", ["prepared", "committed"])
@pytest.mark.parametrize(
    ("way", "state"),
    [(_cancel, "cancelled"), (_pause, "queued"), (_overtake, "running"), (_break, "failed")],
    ids=["cancelled", "paused", "fenced", "failed"],
)
def test_a_run_that_ends_ends_its_reader_first(way: Callable[[Run], None], state: str, during: str) -> None:
    """While the source is at the second page, which never comes."""
    before = threading.enumerate()

    def never(number: int, ctx: Context) -> None:
        ends = time.monotonic() + PATIENCE
        while number == 1 and time.monotonic() < ends:
            ctx.beat()

    source = Watched(3, never)
    with configured(LEASE_SECONDS=0.5), registered(over([], source=source)) as pipeline:
        run = queued(pipeline)
        carry(run, at(during, lambda n: source.asked[1].wait(PATIENCE) and way(run)))

    assert (run.state, run.batches) == (state, 0 if during == "prepared" and way in (_overtake, _break) else 1)
    assert threading.enumerate() == before
    (closed_in,) = source.closed_in
    assert closed_in.name == f"reader of run {run.pk}"


def test_the_lease_is_renewed_while_a_page_is_slow() -> None:
    leases: list[Any] = []

    def step(number: int, ctx: Context) -> None:
        def lease() -> Any:
            return Run.unscoped.values_list("lease_until", flat=True).get(pk=ctx.run_id)

        if number == 1:
            leases.append(ctx.between_batches(lease))
            ends = time.monotonic() + PATIENCE
            while len(leases) < 3 and time.monotonic() < ends:
                ctx.beat()
                if (now := ctx.between_batches(lease)) != leases[-1]:
                    leases.append(now)

    with configured(LEASE_SECONDS=2):
        run = loaded(Watched(2, step))

    assert run.state == "succeeded"
    assert len(leases) == 3
    assert leases == sorted(set(leases))


def test_what_a_source_asks_of_its_run_is_answered_between_batches() -> None:
    found: list[tuple[int, int, threading.Thread]] = []

    def step(number: int, ctx: Context) -> None:
        def stored() -> int:
            ctx.beat()  # from the answering thread: must not wait for itself
            return Entry.objects.for_tenant(ctx.tenant).count()

        found.append((number, ctx.between_batches(stored), ctx.between_batches(threading.current_thread)))

    run = loaded(Watched(4, step))

    here = threading.current_thread()
    assert run.state == "succeeded"
    assert found == [(number, number, here) for number in range(4)]


def test_a_token_is_exchanged_between_batches_and_stored_before_it_is_used() -> None:
    """By the run's thread: on SQLite another one would wait for the lock of the batch that waits for its page."""
    tokens: list[str] = []
    threads: set[threading.Thread] = set()

    def step(number: int, ctx: Context) -> None:
        def ask(used_up: Secret) -> Mapping[str, str]:
            ctx.beat()  # as the call for the token does
            threads.add(threading.current_thread())
            return {"token": f"token-{number}"}

        tokens.append(ctx.credential().values["token"])
        new = ctx.exchange(ctx.credential(), ask)
        assert ctx.between_batches(lambda: credentials.read(ctx.tenant, "shop")) == new

    tenant = new_tenant()
    credentials.put(tenant.ref, "shop", {"token": "token-first"}, cause="stored")
    pipeline = over([], source=Watched(3, step), integration="shop")
    run = load(pipeline, tenant)

    assert (run.state, counts(run)) == ("succeeded", (3, 3, 0, 0))
    assert tokens == ["token-first", "token-0", "token-1"]
    assert threads == {threading.current_thread()}


def test_the_reader_uses_no_database() -> None:
    used: list[Any] = []

    def step(number: int, ctx: Context) -> None:
        ctx.throttle(1.0)
        ctx.beat()
        used.extend(one.alias for one in connections.all(initialized_only=True))

    with registered(over([], source=Watched(2, step), integration="one")) as pipeline:
        connection = queued(pipeline).connection
        run = carry(actions.run_now(OPERATOR, connection, config={"integration": "another"}, hint=False))

    assert (run.state, used) == ("succeeded", [])


def test_what_is_refused_to_a_source_is_raised_where_it_asked() -> None:
    caught: list[str] = []

    def step(number: int, ctx: Context) -> None:
        try:
            ctx.between_batches(lambda: Entry.objects.get(pk=0))
        except Exception as error:
            caught.append(type(error).__name__)

    run = loaded(Watched(1, step))

    assert (run.state, caught) == ("succeeded", ["TenantScopeError"])


def test_the_reader_sees_the_context_of_its_run() -> None:
    known: ContextVar[str] = ContextVar("known", default="")
    seen: list[str] = []
    token = known.set("of this run")

    loaded(Watched(1, lambda number, ctx: seen.append(known.get())))

    known.reset(token)
    assert seen == ["of this run"]


def test_after_a_death_nothing_is_read_ahead() -> None:
    """A death in the second page would be blamed on the records of the first."""
    threads: set[str] = set()
    source = Watched(2, lambda number, ctx: threads.add(threading.current_thread().name))
    with registered(over([], source=source)) as pipeline:
        run = queued(pipeline)
        assert in_child(lambda: carry(run, DyingAt("prepared").seams)) == KILLED

        finish(run)

    assert (run.state, counts(run)) == ("succeeded", (2, 2, 0, 0))
    assert threads == {threading.current_thread().name}


@pytest.mark.parametrize(("point", "nth"), [("extracted", 2), ("before commit", 1), ("committed", 3), ("exhausted", 1)])
def test_a_run_that_is_killed_while_it_reads_ahead_loses_and_doubles_nothing(point: str, nth: int) -> None:
    records = items(40)
    with registered(over(records, source=Flaky(Records(records, page_size=10, ahead=True), set()))) as pipeline:
        run = queued(pipeline)

        died = in_child(lambda: carry(run, DyingAt(point, nth).seams))
        finish(run)

    assert (died, counts(run)) == (KILLED, (40, 40, 0, 0))
    assert effects(run) == sorted(rows(run.tenant)) == sorted(one["id"] for one in records)


class Killed(BaseException):
    """Ends a worker in the middle of a test's process."""


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


def story(records: Sequence[dict[str, Any]], fails: set[int], crash: int, *, ahead: bool) -> tuple[Any, list[str]]:
    """What a run leaves behind that dies at its `crash`-th seam, and the seams it passed."""
    passed: list[str] = []

    def seam(point: str) -> None:
        passed.append(point)
        if len(passed) == crash:
            raise Killed

    source = Flaky(Records(records, page_size=2, ahead=ahead), set(fails))
    pipeline = dataclasses.replace(oracle, source=source, reconciliations=(), error_budget=ErrorBudget(ratio=1.0))
    with registered(pipeline):
        run = queued(pipeline)
        try:
            carry(run, Seams(at=seam, sleep=lambda seconds: None))
        except Killed:
            expire(run)
        finish(run)
    keys = [(one.source_id, one.stage, one.times_seen) for one in letters(run.tenant)]
    left = (run.state, counts(run), run.batches, run.checkpoint, rows(run.tenant), keys, effects(run))
    return left, passed


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    good=st.lists(st.booleans(), min_size=1, max_size=7),
    fails=st.sets(st.sampled_from([2, 4, 6]), max_size=2),
    crash=st.integers(min_value=0, max_value=30),
)
def test_reading_ahead_leaves_behind_what_reading_in_turn_does(good: list[bool], fails: set[int], crash: int) -> None:
    records = [item(number, **({} if fine else {"amount": "-1.00"})) for number, fine in enumerate(good)]

    ahead, passed_ahead = story(records, fails, crash, ahead=True)
    in_turn, passed_in_turn = story(records, fails, crash, ahead=False)

    assert ahead == in_turn
    assert passed_ahead == passed_in_turn
