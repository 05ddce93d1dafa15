"""Records without an id of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion import (
    SumAgrees,
)
from ingestion.models import Run
from ingestion.testing import Records
from tests.ingestion.runs import (
    counts,
    item,
    load,
    new_tenant,
    over,
    rows,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def keyless(*values: dict[str, Any]) -> Records:
    return Records(values, key="none")


@pytest.mark.slow
def test_two_versions_without_ids_on_one_page_end_as_the_last_one_in_every_run() -> None:
    tenant = new_tenant()
    pipeline = over([], source=keyless(item(1), {"id": "rec_0001", "amount": "7.00"}))

    seen = []
    for _ in range(3):
        run = load(pipeline, tenant)
        seen.append((run.state, rows(tenant)))

    assert seen == [(Run.State.SUCCEEDED, {"rec_0001": "7.00"})] * 3


def test_sums_agree_again_when_unchanged_records_have_no_ids_of_their_own() -> None:
    tenant = new_tenant()
    source = Records([item(1), item(2)], key="none", declares={"amount": Decimal(3)})
    pipeline = over([], source=source, reconciliations=(SumAgrees("amount"),))

    first, second = load(pipeline, tenant), load(pipeline, tenant)

    assert (first.state, second.state) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED)
    assert counts(second) == (2, 0, 2, 0)
