"""One page is fetched while the one before it is loaded, and nothing else changes by that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pytest
from django.db import connections

from ingestion import Context, ErrorBudget, Secret, SourceChanged, actions
from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.testing import registered
from ingestion.vault import credentials
from tests.app.oracle import Entry
from tests.ingestion.readers import PATIENCE, Watched, at, loaded
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    counts,
    dead_letters,
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

    run = loaded(source, Hooks(at=seam))

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


@pytest.mark.slow
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

    assert (run.state, run.batches) == (state, 0 if during == "prepared" else 1)
    assert threading.enumerate() == before
    (closed_in,) = source.closed_in
    assert closed_in.name == f"reader of run {run.pk}"


@pytest.mark.slow
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


@pytest.mark.slow
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
        run = carry(actions.run_now(OPERATOR, connection, config={"integration": "another"}, wake=False))

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


def test_a_page_over_the_error_budget_ends_the_run_after_its_reader() -> None:
    """One that hangs then is ended with its worker; had the run ended before, nobody would look."""
    states: list[str] = []

    def step(number: int, ctx: Context) -> None:
        ends = time.monotonic() + PATIENCE
        try:
            while number == 1 and time.monotonic() < ends:
                ctx.beat()
        finally:
            states.append(Run.unscoped.values_list("state", flat=True).get(pk=ctx.run_id))

    source = Watched(2, step, values={"amount": "-1.00"})
    look = at("prepared", lambda n: source.asked[1].wait(PATIENCE))
    run = loaded(source, look, error_budget=ErrorBudget(ratio=0.0, at_least=1))

    assert states == ["running", "running"]
    assert (run.state, run.error_class, counts(run)) == ("failed", "ErrorBudgetExceeded", (1, 0, 0, 1))
    assert len(dead_letters(run.tenant)) == 1
