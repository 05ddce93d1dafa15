"""Control totals are about what the source sent; a row that is not stored as it was sent proves nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion import Context, CountsAgree, ErrorBudget, Skip, SumAgrees, Upsert
from ingestion.models import Run
from ingestion.testing import Records
from tests.app.oracle import Entry
from tests.ingestion.runs import item, items, load, new_tenant, over

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]

VERSIONED = Upsert(Entry, key=["external_id"], version="revision")


def versioned(value: Any, ctx: Context) -> Entry:
    return Entry(external_id=value.id, amount=value.amount, revision=value.revision)


def summed(*records: dict[str, Any], total: str, **changes: Any) -> Any:
    source = Records(records, page_size=changes.pop("page", 100), declares={"amount": Decimal(total)})
    checks = (SumAgrees("amount"),)
    return over(
        [], source=source, reconciliations=checks, **{"transform": versioned, "destination": VERSIONED, **changes}
    )


def verdict(run: Run) -> str:
    return run.events.filter(name=run.state).values_list("text", flat=True)[0]


def test_a_sum_over_a_row_that_is_older_than_the_stored_one_is_unverifiable() -> None:
    tenant = new_tenant()
    load(summed(item(1, revision=5), total="1.00"), tenant)

    run = load(summed({"id": "rec_0001", "amount": "7.00", "revision": 4}, total="7.00"), tenant)

    assert (run.state, run.skip_reasons) == (Run.State.SUCCEEDED, {"stale": 1})
    assert verdict(run).startswith("amount: unverifiable")


def test_a_sum_over_a_row_that_the_transform_skips_is_unverifiable() -> None:
    def skipping(value: Any, ctx: Context) -> Entry:
        raise Skip("not wanted")

    run = load(summed(item(1), total="1.00", transform=skipping))

    assert run.state == Run.State.SUCCEEDED
    assert verdict(run).startswith("amount: unverifiable")


def test_a_sum_over_unchanged_rows_is_proved_with_them() -> None:
    tenant = new_tenant()
    load(summed(item(1), item(2), total="3.00"), tenant)

    run = load(summed(item(1), item(2), item(3), total="6.00"), tenant)

    assert (run.state, run.skip_reasons) == (Run.State.SUCCEEDED, {"unchanged": 2})
    assert verdict(run) == "amount: matched, 6.00"


def test_a_sum_over_a_row_that_the_database_refuses_is_unverifiable() -> None:
    refused = {"id": "rec_0009", "amount": "-1.00"}

    run = load(summed(item(1), refused, total="0.00", error_budget=ErrorBudget(ratio=1, at_least=50)))

    assert (run.state, run.dead) == (Run.State.PARTIAL, 1)
    assert verdict(run).startswith("amount: unverifiable")


def test_totals_of_several_pages_add_up_on_both_sides() -> None:
    source = Records(items(5), page_size=2, declares={"amount": Decimal(15), "count": Decimal(5)})

    run = load(over([], source=source, reconciliations=(SumAgrees("amount"), CountsAgree())))

    assert verdict(run) == "amount: matched, 15; count: matched, 5"


def test_a_few_rejects_on_each_page_break_the_budget_of_the_whole_run() -> None:
    bad = [item(number, amount="much" if number % 4 == 0 else "1.00") for number in range(1, 41)]

    run = load(over(bad, page=4, error_budget=ErrorBudget(ratio=0.2, at_least=5)))

    assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert run.dead < 10
