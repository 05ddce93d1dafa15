"""What a command's arguments say reaches the action, and lists keep to what was asked for."""

from __future__ import annotations

import pytest

from ingestion.models import Run
from ingestion.testing import registered
from tests.ingestion.backfills.days import TEN_DAYS, backfill, connected, shards_of, windowed
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import new_tenant

pytestmark = [pytest.mark.django_db]


def test_a_backfill_runs_as_many_shards_at_a_time_as_the_command_says() -> None:
    with registered(windowed(TEN_DAYS)) as pipeline:
        of = ("--tenant", connected(pipeline).tenant.key, "--pipeline", pipeline.name)

        ingest(
            "backfill", *of, "--from", "2026-01-01", "--to", "2026-01-04", "--parallel", 3, "--reason", "x", "--queue"
        )

    assert Run.unscoped.get(parent=None).params["parallel"] == 3


def test_a_backfills_shards_are_listed_when_they_are_asked_for() -> None:
    with registered(windowed(TEN_DAYS)) as pipeline:
        parent = backfill(connected(pipeline), days=2)

    listed, of_it = asked("list", "runs")["runs"], asked("list", "runs", "--parent", parent.pk)["runs"]

    assert [run["id"] for run in listed] == [parent.pk]
    assert [run["id"] for run in of_it] == [shard.pk for shard in reversed(shards_of(parent))]


def test_sweeping_one_tenant_sweeps_no_other() -> None:
    tenant, _ = new_tenant(), new_tenant()

    assert [row["tenant"] for row in asked("sweep", "--tenant", tenant.key)["swept"]] == [tenant.key]
