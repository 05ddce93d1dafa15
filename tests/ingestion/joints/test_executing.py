"""What one execution of a run leaves behind in its process, its letters and its row."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from ingestion import Context, Json, Page, Record, RecordError, Refusal, Transient
from ingestion.dead_letters.writing import identity
from ingestion.models import DeadLetter, Run
from ingestion.running import Hooks
from ingestion.signals import run_started
from ingestion.testing import Records, registered
from tests.ingestion.halting import Halting
from tests.ingestion.runs import (
    body,
    carry,
    dead_letters,
    events,
    finish,
    item,
    items,
    load,
    new_tenant,
    over,
    queued,
    replayed,
    rows,
)

pytestmark = [pytest.mark.django_db]

THRESHOLD = (701, 11, 9)
"""Nobody's default."""


@pytest.fixture
def _threshold() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLD)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("_threshold")
@pytest.mark.parametrize("error", [None, ValueError("broken")])
def test_a_run_leaves_the_garbage_collector_as_it_was(error: Exception | None) -> None:
    during: list[tuple[int, int, int]] = []

    def watching(value: object, ctx: Context) -> object:
        during.append(gc.get_threshold())
        raise ValueError("no row")

    load(over([], source=Records(items(1), error=error), transform=watching))

    assert during != [THRESHOLD]
    assert gc.get_threshold() == THRESHOLD
    assert gc.get_freeze_count() == 0


def test_letters_of_records_whose_id_and_bytes_run_into_each_other_are_two() -> None:
    assert identity(Record("ab", b"c")) != identity(Record("a", b"bc"))
    assert identity(Record("", b"abc")) != identity(Record("a", b"bc"))


def test_a_run_that_is_claimed_again_started_once() -> None:
    started: list[int] = []

    def hear(sender: object, run: Run, **rest: object) -> None:
        started.append(run.pk)

    run_started.connect(hear)
    try:
        with registered(over([], source=Halting(items(4), page_size=2))) as pipeline:
            run = finish(carry(queued(pipeline)))
    finally:
        run_started.disconnect(hear)

    assert (run.state, run.fence) == (Run.State.SUCCEEDED, 2)
    assert started == [run.pk]


def test_a_worker_asked_to_stop_gives_the_run_back_after_the_batch_it_is_at() -> None:
    with registered(over(items(6), page=2)) as pipeline:
        run = carry(queued(pipeline), Hooks(stop=lambda: True))

    assert (run.state, run.batches, run.lease_until) == (Run.State.QUEUED, 1, None)
    assert "paused" in events(run)


def test_a_run_is_not_tried_again_before_its_source_wants_to_be_asked() -> None:
    run = load(over([], source=Records(items(1), error=Transient("429", retry_after=500.0))))

    assert run.not_before is not None
    assert run.not_before >= run.created_at + timedelta(seconds=500)


def test_a_statement_of_which_a_record_is_refused_again_keeps_its_letter() -> None:
    tenant, pipeline = new_tenant(), over([], source=Whole())
    load(pipeline, tenant)
    (dead_letter,) = dead_letters(tenant)

    replayed(tenant, pipeline)

    dead_letter.refresh_from_db()
    assert dead_letter.status == DeadLetter.Status.NEW
    assert rows(tenant) == {"rec_0001": "1.00"}


def test_a_statement_all_of_whose_records_load_closes_its_letter() -> None:
    tenant = new_tenant()
    load(over([], source=Whole()), tenant)
    (dead_letter,) = dead_letters(tenant)

    replayed(tenant, over([], source=Whole(second=item(2))))

    dead_letter.refresh_from_db()
    assert dead_letter.status == DeadLetter.Status.REPLAYED
    assert rows(tenant) == {"rec_0001": "1.00", "rec_0002": "2.00"}


@dataclass(frozen=True)
class Whole:
    """Refuses two records together; taken apart again, the second one is whatever it was told."""

    second: Mapping[str, Any] = field(default_factory=lambda: item(2, amount="much"))

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        if checkpoint is None:
            yield Page([], 1, [Refusal(Record("both", b"[]", "file"), RecordError("they do not add up"))])

    def reopen(self, ctx: Context, record: Record) -> Page:
        parts = [item(1), self.second]
        return Page([Record(str(part["id"]), body(part), "part") for part in parts], None)
