"""What an owner may write twice, and when a death convicts a record."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import field_validator

from ingestion import Upsert
from ingestion.core.errors import Fenced
from ingestion.models import Run
from ingestion.running import Hooks, poison_bisection
from ingestion.running.claims import Claim, advance, claim, is_committed
from ingestion.testing import registered
from tests.app.oracle import Entry, oracle
from tests.ingestion.runs import (
    carry,
    counts,
    dead_letters,
    item,
    items,
    load,
    new_tenant,
    over,
    queued,
    replayed,
    rows,
)

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]


class Lenient(oracle.schema):  # type: ignore[name-defined, misc]
    """Takes any word for an amount: as much as it has letters."""

    @field_validator("amount", mode="before")
    @classmethod
    def _counted(cls, value: Any) -> Any:
        return len(value) if isinstance(value, str) and value.isalpha() else value


def claimed() -> Claim:
    with registered(over(items(1))) as pipeline:
        mine = claim(queued(pipeline).pk)
    assert mine is not None
    return mine


def test_one_batch_is_committed_once_also_by_its_own_owner() -> None:
    mine = claimed()
    advance(mine, {"page": 1})

    with pytest.raises(Fenced):
        advance(mine, {"page": 1})

    assert Run.unscoped.get(pk=mine.run_id).batches == 1


def test_a_batch_has_landed_only_when_it_is_there() -> None:
    mine = claimed()
    before = is_committed(mine)
    advance(mine, {"page": 1})

    assert (before, is_committed(mine)) == (False, True)


def test_a_batch_that_the_owner_before_committed_during_our_claim_fences_nobody() -> None:
    def commit_late(point: str) -> None:
        if point == "claimed":
            Run.unscoped.filter(pk=run.pk).update(batches=1)

    with registered(over(items(3), page=2)) as pipeline:
        run = queued(pipeline)
        carry(run, Hooks(at=commit_late))

    assert (run.state, run.batches, counts(run)) == (Run.State.SUCCEEDED, 3, (3, 3, 0, 0))


def searched(state: dict[str, Any], deaths: int) -> frozenset[str]:
    """What is convicted when a run is taken up with this search written down, after so many deaths."""
    mine = claimed()
    Run.unscoped.filter(pk=mine.run_id).update(isolation=state, deaths=deaths)
    return poison_bisection.resume(Run.unscoped.get(pk=mine.run_id), mine)


def test_a_record_that_died_alone_once_is_tried_alone_again_before_it_is_convicted() -> None:
    trial = {"suspects": ["aa", "bb"], "trial": ["aa"], "alone": None, "deaths": 2}

    assert searched(trial, deaths=3) == frozenset()
    assert searched({**trial, "alone": "aa"}, deaths=3) == {"aa"}


def test_a_record_that_is_tried_alone_after_another_died_alone_is_not_convicted_for_that() -> None:
    assert searched({"suspects": ["bb"], "trial": ["bb"], "alone": "aa", "deaths": 2}, deaths=3) == frozenset()


@pytest.mark.slow
def test_replaying_one_bad_version_leaves_the_letter_of_another_version_open() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="much")]), tenant)
    load(over([item(1, amount="more")]), tenant)
    first, second = dead_letters(tenant)

    replayed(tenant, over([], schema=Lenient), limit=1)

    first.refresh_from_db()
    second.refresh_from_db()
    assert rows(tenant) == {"rec_0001": "4.00"}
    assert (first.status, second.status) == ("replayed", "new")


def test_two_bad_versions_of_one_page_that_are_replayed_together_are_both_closed() -> None:
    tenant, rows_without_version = new_tenant(), Upsert(Entry, key=["external_id"])
    both = [item(1, amount="much"), item(1, amount="plenty")]
    load(over(both, destination=rows_without_version), tenant)
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == ["new", "new"]

    replayed(tenant, over([], schema=Lenient, destination=rows_without_version))

    assert rows(tenant) == {"rec_0001": "6.00"}
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == ["replayed", "replayed"]


@pytest.mark.slow
def test_a_bad_record_that_stands_twice_on_a_page_is_counted_twice_each_time() -> None:
    tenant, twice = new_tenant(), [{"amount": "much"}, {"amount": "much"}]
    load(over(twice), tenant)

    load(over(twice), tenant)

    assert [dead_letter.times_seen for dead_letter in dead_letters(tenant)] == [4]
