"""Due times that were missed: one run for all, one for each with a window of its own, or none; and changed schedules."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from ingestion import Cron, Every, Pipeline, actions, scheduling
from ingestion.core.errors import ActionRefused
from ingestion.core.schedules import CatchUp, Place
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.jobs import execute
from ingestion.models import AuditEntry, Connection, Run, Tenant
from ingestion.scheduling.due import decide
from ingestion.testing import registered
from integrations.push import Pushed
from tests.app.oracle import ticking
from tests.ingestion.runs import OPERATOR, carry, configured, new_tenant, over, watermarks

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
HOUR = timedelta(hours=1)
HOURLY = Every(hours=1, spread=timedelta(0))


@pytest.fixture(autouse=True)
def nothing_else_due(committed: None) -> Iterator[None]:
    Connection.unscoped.update(next_due=None)
    Run.unscoped.filter(state__in=Run.ACTIVE).update(state=Run.State.CANCELLED, active_key=None)
    return


def hourly(catch_up: CatchUp) -> Pipeline:
    return dataclasses.replace(ticking, name=f"app.{catch_up}", schedule=HOURLY, catch_up=catch_up, lag=timedelta(0))


def behind(pipeline: Pipeline, hours: int) -> Connection:
    """Connected, and due since so many full hours."""
    connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
    due = HOURLY.after(read_db_now(), Place()) - hours * HOUR
    config = {"records": 1, "page": 1}
    Connection.unscoped.filter(pk=connection.pk).update(next_due=due, config=config)
    connection.refresh_from_db()
    return connection


def runs_of(connection: Connection) -> list[Run]:
    return list(Run.unscoped.filter(connection=connection).order_by("pk"))


def test_coalesce_makes_one_run_up_to_now() -> None:
    with registered(hourly("coalesce")) as pipeline:
        connection = behind(pipeline, hours=5)
        scheduling.tick()
        for run in runs_of(connection):
            carry(run)
        scheduling.tick()

    (run,) = runs_of(connection)
    connection.refresh_from_db()
    assert run.window_end is not None
    assert connection.next_due is not None
    assert timedelta(0) < connection.next_due - run.window_end <= HOUR


@pytest.mark.slow
def test_each_makes_a_run_for_every_missed_period_in_order_over_its_own_window() -> None:
    with registered(hourly("each")) as pipeline:
        connection = behind(pipeline, hours=5)
        first = connection.next_due
        for _ in range(7):
            scheduling.tick()
            for run in runs_of(connection):
                if run.state == Run.State.QUEUED:
                    carry(run)

    runs = runs_of(connection)
    assert first is not None
    assert [run.window_end for run in runs] == [first + number * HOUR for number in range(5)]
    assert all(later.window_start == earlier.window_end for earlier, later in pairwise(runs))
    assert watermarks(connection) == [run.window_end for run in runs]
    connection.refresh_from_db()
    assert connection.next_due == first + 5 * HOUR


@pytest.mark.slow
def test_each_goes_on_at_once_when_a_run_ended_well_and_no_two_are_queued() -> None:
    with registered(hourly("each")) as pipeline:
        connection = behind(pipeline, hours=3)
        scheduling.tick()
        seen = []
        while queued := [run for run in runs_of(connection) if run.state == Run.State.QUEUED]:
            seen.append(len(queued))
            execute(queued[0].pk)

    assert seen == [1, 1, 1]


def test_each_reads_the_period_of_a_failed_run_with_the_next_one() -> None:
    with registered(hourly("each")) as pipeline:
        connection = behind(pipeline, hours=2)
        scheduling.tick()
        (failed,) = runs_of(connection)
        Run.unscoped.filter(pk=failed.pk).update(state=Run.State.FAILED)
        scheduling.tick()
        carry(runs_of(connection)[1])

    second = runs_of(connection)[1]
    assert second.window_start == failed.window_start
    assert watermarks(connection) == [second.window_end]


def test_skip_leaves_missed_periods_out_and_loses_nothing_of_them() -> None:
    with registered(hourly("skip")) as pipeline:
        connection = behind(pipeline, hours=5)
        known = read_db_now() - 9 * HOUR
        actions.rewind(OPERATOR, connection, known, "where it stood")
        if read_db_now() - (HOURLY.after(read_db_now(), Place()) - HOUR) < timedelta(minutes=6):
            Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-5 * 3600))

        assert scheduling.tick().runs_made == 0
        connection.refresh_from_db()
        waits_for = connection.next_due
        Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-1))
        assert scheduling.tick().runs_made == 1

    (run,) = runs_of(connection)
    assert waits_for is not None
    assert timedelta(0) < waits_for - read_db_now() <= HOUR
    assert run.window_start == known


def test_skip_runs_what_is_only_a_little_late() -> None:
    now = datetime.fromisoformat("2026-05-05T12:04:00Z")
    with configured(SKIP_AFTER_SECONDS=300):
        on_time = decide(HOURLY, "skip", datetime.fromisoformat("2026-05-05T12:00:00Z"), now, Place())
        missed = decide(HOURLY, "skip", datetime.fromisoformat("2026-05-05T11:00:00Z"), now, Place())

    assert (on_time.until, missed.until) == (now, None)
    assert on_time.following == missed.following == datetime.fromisoformat("2026-05-05T13:00:00Z")


def test_a_connections_own_schedule_goes_before_its_pipelines() -> None:
    tenant = new_tenant()

    nightly = actions.connect(OPERATOR, tenant, "app.ticking", "nightly", Cron("0 3 * * *", zone="Asia/Tokyo"))
    asked = actions.connect(OPERATOR, tenant, "app.ticking", "asked", {"off": True})
    declared = actions.connect(OPERATOR, tenant, "app.ticking", "declared")

    assert nightly.next_due is not None
    assert (nightly.next_due - timedelta(hours=18)).time() < datetime(2026, 1, 1, 0, 5).time()  # noqa: DTZ001
    assert asked.next_due is None
    assert declared.next_due is not None
    assert declared.schedule is None
    assert nightly.schedule == {"cron": "0 3 * * *", "zone": "Asia/Tokyo", "spread": "5m"}


def test_setting_a_schedule_moves_the_next_due_time_and_is_audited() -> None:
    connection = actions.connect(OPERATOR, new_tenant(), "app.ticking")

    actions.set_schedule(OPERATOR, connection, {"every": "6h"}, "less often")
    every = Connection.unscoped.get(pk=connection.pk)
    actions.set_schedule(OPERATOR, connection, {"off": True})
    off = Connection.unscoped.get(pk=connection.pk)
    actions.set_schedule(OPERATOR, connection, None)
    back = Connection.unscoped.get(pk=connection.pk)

    assert every.next_due is not None
    assert timedelta(0) < every.next_due - read_db_now() <= 6 * HOUR
    assert off.next_due is None
    assert back.schedule is None
    assert back.next_due is not None
    entries = AuditEntry.objects.for_tenant(connection.tenant).filter(action="schedule").order_by("pk")
    assert [one.data["after"] for one in entries] == [{"every": "6h"}, {"off": True}, None]
    assert entries[0].reason == "less often"


def test_a_source_that_finds_nothing_has_no_schedule() -> None:
    """It would make empty runs for ever."""
    with registered(over([], source=Pushed())) as pipeline:
        connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
        for ask in (
            lambda: actions.set_schedule(OPERATOR, connection, {"every": "6h"}),
            lambda: actions.connect(OPERATOR, connection.tenant, pipeline.name, "second", Cron("0 3 * * *")),
            lambda: actions.connect(OPERATOR, connection.tenant, pipeline.name, "", {"every": "6h"}),
        ):
            with pytest.raises(ActionRefused, match="delivered, and that has runs of its own"):
                ask()
        actions.set_schedule(OPERATOR, connection, {"off": True})
        actions.set_schedule(OPERATOR, connection, None)

    connection.refresh_from_db()
    assert (connection.schedule, connection.next_due) == (None, None)
    assert Connection.objects.for_tenant(connection.tenant).count() == 1


def test_a_tick_that_looked_before_the_schedule_changed_does_not_undo_it() -> None:
    connection = behind(dataclasses.replace(ticking), hours=1)
    stale = Connection.unscoped.get(pk=connection.pk)
    actions.set_schedule(OPERATOR, connection, {"every": "6h"})
    Connection.unscoped.filter(pk=connection.pk).update(next_due=stale.next_due)

    assert scheduling.tick().runs_made == 1

    connection.refresh_from_db()
    assert connection.next_due is not None
    assert connection.next_due == Every(hours=6).after(read_db_now(), scheduling.place_of(connection))


def test_a_tenants_new_time_zone_moves_its_crons_and_nothing_else() -> None:
    tenant, other = new_tenant(), new_tenant()
    follows = actions.connect(OPERATOR, tenant, "app.ticking", "follows", Cron("0 3 * * *"))
    fixed = actions.connect(OPERATOR, tenant, "app.ticking", "fixed", Cron("0 3 * * *", zone="UTC"))
    theirs = actions.connect(OPERATOR, other, "app.ticking", "theirs", Cron("0 3 * * *"))
    before = {one.pk: one.next_due for one in (follows, fixed, theirs)}

    moved = actions.set_time_zone(OPERATOR, tenant, "Asia/Kathmandu", "they moved")

    after = {one.pk: Connection.unscoped.get(pk=one.pk).next_due for one in (follows, fixed, theirs)}
    assert [one.pk for one in moved] == [follows.pk]
    assert {pk for pk in after if after[pk] != before[pk]} == {follows.pk}
    shifted = after[follows.pk] - before[follows.pk]  # type: ignore[operator]
    assert shifted % timedelta(days=1) == timedelta(hours=18, minutes=15)
    assert Tenant.objects.get(pk=tenant.pk).time_zone == "Asia/Kathmandu"


def test_a_name_that_is_no_zone_changes_nothing() -> None:
    tenant = new_tenant()

    with pytest.raises(ActionRefused, match="no time zone"):
        actions.set_time_zone(OPERATOR, tenant, "Mars/Olympus")

    assert Tenant.objects.get(pk=tenant.pk).time_zone == "UTC"
