"""A batch that is rolled back and loaded again has extended no lease."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError

from ingestion import ErrorBudget
from ingestion.conf import config
from ingestion.database.clock import db_now_plus
from ingestion.dead_letters import writing as dead_letters
from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.running.claims import Claim
from ingestion.testing import registered
from tests.ingestion.runs import carry, configured, counts, item, over, queued

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

LARGE = "x" * (dead_letters._INLINE_BYTES + 1)


def test_the_lease_is_renewed_before_a_payload_is_kept_that_only_the_database_refused() -> None:
    ends: list[Any] = []
    loads: list[str] = []

    def at(point: str) -> None:
        if point == "loaded":
            loads.append(point)
            time.sleep(0.4 if len(loads) == 1 else 0)
        if point in ("prepared", "payloads kept"):
            ends.append(Run.unscoped.values_list("lease_until", flat=True).get(pk=run.pk))

    records = [item(1), item(2, amount="-1.00", note=LARGE)]
    with configured(LEASE_SECONDS=0.9), registered(over(records, error_budget=ErrorBudget(1))) as pipeline:
        run = queued(pipeline)
        carry(run, Hooks(at=at))

    assert (counts(run), len(loads)) == ((2, 1, 0, 1), 2)
    assert ends[-1] > ends[0]


def test_a_batch_that_was_rolled_back_leaves_its_run_as_much_lease_as_it_had() -> None:
    """The first try ends in a lost connection, the second in a payload to be kept: neither may count as a renewal."""
    held: list[Claim] = []
    tries: list[str] = []
    ends: dict[str, Any] = {}

    def at(point: str) -> None:
        if point == "artifact kept":
            pass_time(run, held[0], seconds=20)
        if point == "loaded":
            tries.append(point)
            if len(tries) == 1:
                raise InterfaceError("connection already closed")
        ends[point] = Run.unscoped.values_list("lease_until", flat=True).get(pk=run.pk)

    records = [item(1), item(2, amount="-1.00", note=LARGE)]
    budget = ErrorBudget(1)
    with configured(LEASE_SECONDS=30), registered(over(records, error_budget=budget)) as pipeline:
        run = queued(pipeline)
        carry(run, Hooks(at=at, sleep=lambda seconds: None, on_progress=held.append))

    assert (counts(run), len(tries)) == ((2, 1, 0, 1), 3)
    assert ends["payloads kept"] - ends["artifact kept"] > timedelta(seconds=15)


def pass_time(run: Run, held: Claim, seconds: float) -> None:
    """As if so much of the lease had gone by, in this process and in the database."""
    held.extended_at -= seconds
    Run.unscoped.filter(pk=run.pk).update(lease_until=db_now_plus(config().LEASE_SECONDS - seconds))
