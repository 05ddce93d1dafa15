"""What an operator's action hands over to the run that it makes, and to whom it tells it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from ingestion import SourceChanged, actions, dispatch, jobs
from ingestion.actions.dead_letters import _assign_letters
from ingestion.core.errors import ActionRefused
from ingestion.models import DeadLetter, Run, RunArtifact
from ingestion.running.claims import claim
from ingestion.testing import Records, registered
from ingestion.vault import credentials
from tests.ingestion.runs import OPERATOR, carry, dead_letters, item, items, load, new_tenant, over, queued, watermarks

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]


def failing(run_values: dict[str, Any]) -> Run:
    """A failed run with these values in its row."""
    run = load(over([], source=Records([], error=SourceChanged("?"))))
    Run.unscoped.filter(pk=run.pk).update(**run_values)
    run.refresh_from_db()
    return run


def test_a_retry_reads_the_same_window_with_the_same_parameters_after_the_same_watermark() -> None:
    failed = failing({"kind": Run.Kind.SCHEDULED, "params": {"config": {"account": "1"}}})
    before = failed.window_end - timedelta(days=2)
    Run.unscoped.filter(pk=failed.pk).update(watermark_before=before)
    failed.refresh_from_db()

    again = actions.retry(OPERATOR, failed, wake=False)

    handed_over = ("window_start", "window_end", "watermark_before", "params", "pipeline", "connection_id", "tenant_id")
    assert {name: getattr(again, name) for name in handed_over} == {name: getattr(failed, name) for name in handed_over}


def test_a_retry_of_a_scheduled_run_was_asked_for_and_is_no_scheduled_one() -> None:
    """Or the connection would not be due while it waits."""
    again = actions.retry(OPERATOR, failing({"kind": Run.Kind.SCHEDULED}), wake=False)

    assert (again.kind, again.due_key) == (Run.Kind.MANUAL, None)


def test_a_retry_takes_the_uploaded_files_along_and_no_raw_pages() -> None:
    tenant, pipeline = new_tenant(), over([], source=Records(items(2), files=True))
    with registered(pipeline):
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        run = actions.upload(OPERATOR, connection, "one.json", b"{}", wake=False).run
        link = run.artifact_links.get()
        RunArtifact.unscoped.create(
            tenant=tenant, run=run, artifact=link.artifact, role=RunArtifact.Role.RAW, name="batch 1"
        )
        actions.cancel(OPERATOR, run)
        run.refresh_from_db()

        again = actions.retry(OPERATOR, run, wake=False)

    assert [(kept.role, kept.name) for kept in again.artifact_links.all()] == [(RunArtifact.Role.INPUT, "one.json")]


def test_a_paused_connections_run_is_not_retried() -> None:
    failed = failing({})
    actions.pause(OPERATOR, failed.connection, "later")
    failed.connection.refresh_from_db()

    with pytest.raises(ActionRefused, match="paused"):
        actions.retry(OPERATOR, failed, wake=False)


def test_cancelling_a_waiting_replay_lets_go_of_its_letters() -> None:
    tenant, pipeline = new_tenant(), over([item(1, amount="much")])
    load(pipeline, tenant)
    with registered(pipeline):
        (replay,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        actions.cancel(OPERATOR, replay)

    assert [dead_letter.replay_run_id for dead_letter in dead_letters(tenant)] == [None]


def test_of_two_operators_who_chose_the_same_letter_the_second_holds_none() -> None:
    tenant, pipeline = new_tenant(), over([item(1, amount="much")])
    load(pipeline, tenant)
    with registered(pipeline):
        (dead_letter,) = dead_letters(tenant)
        (first,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)

        with pytest.raises(ActionRefused):
            actions.replay(OPERATOR, actions.Selection(tenant, ids=[dead_letter.pk]), wake=False)

    assert DeadLetter.objects.for_tenant(tenant).get().replay_run_id == first.pk


def test_no_worker_is_told_of_a_run_whose_connection_is_at_work(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        running = queued(pipeline, new_tenant(tier="enterprise"))  # with room beside the running one
        assert claim(running.pk) is not None
        waits = actions.run_now(OPERATOR, running.connection, wake=False)
        redis.flushall()

        dispatch.wake(waits)

    assert redis.keys("rq:job:*") == []


def test_no_worker_is_told_of_a_new_run_of_a_tenant_at_its_budget(redis: Redis) -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        connections = [
            actions.connect(OPERATOR, tenant, pipeline.name, f"c{number}")
            for number in range(dispatch.allowed(tenant.tier) + 1)
        ]
        for connection in connections[:-1]:
            assert claim(actions.run_now(OPERATOR, connection, wake=False).pk) is not None
        redis.flushall()

        dispatch.wake(actions.run_now(OPERATOR, connections[-1], wake=False))

    assert redis.keys("rq:job:*") == []


def test_a_run_that_waits_for_its_next_attempt_is_told_of_by_the_tick_alone(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        run.not_before = run.created_at + timedelta(hours=1)
        run.save(update_fields=["not_before"])
        redis.flushall()

        dispatch.wake(run)

    assert redis.keys("rq:job:*") == []


@pytest.mark.slow
def test_the_watermark_of_a_run_that_was_retried_after_a_newer_one_stays() -> None:
    with registered(over([], source=Records([], error=SourceChanged("?")))) as pipeline:
        failed = carry(queued(pipeline))
    with registered(over(items(1))) as pipeline:
        newer = carry(actions.run_now(OPERATOR, failed.connection, wake=False))
        carry(actions.retry(OPERATOR, failed, wake=False))

    assert watermarks(failed.connection)[-1] == newer.window_end


def test_a_letter_that_somebody_else_took_meanwhile_stays_theirs() -> None:
    tenant, pipeline = new_tenant(), over([item(1, amount="much")])
    load(pipeline, tenant)
    with registered(pipeline):
        (theirs,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        own = queued(pipeline, tenant)

    held = _assign_letters(tenant, own, None, [dead_letter.pk for dead_letter in dead_letters(tenant)])

    assert (held, dead_letters(tenant)[0].replay_run_id) == (0, theirs.pk)


def test_an_upload_brings_no_value_of_a_credential_into_a_runs_settings() -> None:
    tenant, secret = new_tenant(), "a-secret-that-is-long-enough"
    credentials.put(tenant.ref, "shop", {"api_key": secret}, cause="set")
    with registered(over([], source=Records([], files=True), integration="shop")) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)

        with pytest.raises(ActionRefused):
            actions.upload(OPERATOR, connection, "a.json", b"{}", config={"account": secret}, wake=False)


def test_the_same_file_for_two_connections_is_no_duplicate() -> None:
    tenant = new_tenant()
    with registered(over([], source=Records([], files=True))) as pipeline:
        first, second = (actions.connect(OPERATOR, tenant, pipeline.name, name) for name in ("first", "second"))
        actions.upload(OPERATOR, first, "a.json", b"{}", wake=False)

        received = actions.upload(OPERATOR, second, "a.json", b"{}", wake=False)

    assert (received.duplicate, received.run.connection_id) == (False, second.pk)


def test_a_worker_that_has_ended_a_run_carries_none() -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        jobs.execute(run.pk)

    assert jobs._child_progress.read(os.getpid()) is None


def test_a_watermark_is_not_moved_under_a_run_that_waits() -> None:
    with registered(over(items(1))) as pipeline:
        waits = queued(pipeline)

        with pytest.raises(ActionRefused, match="queued or running"):
            actions.rewind(OPERATOR, waits.connection, waits.created_at - timedelta(days=1), "read it again")

    assert watermarks(waits.connection) == []
