"""One page with several versions of a record, where the destination's rows have versions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion import Upsert
from ingestion.core.destinations import versions
from tests.app.oracle import Counted, Entry
from tests.ingestion.runs import counts, item, letters, load, new_tenant, over

pytestmark = [pytest.mark.django_db(transaction=True)]
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")
BAD = item(1, revision=2, amount="much")


@pytest.mark.parametrize(("page", "open_letters"), [([BAD, item(1)], 0), ([item(1), BAD], 1)])
def test_a_bad_version_is_mended_by_a_later_one_that_is_stored_already(page: list[Any], open_letters: int) -> None:
    tenant = new_tenant()
    load(over([item(1)], destination=VERSIONED), tenant)

    run = load(over(page, destination=VERSIONED), tenant)

    assert (run.dead, len(letters(tenant))) == (open_letters, open_letters)
    assert Entry.objects.for_tenant(tenant).get().amount == Decimal("1.00")


@pytest.mark.parametrize("destination", [VERSIONED, Counted()], ids=["upsert", "wrapped"])
def test_an_older_version_behind_a_newer_one_is_superseded(destination: Any) -> None:
    tenant = new_tenant()
    page = [item(1, revision=3, amount="3.00"), item(1, revision=2, amount="2.00")]

    run = load(over(page, destination=destination), tenant)

    assert (counts(run), run.skip_reasons) == ((2, 1, 1, 0), {"superseded": 1})
    assert Entry.objects.for_tenant(tenant).get().amount == Decimal("3.00")


def test_a_destination_that_says_nothing_has_no_versions() -> None:
    assert [versions(one) for one in (VERSIONED, Upsert(Entry, key=["external_id"]), object())] == [True, False, False]  # type: ignore[arg-type]  # as a destination of before
