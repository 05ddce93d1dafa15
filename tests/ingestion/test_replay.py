"""Replay goes through the same path as a first delivery, once, and survives its own failure."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import Context, ErrorBudget, RecordError, actions
from ingestion.core.errors import ActionRefused
from ingestion.models import DeadLetter, Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    counts,
    dead_letters,
    due,
    effects,
    expire,
    finish,
    item,
    load,
    new_tenant,
    over,
    replayed,
    rows,
    watermarks,
)

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

FORGIVING = ErrorBudget(ratio=1.0)


def mended(**changes: Any) -> Any:
    """The pipeline after a developer taught it to take negative amounts."""
    return over([], transform=lambda value, ctx: Entry(external_id=value.id, amount=abs(value.amount)), **changes)


def rejected(count: int) -> Any:
    """A tenant with that many open letters."""
    return load(over([item(n, amount=f"-{n}.00") for n in range(1, count + 1)], error_budget=FORGIVING)).tenant


def test_a_replay_loads_the_letters_and_closes_them() -> None:
    tenant = rejected(3)

    run = replayed(tenant, mended())

    assert (run.kind, run.state, counts(run)) == (Run.Kind.REPLAY, Run.State.SUCCEEDED, (3, 3, 0, 0))
    assert rows(tenant) == {"rec_0001": "1.00", "rec_0002": "2.00", "rec_0003": "3.00"}
    assert {(one.status, one.replay_attempts, one.replay_run_id) for one in dead_letters(tenant)} == {
        ("replayed", 1, run.pk)
    }
    assert all(one.replayed_at for one in dead_letters(tenant))


def test_a_replay_moves_no_watermark() -> None:
    tenant = rejected(1)
    connection = dead_letters(tenant)[0].connection
    before = watermarks(connection)

    run = replayed(tenant, mended())

    assert watermarks(connection) == before
    assert run.watermark_after is None


@pytest.mark.slow
def test_a_replay_that_fails_again_counts_the_attempt_and_no_delivery() -> None:
    tenant = rejected(2)

    for _ in range(2):
        replayed(tenant, over([]))

    assert [(one.status, one.replay_attempts, one.times_seen) for one in dead_letters(tenant)] == [("new", 2, 1)] * 2
    assert rows(tenant) == {}


def test_an_attempt_counts_although_its_batch_rolled_back() -> None:
    tenant = rejected(2)

    def broken(value: Any, ctx: Context) -> Entry:
        raise ConnectionResetError("the look-up service is gone")

    run = replayed(tenant, over([], transform=broken))

    assert (run.state, run.attempts, counts(run)) == (Run.State.QUEUED, 1, (0, 0, 0, 0))
    assert [(one.status, one.replay_attempts) for one in dead_letters(tenant)] == [("new", 1)] * 2


def test_of_two_operators_only_one_gets_the_letters() -> None:
    tenant = rejected(3)
    actions.replay(OPERATOR, actions.Selection(tenant), wake=False)

    with pytest.raises(ActionRefused, match="No open dead letter"):
        actions.replay(OPERATOR, actions.Selection(tenant), wake=False)


@pytest.mark.slow
def test_two_operators_at_the_same_moment_have_one_effect() -> None:
    tenant = rejected(20)

    def operate() -> None:
        with registered(mended()):
            try:
                for run in actions.replay(OPERATOR, actions.Selection(tenant), wake=False):
                    carry(run)
            except ActionRefused:
                pass

    children = [start_child(operate) for _ in range(3)]
    codes = [end(child) for child in children]

    with registered(mended()):
        for run in Run.unscoped.filter(tenant=tenant, state__in=Run.ACTIVE):
            finish(run)
    assert codes == [0, 0, 0]
    assert {one.status for one in dead_letters(tenant)} == {"replayed"}
    loaded = [key for run in Run.unscoped.filter(tenant=tenant, kind=Run.Kind.REPLAY) for key in effects(run)]
    assert sorted(loaded) == sorted(rows(tenant))
    assert len(loaded) == 20


@pytest.mark.slow
def test_letters_of_an_ended_replay_can_be_replayed_again() -> None:
    tenant = rejected(2)
    with registered(over([])):
        (cancelled,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        Run.unscoped.filter(pk=cancelled.pk).update(cancel_requested=True)
        carry(cancelled)

    run = replayed(tenant, mended())

    assert cancelled.state == Run.State.CANCELLED
    assert counts(run) == (2, 2, 0, 0)


@pytest.mark.slow
def test_a_killed_replay_goes_on_after_its_last_page() -> None:
    tenant = rejected(1200)

    with registered(mended()):
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant), limit=5000, wake=False)
        died = in_child(lambda: carry(run, DyingAt("loaded", 2).hooks))
        halfway = Run.unscoped.get(pk=run.pk)
        finish(run)

    assert died == KILLED
    assert counts(halfway) == (500, 500, 0, 0)
    assert counts(run) == (1200, 1200, 0, 0)
    assert {one.status for one in dead_letters(tenant)} == {"replayed"}
    assert len(effects(run)) == len(rows(tenant)) == 1200


@pytest.mark.slow
def test_the_newest_of_two_letters_of_a_record_is_loaded_and_both_are_closed() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="-1.00")]), tenant)
    load(over([item(1, amount="-7.00")]), tenant)

    run = replayed(tenant, mended())

    assert counts(run) == (2, 1, 1, 0)
    assert rows(tenant) == {"rec_0001": "7.00"}
    assert [one.status for one in dead_letters(tenant)] == ["replayed", "replayed"]


def test_a_replay_takes_no_more_than_its_limit_oldest_first() -> None:
    tenant = rejected(5)

    replayed(tenant, mended(), limit=2)

    assert [one.status for one in dead_letters(tenant)] == ["replayed", "replayed", "new", "new", "new"]


def test_a_replay_has_no_error_budget_to_break() -> None:
    tenant = rejected(4)

    run = replayed(tenant, over([], error_budget=ErrorBudget(0.0, 1)))

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (4, 0, 0, 4))


def test_a_replay_waits_while_another_run_of_its_connection_is_at_work() -> None:
    tenant = rejected(2)
    with registered(mended()) as pipeline:
        busy = actions.run_now(OPERATOR, actions.connect(OPERATOR, tenant, pipeline.name), wake=False)
        Run.unscoped.filter(pk=busy.pk).update(state=Run.State.RUNNING, active_key=busy.connection_id, lease_until=None)
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)

        carry(run)

    assert run.state == Run.State.QUEUED


def test_a_letter_closed_meanwhile_is_left_out() -> None:
    tenant = rejected(2)
    with registered(mended()):
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        actions.abandon(OPERATOR, dead_letters(tenant)[0], "rubbish")

        carry(run)

    assert counts(run) == (1, 1, 0, 0)
    assert [one.status for one in dead_letters(tenant)] == ["abandoned", "replayed"]


@pytest.mark.slow
def test_a_transient_failure_of_a_replay_is_tried_again_for_the_same_letters() -> None:
    tenant = rejected(3)
    tries: list[int] = []

    def flaky(value: Any, ctx: Context) -> Entry:
        tries.append(1)
        if len(tries) == 2:
            raise TimeoutError
        return Entry(external_id=value.id, amount=1)

    run = replayed(tenant, over([], transform=flaky))
    with registered(over([], transform=flaky)):
        due(run)
        expire(run)
        carry(run)

    assert (run.state, run.attempts, counts(run)) == (Run.State.SUCCEEDED, 0, (3, 3, 0, 0))
    assert [one.replay_attempts for one in dead_letters(tenant)] == [2, 2, 2]


@pytest.mark.slow
def test_a_record_refused_by_the_transform_again_keeps_its_newest_reason() -> None:
    tenant = rejected(1)

    def strict(value: Any, ctx: Context) -> Entry:
        raise RecordError("unknown customer")

    replayed(tenant, over([], transform=strict))

    dead_letter = DeadLetter.objects.for_tenant(tenant).get()
    assert (dead_letter.stage, dead_letter.errors[0]["message"]) == ("transform", "unknown customer")
