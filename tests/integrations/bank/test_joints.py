"""Bank files where they meet the engine: what is announced is no money yet, and an interrupted file is read once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.actions import upload
from ingestion.models import Run
from ingestion.running import Hooks, execute
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.test_pipeline import ACTOR, connection, ledger, load, mt940

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]

DAY = "<BookgDt><Dt>2024-01-02</Dt></BookgDt>"


def test_an_entry_that_is_only_announced_is_not_posted() -> None:
    where = connection()
    booked, announced = entry(rest=DAY), entry("7.00", status="<Sts>PDNG</Sts>", rest=DAY)

    run = load(where, "jan.xml", message(balance("OPBD", "0.00"), booked, announced, balance("CLBD", "10.00")))

    assert [amount for _, amount in ledger(where)] == [Decimal(10)]
    assert (run.state, run.ok, list(run.skip_reasons.values())) == (Run.State.SUCCEEDED, 1, [1])


@pytest.mark.slow
def test_a_file_that_was_interrupted_between_its_statements_is_read_once() -> None:
    where = connection()
    first = mt940("100,00", [("260105", "-10,00")], "90,00", number="1")
    second = mt940("90,00", [("260106", "5,50")], "95,50", number="2")
    run = upload(ACTOR, where, "jan.sta", first + b"\r\n" + second).run

    execute(run.pk, Hooks(stop=lambda: True))
    halfway = Run.unscoped.get(pk=run.pk).batches
    execute(run.pk)

    run.refresh_from_db()
    assert (halfway, run.state, run.read, run.ok) == (1, Run.State.SUCCEEDED, 2, 2)


@pytest.mark.slow
def test_the_same_amount_of_the_next_statement_in_a_file_of_its_own_is_another_entry() -> None:
    where, day = connection(), "260105"
    load(where, "one.sta", mt940("100,00", [(day, "-10,00")], "90,00", number="1"))

    load(where, "two.sta", mt940("90,00", [(day, "-10,00")], "80,00", number="2"))

    assert [amount for _, amount in ledger(where)] == [Decimal(-10), Decimal(-10)]
