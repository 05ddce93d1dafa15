"""A run says why records were skipped or left out, and what was proved; and a total declared once is about all pages."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from ingestion import Context, CountsAgree, Json, Page, Proof, Skip, SumAgrees, Transient, actions
from ingestion.models import Run
from ingestion.running import reasons
from ingestion.running.dry_run import dry_run
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.received import connected, delivered_to, push, webhook_runs
from tests.ingestion.runs import OPERATOR, carry, counts, due, item, items, load, new_tenant, over, queued, replayed

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]


@dataclass(frozen=True)
class Explaining(Records):
    """Says of every page what it left out, and proves every second one."""

    halts: bool = False
    """Whether it fails once, after its first page."""

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for number, page in enumerate(super().extract(ctx, checkpoint)):
            proof = Proof.unchecked("june.csv", "no balances") if number % 2 else Proof.balances("june.csv")
            yield dataclasses.replace(page, left_out={"advertisements": 2}, proofs=[proof])
            if checkpoint is None and self.halts:
                raise Transient("503")


@dataclass(frozen=True)
class DeclaringOnce(Records):
    """States its count with one page of several."""

    page: int = 0
    count: int = 0

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ("count",)

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for number, page in enumerate(super().extract(ctx, checkpoint), start=int(checkpoint or 0) // self.page_size):
            yield dataclasses.replace(page, declares={"count": Decimal(self.count)} if number == self.page else {})


def only_even(value: Any, ctx: Context) -> Entry:
    if int(value.id[-1]) % 2:
        raise Skip("odd one")
    return Entry(external_id=value.id, amount=value.amount)


@pytest.mark.slow
def test_a_run_counts_the_reasons_of_its_skips() -> None:
    tenant, pipeline = new_tenant(), over(items(5), page=2, transform=only_even)
    load(pipeline, tenant)

    run = load(pipeline, tenant)

    assert (run.skip_reasons, run.skipped) == ({"odd one": 3, "unchanged": 2}, 5)


def test_a_run_says_what_was_left_out_and_what_was_proved() -> None:
    run = load(over([], source=Explaining(items(5), page_size=2)))

    assert run.left_out == {"advertisements": 6}
    assert run.proofs == {"june.csv": {"balances proved": 2, "not checked: no balances": 1}}
    assert counts(run) == (5, 5, 0, 0)


def test_reasons_survive_an_interruption() -> None:
    source = Explaining(items(6), page_size=2, halts=True)

    with registered(over([], source=source, transform=only_even)) as pipeline:
        run = carry(queued(pipeline))
        due(run)
        carry(run)

    assert (run.state, run.skip_reasons) == (Run.State.SUCCEEDED, {"odd one": 3})
    assert run.left_out == {"advertisements": 6}


def test_reasons_hold_no_more_than_the_row_can_take() -> None:
    many = {f"reason {number}": 1 for number in range(reasons.MOST_REASONS + 7)}

    added = reasons.add({"reason 0": 1}, many)

    assert len(added) == reasons.MOST_REASONS + 1
    assert (added["reason 0"], added[reasons.OTHERS], sum(added.values())) == (2, 7, reasons.MOST_REASONS + 8)


def test_subjects_of_proofs_hold_no_more_than_the_row_can_take() -> None:
    proofs = [Proof.balances(f"file {number}") for number in range(reasons.MOST_SUBJECTS + 3)]

    added = reasons.add_proofs({}, proofs, tenant=1)

    assert len(added) == reasons.MOST_SUBJECTS + 1
    assert added[reasons.OTHERS] == {"balances proved": 3}


def test_what_databases_refuse_is_written_out() -> None:
    source = Records(items(1))

    def skipping(value: Any, ctx: Context) -> Entry:
        raise Skip("nul \0 and half \ud800")

    run = load(over([], source=source, transform=skipping))

    assert run.skip_reasons == {"nul \\0 and half \\ud800": 1}


def test_a_dry_run_explains_as_the_run_will() -> None:
    pipeline = over([], source=Explaining(items(5), page_size=2), transform=only_even)

    with registered(pipeline):
        report = dry_run(new_tenant(), pipeline.name)

    assert (dict(report.skipped), report.left_out) == ({"odd one": 3}, {"advertisements": 6})
    assert report.proofs == {"june.csv": {"balances proved": 2, "not checked: no balances": 1}}


@pytest.mark.slow
def test_commands_tell_people_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    tenant = new_tenant()
    with registered(over([], source=Explaining(items(3), page_size=2), transform=only_even)) as pipeline:
        actions.connect(OPERATOR, tenant, pipeline.name)
        call_command("ingest", "run", "--tenant", tenant.key, "--pipeline", pipeline.name)
        text = capsys.readouterr().out
        call_command("ingest", "list", "runs", "--tenant", tenant.key, "--json")
        (run,) = json.loads(capsys.readouterr().out)["runs"]

    assert "skipped: odd one: 2" in text
    assert "left out: advertisements: 4" in text
    assert "june.csv: balances proved, not checked: no balances\n" in text
    assert (run["skip_reasons"], run["left_out"]) == ({"odd one": 2}, {"advertisements": 4})
    assert run["proofs"] == {"june.csv": {"balances proved": 1, "not checked: no balances": 1}}


@pytest.mark.parametrize("page", [0, 1, 2])
@pytest.mark.parametrize(("count", "state"), [(5, Run.State.SUCCEEDED), (4, Run.State.FAILED), (2, Run.State.FAILED)])
def test_a_total_declared_with_one_page_is_held_against_all(page: int, count: int, state: Run.State) -> None:
    source = DeclaringOnce(items(5), page_size=2, page=page, count=count)

    run = load(over([], source=source, reconciliations=(CountsAgree(),)))

    assert (run.state, run.tally) == (state, {"count": [str(count), "5"]})


def test_a_run_says_that_its_source_declared_no_total() -> None:
    run = load(over(items(2), reconciliations=(CountsAgree(), SumAgrees("amount"))))

    assert (
        ended(run)
        == "amount: not checked, because the source declared none; count: not checked, because the source declared none"
    )


def test_a_run_without_pages_says_so_too() -> None:
    run = load(over([], reconciliations=(CountsAgree(),)))

    assert ended(run) == "count: not checked, because the source declared none"


def test_a_sum_with_a_record_that_is_not_stored_is_unverifiable() -> None:
    source = Records([*items(2), item(3, amount="much")], declares={"amount": Decimal(6)})

    run = load(over([], source=source, reconciliations=(SumAgrees("amount"),)))

    assert "unverifiable" in ended(run)


CHECKS = (CountsAgree(), SumAgrees("amount"))


def test_a_replay_says_that_it_checks_no_total() -> None:
    tenant = new_tenant()
    source = Records([item(1, amount="much")], declares={"count": Decimal(1)})
    load(over([], source=source, reconciliations=CHECKS), tenant)

    run = replayed(tenant, over([], source=source, reconciliations=CHECKS))

    why = "not checked, because a replay takes a selection of the records that the total is about"
    assert ended(run) == f"count: {why}; amount: {why}"


def test_a_run_over_deliveries_says_that_it_checks_no_total() -> None:
    with registered(delivered_to(reconciliations=CHECKS)) as pipeline:
        connection = connected(pipeline)
        push(connection, "d1", item(1))
        run = carry(webhook_runs(connection)[0])

    why = "not checked, because deliveries are a part of what the total is about"
    assert ended(run) == f"count: {why}; amount: {why}"


def test_runs_of_other_kinds_say_no_such_thing() -> None:
    source = Records(items(2), declares={"count": Decimal(2)})

    assert ended(load(over([], source=source, reconciliations=(CountsAgree(),)))) == "count: matched, 2"


def ended(run: Run) -> str:
    texts: Sequence[str] = run.events.filter(name=run.state).values_list("text", flat=True)
    return texts[0]
