"""What makes no backfill, and who may not make one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from ingestion import JsonLines, JsonPages, Pipeline, actions
from ingestion.core.errors import ActionRefused
from ingestion.database.clock import read_db_now
from ingestion.models import Run
from ingestion.testing import Records, registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.backfills.days import DAY, START, backfill, connected, shards_of
from tests.ingestion.runs import OPERATOR, new_tenant, over

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def test_a_single_shard_is_neither_cancelled_nor_retried(pipeline: Pipeline) -> None:
    parent = backfill(connected(pipeline))
    shard = shards_of(parent)[0]

    for act in (actions.cancel, actions.retry):
        with pytest.raises(ActionRefused, match=f"shard of backfill {parent.pk}"):
            act(OPERATOR, shard)


@pytest.mark.parametrize(
    ("source", "possible"),
    [
        (JsonPages(lambda ctx, cursor: (b"{}", None), windowed=True), True),
        (JsonPages(lambda ctx, cursor: (b"{}", None)), False),
        (JsonLines("x"), False),
        (Records([], time="at"), True),
        (Records([]), False),
    ],
)
def test_only_sources_that_read_windows_are_backfilled(source: Any, possible: bool) -> None:
    with registered(over([], source=source)) as pipeline:
        connection = connected(pipeline)
        if possible:
            assert backfill(connection).is_backfill
            return
        with pytest.raises(ActionRefused, match="does not read a window"):
            backfill(connection)

    assert not Run.unscoped.filter(connection=connection).exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"reason": ""}, "Say why"),
        ({"shard": timedelta(seconds=1)}, "less than a minute"),
        ({"shard": timedelta(minutes=2)}, "BACKFILL_SHARDS"),
        ({"parallel": 0}, "From 1 to 50"),
        ({"parallel": 51}, "From 1 to 50"),
        ({"days": 0}, "not before"),
        ({"days": 100_000, "shard": timedelta(weeks=52)}, "future"),
    ],
)
def test_what_makes_no_backfill_is_refused(pipeline: Pipeline, options: dict[str, Any], says: str) -> None:
    connection = connected(pipeline)

    with pytest.raises(ActionRefused, match=says):
        backfill(connection, **options)

    assert not Run.unscoped.filter(connection=connection).exists()


def test_naive_times_are_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ActionRefused, match="time zone"):
        actions.backfill(OPERATOR, connected(pipeline), datetime(2026, 1, 1), read_db_now(), reason="x")  # noqa: DTZ001


def test_a_paused_connection_is_not_backfilled(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    actions.pause(OPERATOR, connection, "repairs")

    with pytest.raises(ActionRefused, match="paused"):
        backfill(connection)


def test_staff_of_another_tenant_may_neither_backfill_nor_schedule(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection)
    stranger = actions.Actor(staff(f"stranger{parent.pk}", new_tenant()))
    before = Run.unscoped.filter(connection=connection).count()

    for act in (
        lambda: actions.backfill(stranger, connection, START, START + DAY, reason="mine"),
        lambda: actions.cancel(stranger, parent),
        lambda: actions.retry(stranger, parent),
        lambda: actions.set_schedule(stranger, connection, {"every": "1h"}),
        lambda: actions.connect(stranger, connection.tenant, pipeline.name, "mine", {"every": "1h"}),
        lambda: actions.set_time_zone(stranger, connection.tenant, "Asia/Tokyo"),
    ):
        with pytest.raises(PermissionDenied):
            act()

    connection.refresh_from_db()
    parent.refresh_from_db()
    assert Run.unscoped.filter(connection=connection).count() == before
    assert (connection.schedule, parent.cancel_requested, connection.tenant.time_zone) == (None, False, "UTC")
