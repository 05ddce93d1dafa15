"""A worker that comes back from the dead writes nothing; without the fence the same scenario doubles every effect."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from ingestion import CountsAgree, SumAgrees
from ingestion.models import Run
from ingestion.running import claims
from ingestion.testing import Records, registered
from tests.app.oracle import Effect
from tests.ingestion.chaos.processes import DyingAt, in_child
from tests.ingestion.runs import carry, counts, dead_letters, effects, events, expire, finish, items, over, queued, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

POINTS = ["claimed", "extracted", "prepared", "artifact kept", "exhausted", "verified"]
"""Where a worker may sleep outside a transaction while its lease runs out."""


def overtaken(run: Run) -> None:
    """The lease of `run` runs out, and another process takes it over and carries it to its end."""
    expire(run)
    assert in_child(lambda: carry(run)) == 0


def without_the_fence() -> None:
    """What `claims` would be without its guard. Only ever called in a process that ends at once."""

    def advanced(mine: claims.Claim, checkpoint: Any, where: Any, **values: Any) -> bool:
        from django.db.models import F

        Run.unscoped.filter(pk=mine.run_id).update(checkpoint=checkpoint, batches=F("batches") + 1, **values)
        return True

    claims.try_advance = advanced
    claims.Claim.row = property(lambda mine: Run.unscoped.filter(pk=mine.run_id))  # type: ignore[assignment]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_slept_past_its_lease_writes_nothing(point: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="ingestion")
    with registered(over(items(6), page=3)) as pipeline:
        run = queued(pipeline)

        carry(run, DyingAt(point, then=lambda: overtaken(run)).hooks)

    assert "fenced" in [getattr(record, "event", "") for record in caplog.records]
    assert (run.state, run.fence, counts(run)) == (Run.State.SUCCEEDED, 2, (6, 6, 0, 0))
    assert effects(run) == sorted(rows(run.tenant))
    assert [name for name in events(run) if name in Run.TERMINAL] == ["succeeded"]


def test_without_the_fence_the_same_sleeper_doubles_its_effects() -> None:
    with registered(over(items(6), page=3)) as pipeline:
        run = queued(pipeline)

        def zombie() -> None:
            without_the_fence()
            carry(run, DyingAt("prepared", then=lambda: overtaken(run)).hooks)

        in_child(zombie)

    seen = Counter(Effect.objects.filter(run=run.pk).values_list("key", flat=True))
    assert sum(count - 1 for count in seen.values()) > 0, "the scenario proves nothing about the fence"


def test_a_sleeper_whose_run_is_still_at_work_elsewhere_is_fenced_too() -> None:
    with registered(over(items(9), page=3)) as pipeline:
        run = queued(pipeline)

        def half_overtaken() -> None:
            expire(run)
            in_child(lambda: carry(run, DyingAt("committed", 2).hooks))

        carry(run, DyingAt("prepared", then=half_overtaken).hooks)
        assert (run.state, run.fence, counts(run)) == (Run.State.RUNNING, 2, (6, 6, 0, 0))
        finish(run)

    assert counts(run) == (9, 9, 0, 0)
    assert effects(run) == sorted(rows(run.tenant))


def test_a_sleeper_cannot_fail_cancel_or_give_back_a_run_that_somebody_else_has() -> None:
    from ingestion import SourceChanged

    with registered(over([], source=Records(items(2), error=SourceChanged("?")))) as pipeline:
        run = queued(pipeline)

        def claimed_elsewhere() -> None:
            expire(run)
            assert claims.claim(run.pk) is not None

        carry(run, DyingAt("committed", then=claimed_elsewhere).hooks)

    assert (run.state, run.fence, run.error_class) == (Run.State.RUNNING, 2, "")


@pytest.mark.parametrize(
    "lost", [OperationalError(2013, "Lost connection"), InterfaceError("closed")], ids=["2013", "0"]
)
@pytest.mark.parametrize("nth", range(1, 12))
def test_a_commit_that_arrived_although_its_answer_was_lost_counts_once(lost: Exception, nth: int) -> None:
    source = Records(items(6), page_size=2, declares={"amount": Decimal(21), "count": Decimal(6)})
    with registered(over([], source=source, reconciliations=(SumAgrees("amount"), CountsAgree()))) as pipeline:
        run = queued(pipeline)

        with losing_the_answer(nth, lost):
            try:
                carry(run)
            except (OperationalError, InterfaceError):
                connection.close()  # RQ would log it and drop the job; the lease brings the run back
        finish(run)

    assert (run.state, run.error_message, counts(run)) == (Run.State.SUCCEEDED, "", (6, 6, 0, 0))
    assert effects(run) == sorted(rows(run.tenant))
    assert dead_letters(run.tenant) == []
    assert [name for name in events(run) if name in Run.TERMINAL] == ["succeeded"]


@contextmanager
def losing_the_answer(nth: int, lost: Exception) -> Iterator[None]:
    """Raise `lost` once the `nth` COMMIT has been answered."""
    left, commit = nth, connection._commit  # type: ignore[attr-defined]

    def committing() -> None:
        nonlocal left
        commit()
        left -= 1
        if left == 0:
            raise lost

    connection._commit = committing  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection._commit = commit  # type: ignore[attr-defined]
