"""A source that repeats records over its pages: each row is counted once, first loads included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ingestion import CountsAgree, Pipeline, SumAgrees, Upsert
from ingestion.models import Run
from ingestion.testing import Records
from tests.app.oracle import Entry
from tests.ingestion import runs
from tests.ingestion.runs import Hooks, counts, item, items, load, new_tenant, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

PLAIN = Upsert(Entry, key=["external_id"])


def over(records: Any, **changes: Any) -> Pipeline:
    return runs.over(records, **{"destination": PLAIN, **changes})


@pytest.mark.parametrize("version", ["", "revision"])
def test_rows_of_a_first_load_that_come_again_are_skipped_as_unchanged(version: str) -> None:
    tenant = new_tenant()
    repeated = [*items(20), *items(20), *items(20)]

    run = load(over(repeated, page=20, destination=Upsert(Entry, key=["external_id"], version=version)), tenant)

    assert (counts(run), run.skip_reasons) == ((60, 20, 40, 0), {"unchanged": 40})
    assert len(rows(tenant)) == 20


def test_a_changed_row_that_comes_again_is_loaded_again_and_the_newest_stays() -> None:
    tenant = new_tenant()

    run = load(over([item(1), item(2), item(1, amount="9.00"), item(2)], page=2), tenant)

    assert counts(run) == (4, 3, 1, 0)
    assert rows(tenant) == {"rec_0001": "9.00", "rec_0002": "2.00"}


def test_an_older_version_on_a_later_page_of_a_first_load_is_stale() -> None:
    tenant = new_tenant()
    versioned = Upsert(Entry, key=["external_id"], version="revision")

    run = load(over([item(1, revision=2), item(1, revision=1, amount="9.00")], page=1, destination=versioned), tenant)

    assert (counts(run), run.skip_reasons, rows(tenant)) == ((2, 1, 1, 0), {"stale": 1}, {"rec_0001": "1.00"})


def test_a_row_that_the_database_refuses_is_found_among_new_ones_and_among_repeated_ones() -> None:
    tenant = new_tenant()
    negative = item(3, amount="-1.00")

    run = load(over([item(1), negative, item(2), item(1), negative, item(4)], page=3), tenant)

    assert counts(run) == (6, 3, 1, 2)
    assert sorted(rows(tenant)) == ["rec_0001", "rec_0002", "rec_0004"]


def test_control_totals_hold_over_repeated_pages() -> None:
    declares = {"count": Decimal(4), "amount": Decimal("6.00")}
    source = Records([item(1), item(2), item(1), item(2)], page_size=2, declares=declares)

    run = load(over([], source=source, reconciliations=[CountsAgree(), SumAgrees("amount")]))

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (4, 2, 2, 0))


def test_two_connections_of_one_table_that_load_first_at_once_both_end() -> None:
    tenant = new_tenant()
    records = items(6)
    second = over(records, page=2)

    def meanwhile(point: str) -> None:
        if point == "prepared" and not rows(tenant):
            Entry.unscoped.create(
                tenant=tenant,
                run_id=Run.unscoped.latest("pk").pk,
                external_id="rec_0001",
                amount=1,
                digest=b"x",
                loaded_at=timezone.now(),
            )

    run = load(second, tenant, Hooks(at=meanwhile))

    assert (run.state, len(rows(tenant))) == (Run.State.SUCCEEDED, 6)
