"""Runs over deliveries: what they wait for, how they fail, and what they leave pending."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ingestion import ErrorBudget, SourceChanged, actions, deliveries, scheduling
from ingestion.core.errors import ActionRefused
from ingestion.models import Run
from ingestion.testing import registered
from tests.ingestion import received
from tests.ingestion.received import connected, delivered_to, push, states, webhook_runs
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    due,
    item,
    over,
    watermarks,
)

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
def test_deliveries_of_a_paused_connection_wait_and_are_taken_in_after_it_resumed() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        actions.pause(OPERATOR, connection, "holiday")
        push(connection, "evt_1", item(1))
        Run.unscoped.filter(connection=connection).delete()  # as if its maker had died
        scheduling.tick()
        while_paused = webhook_runs(connection)

        actions.resume(OPERATOR, connection)
        scheduling.tick()
        run = carry(webhook_runs(connection)[0])

    assert while_paused == []
    assert run.ok == 1


def test_a_failed_run_leaves_its_deliveries_to_the_next_one_which_waits_a_while() -> None:
    def refuse(_: object) -> None:
        raise SourceChanged("The sender moved.")

    with registered(delivered_to(refuse)) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        failed = carry(webhook_runs(connection)[0])
        push(connection, "evt_2", item(2))
        scheduling.tick()
        waiting = webhook_runs(connection, Run.State.QUEUED)
    with registered(delivered_to()):
        carry(waiting[0])
        early = waiting[0].state
        due(waiting[0])
        second = carry(waiting[0])

    assert failed.state == Run.State.FAILED
    assert len(waiting) == 1
    assert waiting[0].not_before is None
    assert early == Run.State.QUEUED
    assert second.ok == 2


@pytest.mark.slow
def test_the_wait_after_failed_runs_doubles_and_ends_with_a_good_one() -> None:
    with registered(delivered_to()) as pipeline, configured(BACKOFF_SECONDS=1, MAX_ATTEMPTS=1):
        connection = connected(pipeline)
        waits = []
        for state in ("failed", "failed", "cancelled", "succeeded"):
            now = timezone.now()
            Run.unscoped.create(
                tenant=connection.tenant, connection=connection, pipeline=pipeline.name, kind="webhook", state=state,
                finished_at=now, cancel_requested=state == "cancelled",
            )  # fmt: skip
            made = deliveries._create_run(connection, wake=False)
            assert made is not None
            waits.append(round((made.not_before - now).total_seconds()) if made.not_before else 0)
            made.delete()

    assert waits == [4, 8, 16, 0]


def test_a_failed_webhook_run_is_retried_at_once_by_its_connections_next_run() -> None:
    def refuse(_: object) -> None:
        raise SourceChanged("The sender moved.")

    with registered(delivered_to(refuse)) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        failed = carry(webhook_runs(connection)[0])
    with registered(delivered_to()):
        again = carry(actions.retry(OPERATOR, failed, "mended", wake=False))

    assert again.ok == 1
    assert len(webhook_runs(connection)) == 2


def test_deliveries_for_which_nobody_made_a_run_have_one_at_once() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        Run.unscoped.filter(connection=connection).delete()

        made = deliveries.run_at_once(connection, wake=False)

    assert webhook_runs(connection) == [made]


def test_a_retry_is_refused_while_a_run_takes_the_deliveries_in() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        (run,) = webhook_runs(connection)
        Run.unscoped.filter(pk=run.pk).update(state=Run.State.RUNNING)
        other = Run.unscoped.create(
            tenant=connection.tenant, connection=connection, pipeline=pipeline.name, kind="webhook", state="failed"
        )

        with pytest.raises(ActionRefused):
            actions.retry(OPERATOR, other, wake=False)


def test_a_cancelled_webhook_run_leaves_its_deliveries_pending() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        (run,) = webhook_runs(connection)

        actions.cancel(OPERATOR, run)

    assert states(connection) == {"evt_1": "pending"}
    (next_run,) = webhook_runs(connection, Run.State.QUEUED)
    assert next_run.not_before is not None


def test_a_source_that_takes_no_deliveries_fails_the_run_and_keeps_them() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
    with registered(over([item(1)])):
        run = carry(webhook_runs(connection)[0])

    assert (run.state, run.error_class) == (Run.State.FAILED, "ConfigurationError")
    assert states(connection) == {"evt_1": "pending"}


def test_a_webhook_run_moves_no_watermark() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))

        carry(webhook_runs(connection)[0])

    assert watermarks(connection) == []


def test_deliveries_mostly_bad_are_taken_in_and_block_nothing() -> None:
    budget = ErrorBudget(ratio=0.5, at_least=10)
    with registered(received.delivered_to(error_budget=budget)) as pipeline:
        connection = received.connected(pipeline)
        received.push(connection, "bad", *[item(n, amount="much") for n in range(1, 21)])
        received.push(connection, "good", item(50))
        (run,) = received.webhook_runs(connection)
        carry(run)

    assert (run.state, run.ok, run.dead) == (Run.State.PARTIAL, 1, 20)
    assert set(received.states(connection).values()) == {"done"}
