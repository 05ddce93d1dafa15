"""A replay takes letters as their records were seen last, so that no older payload ends over a newer one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import ErrorBudget, Pipeline, Upsert, actions
from ingestion.actions import Selection
from ingestion.dead_letters.writing import CHUNK
from ingestion.models import DeadLetter, Run, Tenant
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.runs import OPERATOR, carry, dead_letters, item, items, load, new_tenant, over, replayed, rows
from tests.ingestion.test_replay_statements import Batches

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]

PLAIN = Upsert(Entry, key=["external_id"])
FIRST, SECOND = item(1, amount="1.00"), item(1, amount="2.00")


def refuse(counting: Any, ctx: Any) -> Any:
    raise AssertionError("not yet")


def reading(*records: dict[str, Any], keyed: bool = True, page: int = 100, **changes: Any) -> Pipeline:
    """Records whose source gives them ids, or none at all."""
    source = Records(records, page_size=page) if keyed else Records(records, key="", page_size=page)
    return over([], **{"source": source, "destination": PLAIN, "error_budget": ErrorBudget(1), **changes})


def rejected(tenant: Tenant, *records: dict[str, Any], **changes: Any) -> None:
    load(reading(*records, transform=refuse, **changes), tenant)


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.slow
def test_a_record_that_went_back_to_its_first_version_is_replayed_as_it_was_seen_last(keyed: bool) -> None:
    tenant = new_tenant()
    for version in (FIRST, SECOND, FIRST):
        rejected(tenant, version, keyed=keyed)

    replayed(tenant, reading(keyed=keyed))

    assert rows(tenant) == {"rec_0001": "1.00"}


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.slow
def test_the_last_of_several_versions_of_a_page_is_replayed_last(keyed: bool) -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST, keyed=keyed)
    rejected(tenant, SECOND, FIRST, keyed=keyed)

    replayed(tenant, reading(keyed=keyed))

    assert rows(tenant) == {"rec_0001": "1.00"}


@pytest.mark.parametrize("keyed", [True, False])
def test_bytes_that_stand_twice_on_a_page_count_where_they_stand_last(keyed: bool) -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST, SECOND, FIRST, keyed=keyed)

    replayed(tenant, reading(keyed=keyed))

    assert rows(tenant) == {"rec_0001": "1.00"}


@pytest.mark.slow
def test_a_replay_that_fails_makes_a_letter_no_newer() -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST)
    rejected(tenant, SECOND)
    first, _ = dead_letters(tenant)
    with registered(reading(transform=refuse)):
        (run,) = actions.replay(OPERATOR, Selection(tenant, ids=[first.pk]), wake=False)
        carry(run)

    replayed(tenant, reading())

    assert rows(tenant) == {"rec_0001": "2.00"}


@pytest.mark.slow
def test_a_row_that_came_before_a_failed_replay_is_not_overwritten_after_it() -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST, keyed=False)
    load(reading(SECOND, keyed=False), tenant)
    replayed(tenant, reading(keyed=False, transform=refuse))

    run = replayed(tenant, reading(keyed=False))

    assert (rows(tenant), run.skip_reasons) == ({"rec_0001": "2.00"}, {"overtaken": 1})


@pytest.mark.parametrize("keyed", [True, False])
def test_a_row_of_a_later_page_of_the_letters_own_run_is_left(keyed: bool) -> None:
    tenant = new_tenant()

    def only_second(counting: Any, ctx: Any) -> Any:
        if str(counting.amount) == "1.00":
            raise AssertionError("not yet")
        return Entry(external_id=counting.id, amount=counting.amount)

    load(reading(FIRST, SECOND, page=1, keyed=keyed, transform=only_second), tenant)

    run = replayed(tenant, reading(keyed=keyed))

    assert (rows(tenant), run.skip_reasons) == ({"rec_0001": "2.00"}, {"overtaken": 1})
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.NEW]


def test_parts_of_a_letter_are_no_newer_than_the_letter() -> None:
    tenant = new_tenant()
    group = {"name": "may", "sum": "9.99", "entries": [FIRST]}
    load(reading(source=Batches((group,))), tenant)
    whole = dead_letters(tenant)[0].last_seen

    replayed(tenant, reading(source=Batches((), trusting=True), transform=refuse))

    assert [dead_letter.last_seen for dead_letter in dead_letters(tenant)] == [whole, whole]


@pytest.mark.slow
def test_letters_seen_again_in_their_order_cost_one_statement_however_many_they_are() -> None:
    counted = []
    for count in (3, 30):
        tenant = new_tenant()
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                rejected(tenant, *items(count))
        counted.append(sum(query["sql"].startswith("UPDATE") and "times_seen" in query["sql"] for query in queries))

    assert counted == [1, 1]


@pytest.mark.slow
def test_letters_seen_again_in_another_order_cost_no_more() -> None:
    tenant = new_tenant()
    rejected(tenant, *items(30))
    with CaptureQueriesContext(connection) as queries:
        rejected(tenant, *reversed(items(30)))

    assert sum(query["sql"].startswith("UPDATE") and "times_seen" in query["sql"] for query in queries) == 1
    seen = sorted(dead_letters(tenant), key=lambda dead_letter: dead_letter.last_seen)
    assert [dead_letter.source_id for dead_letter in seen] == [one["id"] for one in reversed(items(30))]


@pytest.mark.slow
def test_more_letters_than_one_statement_takes_are_seen_again_in_the_order_in_which_they_came() -> None:
    tenant, count = new_tenant(), CHUNK + 1
    rejected(tenant, *items(count), page=count)
    rejected(tenant, *reversed(items(count)), page=count)

    seen = DeadLetter.objects.for_tenant(tenant).order_by("last_seen", "pk").values_list("source_id", flat=True)

    assert list(seen) == [record["id"] for record in reversed(items(count))]


def test_a_replay_resumed_from_an_earlier_releases_checkpoint_begins_anew() -> None:
    tenant = new_tenant()
    rejected(tenant, *items(2))
    with registered(reading()):
        (run,) = actions.replay(OPERATOR, Selection(tenant), wake=False)
        Run.unscoped.filter(pk=run.pk).update(checkpoint=dead_letters(tenant)[-1].pk)
        carry(run)

    assert set(rows(tenant)) == {"rec_0001", "rec_0002"}


def test_a_resumed_replay_goes_on_behind_the_letters_that_it_took() -> None:
    tenant = new_tenant()
    rejected(tenant, item(2), item(1))
    first, second = dead_letters(tenant)
    with registered(reading()):
        (run,) = actions.replay(OPERATOR, Selection(tenant), wake=False)
        Run.unscoped.filter(pk=run.pk).update(checkpoint=[first.last_seen.isoformat(), first.pk])
        carry(run)

    assert set(rows(tenant)) == {second.source_id}


@pytest.mark.slow
def test_what_an_earlier_letter_of_the_replay_wrote_is_not_in_the_way_of_a_later_one() -> None:
    tenant = new_tenant()
    groups = tuple(
        {"name": name, "sum": "9.99", "entries": [entry]} for name, entry in (("may", FIRST), ("june", SECOND))
    )
    load(reading(source=Batches(groups)), tenant)

    run = replayed(tenant, reading(source=Batches((), trusting=True)))

    assert (run.ok, run.skip_reasons, rows(tenant)) == (2, {}, {"rec_0001": "2.00"})
