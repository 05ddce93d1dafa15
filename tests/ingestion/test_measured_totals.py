"""Control totals are measured where a page may declare them, and nowhere else: each sum is a query over the page's rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from ingestion import Context, CountsAgree, DeclaresTotals, Json, JsonPages, Page, SumAgrees
from ingestion.core import registry
from ingestion.models import Run
from ingestion.testing import Records
from integrations.databases import Rows, everything
from integrations.push import Pushed
from integrations.rest.source import Configured, Rest
from integrations.streams import Queue
from tests.ingestion.runs import items, load, over
from tests.integrations.rest.worlds import context

pytestmark = pytest.mark.django_db


@dataclass
class Counting:
    """The oracle's destination, and how often it was asked for a sum."""

    inner: Any
    sums: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def total(self, ctx: Context, column: str, keys: Any) -> Decimal:
        self.sums.append(column)
        return Decimal(self.inner.total(ctx, column, keys))


@dataclass
class Late:
    """A source that declares its totals on the last page, and says of them beforehand what `named` says."""

    named: Collection[str]

    def totals_of(self, ctx: Context) -> Collection[str]:
        return self.named

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        *first, last = Records(items(6), page_size=2).extract(ctx, None)
        yield from first
        yield Page(last.records, last.checkpoint, declares={"amount": Decimal(21)})


def run_of(source: Any) -> tuple[Run, list[str]]:
    counting = Counting(over([]).destination)
    checks = (SumAgrees("amount"), CountsAgree())
    return load(over([], source=source, reconciliations=checks, destination=counting)), counting.sums


def said(run: Run) -> str:
    return str(run.events.get(name=run.state).text)


def pages(**values: Any) -> JsonPages:
    parts = [{"data": items(6)[start : start + 2], "sum": sum(range(start + 1, start + 3))} for start in (0, 2, 4)]

    def fetch(ctx: Context, cursor: Json) -> tuple[bytes, Json]:
        at = int(cursor or 0)
        return json.dumps(parts[at]).encode(), at + 1 if at < 2 else None

    return JsonPages(fetch, **values)


@pytest.mark.parametrize("source", [Records(items(6), page_size=2), pages()], ids=["Records", "JsonPages"])
def test_what_no_page_declares_is_not_added_up(source: Any) -> None:
    run, sums = run_of(source)

    assert (run.state, run.ok, sums, run.tally) == ("succeeded", 6, [], {})
    assert said(run) == (
        "amount: not checked, because the source declared none; count: not checked, because the source declared none"
    )


def test_what_every_page_may_declare_is_added_up_on_every_page() -> None:
    run, sums = run_of(pages(declares={"amount": "sum"}))

    assert (run.state, sums) == ("succeeded", ["amount"] * 3)
    assert "amount: matched, 21" in said(run)


def test_a_total_that_only_the_last_page_states_is_about_all_of_them() -> None:
    run, sums = run_of(Late(["amount"]))

    assert (run.state, sums) == ("succeeded", ["amount"] * 3)


def test_a_source_that_says_nothing_beforehand_is_measured_throughout() -> None:
    class Unsaid:
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            yield from Late([]).extract(ctx, checkpoint)

    run, sums = run_of(Unsaid())

    assert (run.state, sums) == ("succeeded", ["amount"] * 3)


def test_a_total_that_one_page_declared_against_its_sources_word_is_added_up_on_those_after_it() -> None:
    class Early:
        def totals_of(self, ctx: Context) -> Collection[str]:
            return ()

        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            first, *others = Records(items(6), page_size=2).extract(ctx, None)
            yield Page(first.records, first.checkpoint, declares={"amount": Decimal(21)})
            yield from others

    run, sums = run_of(Early())

    assert (run.state, sums) == ("succeeded", ["amount"] * 3)


def test_a_total_that_its_source_denied_is_never_taken_for_matched() -> None:
    run, _ = run_of(Late([]))

    assert (run.state, run.error_class) == ("failed", "ReconciliationError")


@pytest.mark.parametrize(
    ("declared", "named"), [({}, []), ({"total": "$.count"}, ["count"]), ({"total_header": "X-Total"}, ["count"])]
)
def test_a_declared_api_counts_where_it_declares_a_total(declared: Any, named: list[str]) -> None:
    api = {"base_url": "https://api.example.com", "records": "$.data[*]", **declared}
    ctx = context(config={"rest": api})

    assert list(Rest(**api).totals_of(ctx)) == list(Configured().totals_of(ctx)) == named


def test_every_source_of_ours_says_so() -> None:
    ours = [one.source for one in registry.registered() if type(one.source).__module__.startswith("integrations.")]

    assert len(ours) > 10
    for source in (*ours, Pushed(), Queue(open=nullcontext), Rows("other", everything, table="t")):
        assert isinstance(source, DeclaresTotals), source
