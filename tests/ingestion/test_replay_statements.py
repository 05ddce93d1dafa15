"""Replay of what a source refused as a whole: a statement that did not add up is taken apart again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from ingestion import Context, Json, Page, Record, Refusal, StatementImbalance
from tests.ingestion.runs import counts, dead_letters, item, items, load, new_tenant, over, replayed, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@dataclass(frozen=True)
class Batches:
    """A source that refuses a group of entries whole when its sum is wrong, as bank statements are refused."""

    groups: tuple[dict[str, Any], ...]
    trusting: bool = False

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for number, group in enumerate(self.groups, start=1):
            if number > int(checkpoint or 0):
                yield dataclasses.replace(self._page(group), checkpoint=number)

    def reopen(self, ctx: Context, record: Record) -> Page:
        return self._page(json.loads(record.body), record)

    def _page(self, group: dict[str, Any], record: Record | None = None) -> Page:
        if not self.trusting and sum(Decimal(one["amount"]) for one in group["entries"]) != Decimal(group["sum"]):
            whole = record or Record(group["name"], json.dumps(group).encode())
            return Page([], None, [Refusal(whole, StatementImbalance("The entries do not add up."))])
        return Page([Record(one["id"], json.dumps(one).encode()) for one in group["entries"]], None)


GROUPS = ({"name": "may", "sum": "3.00", "entries": items(2)}, {"name": "june", "sum": "9.99", "entries": [item(3)]})


def test_a_refused_statement_is_replayed_entry_by_entry() -> None:
    tenant = new_tenant()
    first = load(over([], source=Batches(GROUPS)), tenant)

    run = replayed(tenant, over([], source=Batches((), trusting=True)))

    assert counts(first) == (3, 2, 0, 1)
    assert counts(run) == (1, 1, 0, 0)
    assert set(rows(tenant)) == {"rec_0001", "rec_0002", "rec_0003"}
    assert [one.status for one in dead_letters(tenant)] == ["replayed"]


@pytest.mark.slow
def test_a_refused_statement_is_taken_apart_also_behind_the_letter_of_a_record() -> None:
    tenant = new_tenant()
    load(over([item(9, amount="much")]), tenant)
    load(over([], source=Batches(GROUPS)), tenant)

    run = replayed(tenant, over([], source=Batches((), trusting=True)))

    assert counts(run) == (2, 1, 0, 1)
    assert {(one.source_id, one.status) for one in dead_letters(tenant)} == {("rec_0009", "new"), ("june", "replayed")}


def test_a_statement_refused_again_stays_one_open_letter() -> None:
    tenant = new_tenant()
    load(over([], source=Batches(GROUPS)), tenant)

    run = replayed(tenant, over([], source=Batches(())))

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.status, dead_letter.times_seen, dead_letter.replay_attempts) == ("new", 1, 1)
    assert counts(run) == (1, 0, 0, 1)


def test_a_reopened_statement_with_one_bad_entry_stays_open_beside_the_entry() -> None:
    tenant = new_tenant()
    groups = ({"name": "june", "sum": "1", "entries": [item(1), item(2, amount="-1.00")]},)
    load(over([], source=Batches(groups)), tenant)

    run = replayed(tenant, over([], source=Batches((), trusting=True)))

    assert counts(run) == (2, 1, 0, 1)
    assert {(one.source_id, one.status) for one in dead_letters(tenant)} == {("june", "new"), ("rec_0002", "new")}
    assert set(rows(tenant)) == {"rec_0001"}
