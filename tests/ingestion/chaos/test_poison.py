"""A record that kills its worker is found, set aside and reported; everything else loads."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingestion import Context, Json, Page
from ingestion.models import DeadLetter, Run
from ingestion.testing import Records, registered
from tests.app.oracle import Counted, Entry
from tests.databases import all_on_sqlite
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child
from tests.ingestion.runs import carry, counts, dead_letters, effects, expire, items, over, queued, rows, watermarks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def deadly(*keys: str) -> Callable[[Any, Context], Entry]:
    def transform(value: Any, ctx: Context) -> Entry:
        if value.id in keys:
            os.kill(os.getpid(), signal.SIGKILL)
        return Entry(external_id=value.id, amount=value.amount)

    return transform


def claims_until_the_end(run: Run, most: int = 60) -> int:
    """Claim `run` in one process after another until it has ended; how many it took."""
    for claims in range(1, most + 1):
        expire(run)
        assert in_child(lambda: carry(run)) in (0, KILLED)
        run.refresh_from_db()
        if run.state in Run.TERMINAL:
            return claims
    raise AssertionError(f"still {run.state} after {most} claims: {run.isolation}")


@pytest.mark.parametrize(
    ("page", "number"),
    all_on_sqlite([(500, 251), (1, 1), (2, 1), (2, 2), (7, 1), (7, 4), (7, 7), (64, 1), (64, 64)], elsewhere=3),
)
def test_a_record_that_kills_its_worker_is_isolated_in_few_claims(page: int, number: int) -> None:
    poison = f"rec_{number:04}"
    with registered(over(items(page + 3), page=page, transform=deadly(poison))) as pipeline:
        run = queued(pipeline)

        claims = claims_until_the_end(run)

    assert claims <= math.ceil(math.log2(page)) + 4
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (page + 3, page + 2, 0, 1))
    (dead_letter,) = dead_letters(run.tenant)
    assert (dead_letter.source_id, dead_letter.error_class) == (poison, "PoisonRecord")
    assert set(rows(run.tenant)) == {one["id"] for one in items(page + 3)} - {poison}
    assert effects(run) == sorted(rows(run.tenant))
    assert watermarks(run.connection) == [run.window_end]


def test_two_deadly_records_of_one_page_are_both_isolated() -> None:
    with registered(over(items(32), page=32, transform=deadly("rec_0005", "rec_0027"))) as pipeline:
        run = queued(pipeline)

        claims = claims_until_the_end(run)

    assert claims <= 2 * (5 + 4)
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (32, 30, 0, 2))
    assert {one.source_id for one in dead_letters(run.tenant)} == {"rec_0005", "rec_0027"}


def test_deadly_records_on_several_pages_are_all_isolated() -> None:
    keys = ("rec_0002", "rec_0015", "rec_0020")
    with registered(over(items(20), page=8, transform=deadly(*keys))) as pipeline:
        run = queued(pipeline)

        claims_until_the_end(run)

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (20, 17, 0, 3))
    assert {one.source_id for one in dead_letters(run.tenant)} == set(keys)


def test_a_record_that_kills_its_worker_only_while_it_is_loaded_is_isolated() -> None:
    class Deadly(Counted):
        def load(self, ctx: Context, ready: Any) -> Any:
            if any(one.record.key == "rec_0011" for one in ready):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(ctx, ready)

    with registered(over(items(16), page=16, destination=Deadly())) as pipeline:
        run = queued(pipeline)

        claims_until_the_end(run)

    assert counts(run) == (16, 15, 0, 1)
    assert dead_letters(run.tenant)[0].source_id == "rec_0011"


def test_a_record_that_kills_only_together_with_others_ends_in_worker_lost() -> None:
    class Overfull(Counted):
        def load(self, ctx: Context, ready: Any) -> Any:
            if len(ready) > 10:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(ctx, ready)

    with registered(over(items(16), page=16, destination=Overfull())) as pipeline:
        run = queued(pipeline)

        claims = claims_until_the_end(run)

    assert (run.state, run.error_class, dead_letters(run.tenant)) == (Run.State.FAILED, "WorkerLost", [])
    assert claims <= 2 + 8 + 1


def test_a_source_that_always_kills_its_worker_ends_in_worker_lost() -> None:
    class Killing(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            if checkpoint is not None:
                os.kill(os.getpid(), signal.SIGKILL)
            yield from super().extract(ctx, checkpoint)
            os.kill(os.getpid(), signal.SIGKILL)

    with registered(over([], source=Killing(items(4), page_size=4))) as pipeline:
        run = queued(pipeline)

        claims = claims_until_the_end(run)

    assert (run.state, run.error_class, counts(run)) == (Run.State.FAILED, "WorkerLost", (4, 4, 0, 0))
    assert claims <= 2 + 8 + 1
    assert watermarks(run.connection) == []
    assert (run.active_key, run.lease_until) == (None, None)


def test_workers_that_die_for_other_reasons_convict_no_record() -> None:
    with registered(over(items(12), page=12)) as pipeline:
        run = queued(pipeline)
        for point in ("prepared", "artifact kept", "loaded"):
            expire(run)
            assert in_child(lambda point=point: carry(run, DyingAt(point).hooks)) == KILLED

        claims_until_the_end(run)

    assert (run.state, counts(run), dead_letters(run.tenant)) == (Run.State.SUCCEEDED, (12, 12, 0, 0), [])


def test_a_convicted_record_stays_set_aside_in_later_runs_until_it_is_replayed() -> None:
    with registered(over(items(4), page=4, transform=deadly("rec_0003"))) as pipeline:
        run = queued(pipeline)
        claims_until_the_end(run)
    with registered(over([])):
        from ingestion import actions
        from tests.ingestion.runs import OPERATOR

        (replay,) = actions.replay(OPERATOR, actions.Selection(run.tenant), wake=False)
        carry(replay)

    assert counts(replay) == (1, 1, 0, 0)
    assert DeadLetter.objects.for_tenant(run.tenant).get().status == "replayed"
