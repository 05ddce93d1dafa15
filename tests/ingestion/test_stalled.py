"""Runs whose process died where no worker takes them over: without Redis, with `ingest run` alone."""

import dataclasses
import os
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion import actions
from ingestion.models import Connection, Event, Run, Tenant
from ingestion.running import claims, stalled
from ingestion.testing import Records, make_tenant, registered
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import ingest

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")
NOBODY = 2**22 + 1
"""One above the largest process id of Linux."""


@pytest.fixture
def acme() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def connection(acme: Tenant) -> Connection:
    return actions.connect(actions.Actor(), acme, "app.payments")


def begun(connection: Connection, **columns: object) -> Run:
    """A run that a process has claimed, with `columns` in its row."""
    run = actions.run_now(actions.Actor(), connection, wake=False)
    assert claims.claim(run.pk) is not None
    Run.unscoped.filter(pk=run.pk).update(**columns)
    run.refresh_from_db()
    return run


def killed(connection: Connection) -> Run:
    return begun(connection, worker_pid=NOBODY)


def silent(connection: Connection) -> Run:
    """Of a host that nobody can ask: its lease has ended."""
    return begun(connection, host="elsewhere", lease_until=timezone.now() - timedelta(seconds=1))


def states(connection: Connection) -> list[str]:
    return list(Run.unscoped.filter(connection=connection).order_by("pk").values_list("state", flat=True))


@pytest.mark.every_database
@pytest.mark.parametrize("left", [killed, silent])
def test_the_next_ingest_run_finishes_what_a_dead_process_left(left, connection: Connection) -> None:  # type: ignore[no-untyped-def]
    run = left(connection)

    answer = ingest("run", *ACME)

    assert answer.code == 0, answer.error
    assert states(connection) == ["succeeded", "succeeded"]
    run.refresh_from_db()
    assert (run.fence, run.deaths) == (3, 0)
    assert Event.unscoped.filter(run=run, name="released", text__contains="is gone").count() == 1


def test_a_run_begins_where_the_one_of_the_dead_process_ended(connection: Connection) -> None:
    run = killed(connection)

    ingest("run", *ACME)

    assert Run.unscoped.latest("pk").watermark_before == run.window_end


def test_a_dead_process_is_counted_against_the_batch_that_it_died_in(connection: Connection) -> None:
    run = killed(connection)

    stalled.release(Run.unscoped.all())

    run.refresh_from_db()
    assert (run.state, run.deaths, run.active_key, run.slot_key) == ("queued", 1, None, None)


@pytest.mark.parametrize(
    "columns",
    [{"worker_pid": os.getppid()}, {"host": "elsewhere", "worker_pid": NOBODY}, {"worker_pid": None}],
    ids=["alive", "another host", "unnamed"],
)
def test_a_run_whose_process_may_live_keeps_its_lease(connection: Connection, columns: dict[str, object]) -> None:
    run = begun(connection, **columns)

    assert stalled.release(Run.unscoped.all()) == []
    assert not stalled.is_stalled(run)
    answer = ingest("run", *ACME)

    assert (answer.code, states(connection)) == (4, ["running", "queued"])
    assert f"waits for run {run.pk} (manual), which is running since" in answer.error


def test_runs_that_waited_without_a_worker_are_executed_first(connection: Connection) -> None:
    busy = begun(connection, host="elsewhere")
    for _ in range(2):
        assert ingest("run", *ACME).code == 4
    Run.unscoped.filter(pk=busy.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert ingest("run", *ACME).code == 0
    assert states(connection) == ["succeeded"] * 4


def test_a_run_that_waits_for_its_next_attempt_is_not_executed_before_its_time(connection: Connection) -> None:
    early = actions.run_now(actions.Actor(), connection, wake=False)
    Run.unscoped.filter(pk=early.pk).update(not_before=timezone.now() + timedelta(hours=1))

    ingest("run", *ACME)

    assert states(connection) == ["queued", "succeeded"]


@pytest.mark.every_database
@pytest.mark.parametrize("left", [killed, silent])
def test_cancelling_ends_what_a_dead_process_left(left, connection: Connection) -> None:  # type: ignore[no-untyped-def]
    run = left(connection)

    answer = ingest("cancel", run.pk, "--tenant", "acme")

    assert (answer.code, states(connection)) == (0, ["cancelled"])
    assert "next batch boundary" not in answer.out
    assert ingest("run", *ACME).code == 0


def test_a_run_whose_process_died_after_it_was_cancelled_can_be_cancelled_again(
    connection: Connection, admin_client: Client
) -> None:
    run = begun(connection)
    page = reverse("admin:ingestion_run_change", args=[run.pk])
    actions.cancel(actions.Actor(), run)
    alive = admin_client.get(page).content.decode()
    Run.unscoped.filter(pk=run.pk).update(worker_pid=NOBODY)

    assert "/cancel/" not in alive
    assert "/cancel/" in admin_client.get(page).content.decode()
    assert ingest("run", *ACME).code == 0
    assert states(connection) == ["cancelled", "succeeded"]


def test_cancelling_a_backfill_ends_the_shard_of_a_dead_process(connection: Connection, acme: Tenant) -> None:
    with registered(dataclasses.replace(payments, source=Records([], time="at"))):
        start = timezone.now() - timedelta(days=2)
        parent = actions.backfill(
            actions.Actor(),
            connection,
            start,
            start + timedelta(days=1),
            shard=timedelta(hours=12),
            reason="late",
            wake=False,
        )
        shard = parent.shards.order_by("pk").first()
        assert shard is not None
        assert claims.claim(shard.pk) is not None
        Run.unscoped.filter(pk=shard.pk).update(worker_pid=NOBODY)

        actions.cancel(actions.Actor(), parent)

    assert {shard.state for shard in parent.shards.all()} == {"cancelled"}


def test_no_other_tenants_run_is_released(connection: Connection) -> None:
    other = killed(actions.connect(actions.Actor(), make_tenant("globex"), "app.payments"))

    ingest("run", *ACME)

    other.refresh_from_db()
    assert other.state == "running"
