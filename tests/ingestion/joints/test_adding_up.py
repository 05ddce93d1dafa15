"""What pages and shards count is added up, and held against the budget, before more of it is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ingestion import Context, ErrorBudget, Json, Page, Proof
from ingestion.models import Run
from ingestion.testing import Records, registered
from tests.ingestion.backfills.days import TEN_DAYS, backfill, carry_all, connected, windowed
from tests.ingestion.runs import item, load, new_tenant, over, rows

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

FEW = ErrorBudget(ratio=0.2, at_least=5)
ONE_IN_FOUR = [item(number, amount="much" if number % 4 == 0 else "1.00") for number in range(1, 41)]


@dataclass(frozen=True)
class Telling(Records):
    """Proves a balance with every page and leaves something out."""

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for page in super().extract(ctx, checkpoint):
            yield dataclasses.replace(page, left_out={"advertisements": 2}, proofs=[Proof.balances("june.csv")])


def test_the_page_that_breaks_the_budget_of_the_whole_run_is_not_loaded() -> None:
    tenant = new_tenant()

    run = load(over(ONE_IN_FOUR, page=4, error_budget=FEW), tenant)

    assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert (run.batches, len(rows(tenant)), run.dead) == (1, 3, 2)


def test_a_broken_budget_tells_of_all_that_was_read_and_rejected() -> None:
    run = load(over(ONE_IN_FOUR, page=4, error_budget=FEW))

    assert run.error_message.startswith("2 of 8 records were rejected")


def test_a_backfill_says_together_what_its_shards_proved_and_left_out() -> None:
    with registered(windowed([], source=Telling(TEN_DAYS, page_size=2, time="at"))) as pipeline:
        parent = carry_all(backfill(connected(pipeline), days=3))

    assert parent.proofs == {"june.csv": {"balances proved": 3}}
    assert parent.left_out == {"advertisements": 6}
