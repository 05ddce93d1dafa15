"""Runs that somebody asked for and no worker takes: an upload, a manual run, a replay."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from redis import Redis

from ingestion import actions, scheduling
from ingestion.conf import MOST_AT_ONCE
from ingestion.database.clock import db_now_plus
from ingestion.models import Connection, Run
from tests.ingestion.commands.shell import asked
from tests.ingestion.runs import OPERATOR
from tests.ingestion.test_lateness import ahead, beat, connected, reasons, serving

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def asked_for(connection: Connection, seconds_ago: float = 1800, **values: Any) -> Run:
    """An upload of the connection, made so long ago."""
    run = Run.unscoped.create(
        tenant=connection.tenant, connection=connection, pipeline=connection.pipeline, kind=Run.Kind.UPLOAD, **values
    )
    Run.unscoped.filter(pk=run.pk).update(created_at=db_now_plus(-seconds_ago))
    run.refresh_from_db()
    return run


def test_an_upload_without_any_worker_is_overdue_and_its_run_says_why(redis: Redis) -> None:
    beat(0)
    connection = connected()
    ahead(connection)
    first, second = asked_for(connection), asked_for(connection)

    (found,) = scheduling.overdue()

    assert (found.connection, found.since) == (connection, first.created_at)
    assert f"run {first.pk} is queued since " in found.reason
    assert "no worker serves queue ingestion-free (0 runs wait): `manage.py ingest worker" in found.reason
    assert scheduling.why_waits(first) == found.reason
    assert f"run {second.pk} is queued since " in scheduling.why_waits(second)


def test_uploads_that_are_taken_in_one_after_the_other_make_nothing_late(redis: Redis) -> None:
    beat(0)
    connection = connected()
    ahead(connection)
    earlier = asked_for(connection, state=Run.State.RUNNING, active_key=connection.pk, lease_until=db_now_plus(60))
    later = asked_for(connection)
    while_it_runs = reasons()
    waits = scheduling.why_waits(later)
    Run.unscoped.filter(pk=earlier.pk).update(
        state=Run.State.SUCCEEDED, active_key=None, lease_until=None, finished_at=db_now_plus(-5)
    )

    assert (while_it_runs, reasons()) == ([], [])
    assert f"run {later.pk} waits for run {earlier.pk} (upload), which is running since" in waits


def test_an_upload_that_waits_for_its_tenants_budget_makes_nothing_late_and_says_so(redis: Redis) -> None:
    beat(0)
    connection = connected()
    ahead(connection)
    other = actions.connect(OPERATOR, connection.tenant, "app.oracle")
    asked_for(other, state=Run.State.RUNNING, active_key=other.pk, slot_key=other.tenant_id * MOST_AT_ONCE,
              lease_until=db_now_plus(60))  # fmt: skip
    run = asked_for(connection)
    with serving(redis, "ingestion-free"):
        assert reasons() == []
        assert scheduling.why_waits(run).endswith("the tenant's budget is full: 1 of its runs are running")


def test_a_run_says_no_reason_while_a_worker_has_it_and_once_it_ended() -> None:
    beat(0)
    connection = connected()
    running = asked_for(connection, state=Run.State.RUNNING, lease_until=db_now_plus(60), active_key=connection.pk)

    assert scheduling.why_waits(running) == scheduling.why_waits(asked_for(connection, state=Run.State.FAILED)) == ""


def test_a_backfill_of_which_no_shard_is_at_work_says_why(redis: Redis) -> None:
    beat(0)
    connection = connected()
    backfill = {"tenant": connection.tenant, "connection": connection, "pipeline": connection.pipeline,
                "kind": Run.Kind.BACKFILL}  # fmt: skip
    parent = Run.unscoped.create(state=Run.State.RUNNING, **backfill)
    first, second = (Run.unscoped.create(parent=parent, **backfill) for _ in range(2))

    of_all, of_second = scheduling.why_waits(parent), scheduling.why_waits(second)
    Run.unscoped.filter(pk=first.pk).update(state=Run.State.RUNNING, lease_until=db_now_plus(60))

    assert f"run {first.pk} is queued since" in of_all
    assert f"run {second.pk} is queued since" in of_second
    assert scheduling.why_waits(parent) == ""


def test_the_page_of_a_waiting_run_and_its_command_say_why(redis: Redis, admin_client: Client) -> None:
    beat(0)
    connection = connected()
    run = asked_for(connection)
    of_run = reverse("admin:ingestion_run_change", args=[run.pk])
    late = reverse("admin:ingestion_connection_changelist") + "?state=late"
    ahead(connection)

    shown = asked("show", "run", str(run.pk))["run"]["waits_because"]
    page, listed = (admin_client.get(address).content.decode() for address in (of_run, late))

    assert "no worker serves queue ingestion-free" in shown
    assert "<dt>Waits because</dt><dd>run" in page
    assert "no worker serves queue ingestion-free" in page
    assert "no worker serves queue ingestion-free" in listed
