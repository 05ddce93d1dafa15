"""What pages and shards count is added up, and held against the budget, before more of it is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db import InterfaceError, transaction

from ingestion import Context, CountsAgree, ErrorBudget, Json, Page, Proof, Skip
from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.backfills.days import TEN_DAYS, backfill, carry_all, connected, windowed
from tests.ingestion.runs import counts, item, load, new_tenant, over, rows

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

FEW = ErrorBudget(ratio=0.2, at_least=5)
ONE_IN_FOUR = [item(number, amount="much" if number % 4 == 0 else "1.00") for number in range(1, 41)]


@dataclass(frozen=True)
class Telling(Records):
    """Proves a balance with every page and leaves something out."""

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for page in super().extract(ctx, checkpoint):
            yield dataclasses.replace(page, left_out={"advertisements": 2}, proofs=[Proof.balances("june.csv")])


def only_odd(value: Any, ctx: Context) -> Entry:
    if int(value.id[-1]) % 2 == 0:
        raise Skip("even one")
    return Entry(external_id=value.id, amount=value.amount)


def test_the_page_that_breaks_the_budget_of_the_whole_run_is_not_loaded() -> None:
    tenant = new_tenant()

    run = load(over(ONE_IN_FOUR, page=4, error_budget=FEW), tenant)

    assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert (run.batches, len(rows(tenant)), run.dead) == (1, 3, 2)


def test_a_broken_budget_tells_of_all_that_was_read_and_rejected() -> None:
    run = load(over(ONE_IN_FOUR, page=4, error_budget=FEW))

    assert run.error_message.startswith("2 of 8 records were rejected")


@pytest.mark.slow
def test_a_backfill_says_together_what_its_shards_proved_and_left_out() -> None:
    with registered(windowed([], source=Telling(TEN_DAYS, page_size=2, time="at"))) as pipeline:
        parent = carry_all(backfill(connected(pipeline), days=3))

    assert parent.proofs == {"june.csv": {"balances proved": 3}}
    assert parent.left_out == {"advertisements": 6}


def lost_answers() -> Hooks:
    """As if each connection died just after its COMMIT: the batch is there, and nobody was told."""

    def lose(point: str) -> None:
        if point == "before commit":
            transaction.on_commit(die)

    def die() -> None:
        raise InterfaceError("gone")

    return Hooks(at=lose, sleep=lambda seconds: None)


def test_batches_whose_commit_was_not_answered_are_added_up_like_the_others() -> None:
    records = [item(number, amount="much" if number == 2 else "1.00") for number in range(1, 7)]
    source = Telling(records, page_size=2, declares={"count": Decimal(6)})
    pipeline = over([], source=source, reconciliations=(CountsAgree(),), transform=only_odd)

    run = load(pipeline, hooks=lost_answers())

    assert (run.state, run.batches, counts(run)) == (Run.State.PARTIAL, 3, (6, 3, 2, 1))
    assert (run.skip_reasons, run.left_out) == ({"even one": 2}, {"advertisements": 6})
    assert run.proofs == {"june.csv": {"balances proved": 3}}
    assert run.tally == {"count": ["6", "6"]}
