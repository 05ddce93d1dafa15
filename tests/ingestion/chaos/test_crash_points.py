"""A worker killed with SIGKILL in each gap between two durable writes; another one finishes what it left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
from ingestion import artifacts
from ingestion.dead_letters.writing import payload
from ingestion.models import DeadLetter, Event, Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child, points_in
from tests.ingestion.runs import body, carry, effects, finish, item, items, over, queued, watermarks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

PAGES = 4
LARGE = "x" * (1024 * 1024)
RECORDS = [
    *items(34),
    item(35, amount="much", note=LARGE),
    item(36, amount="-1.00", note=LARGE),
    *(item(n) for n in range(37, 41)),
]
"""40 records on 4 pages of 10; one fails validation, one the database's own constraint, both too large for a row."""
CRASHES = [
    ("claimed", 1),
    ("extracted", 1), ("extracted", 3),
    ("prepared", 1), ("prepared", PAGES),
    ("artifact kept", 1), ("artifact kept", PAGES),
    ("payloads kept", 1), ("payloads kept", 2),
    ("advanced", 1), ("advanced", PAGES),
    ("loaded", 1), ("loaded", PAGES),
    ("before commit", 1), ("before commit", PAGES),
    ("committed", 1), ("committed", PAGES),
    ("exhausted", 1),
    ("verified", 1),
    ("before close", 1),
    ("closed", 1),
]  # fmt: skip


def test_every_seam_of_the_engine_is_a_crash_point_here() -> None:
    """Of runs; what checks closed periods dies at its own points in reconciling/test_results.py."""
    engine = Path(str(ingestion.__file__)).parent.rglob("*.py")

    assert points_in(path for path in engine if "reconciling" not in path.parts) == {point for point, _ in CRASHES}


@pytest.mark.parametrize(("point", "nth"), CRASHES, ids=[f"{point} {nth}".replace(" ", "-") for point, nth in CRASHES])
def test_a_run_killed_here_loses_and_doubles_nothing(point: str, nth: int) -> None:
    with registered(over(RECORDS, page=10)) as pipeline:
        run = queued(pipeline)

        died = in_child(lambda: carry(run, DyingAt(point, nth).hooks))
        finish(run)

    assert died == KILLED
    assert_exact(run)


@pytest.mark.parametrize("nth", range(1, PAGES + 1))
def test_a_run_killed_in_the_same_gap_twice_loses_and_doubles_nothing(nth: int) -> None:
    with registered(over(RECORDS, page=10)) as pipeline:
        run = queued(pipeline)

        for point in ("before commit", "advanced"):
            assert in_child(lambda point=point: carry(run, DyingAt(point, nth).hooks)) == KILLED
            Run.unscoped.filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00Z")
            nth = 1
        finish(run)

    assert_exact(run)


def assert_exact(run: Run) -> None:
    bad = {"rec_0035", "rec_0036"}
    wanted = {record["id"]: Decimal(record["amount"]) for record in RECORDS if record["id"] not in bad}
    stored = dict(Entry.objects.for_tenant(run.tenant_id).values_list("external_id", "amount"))
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id)
    bodies = {record["id"]: body(record) for record in RECORDS if record["id"] in bad}

    assert stored == wanted
    assert effects(run) == sorted(wanted)
    assert (run.read, run.ok, run.skipped, run.dead) == (40, 38, 0, 2)
    assert {(one.source_id, one.stage, one.times_seen) for one in dead_letters} == {
        ("rec_0035", "validate", 1),
        ("rec_0036", "load", 1),
    }
    artifacts.sweep(run.tenant.ref, older_than=timedelta(0))
    assert {one.source_id: payload(one) for one in dead_letters} == bodies
    assert run.state == Run.State.PARTIAL
    assert watermarks(run.connection) == [run.window_end] == [run.watermark_after]
    assert run.batches == PAGES
    assert run.checkpoint == len(RECORDS)
    assert (run.active_key, run.lease_until) == (None, None)
    ends = Event.objects.for_tenant(run.tenant_id).filter(run=run, name__in=Run.TERMINAL)
    assert [one.name for one in ends] == ["partial"]
