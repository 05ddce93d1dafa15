"""A batch that is rolled back and loaded again has extended no lease."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ingestion import ErrorBudget
from ingestion import letters as dead_letters
from ingestion.models import Run
from ingestion.running import Seams
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
        carry(run, Seams(at=at))

    assert (counts(run), len(loads)) == ((2, 1, 0, 1), 2)
    assert ends[-1] > ends[0]
