"""A letter is open as long as the newest version that arrived is bad, whatever became of the good one after it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import Context, RecordError, Skip, Upsert, actions
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, DeadLetter
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.databases import examples
from tests.ingestion.runs import OPERATOR, carry, counts, dead_letters, item, load, new_tenant, over, replayed, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
BAD = {"id": "rec_0001", "amount": "much"}


def statuses(tenant: Any) -> list[str]:
    return [one.status for one in dead_letters(tenant)]


@pytest.mark.slow
def test_the_same_good_version_again_closes_the_letter_although_it_is_unchanged() -> None:
    tenant = new_tenant()
    load(over([item(1)]), tenant)
    load(over([BAD]), tenant)

    run = load(over([item(1)]), tenant)

    assert (counts(run), statuses(tenant)) == ((1, 0, 1, 0), ["abandoned"])
    assert f"a newer version of this record was taken by run {run.pk}" in dead_letters(tenant)[0].note


def test_a_version_that_the_transform_leaves_out_closes_the_letter() -> None:
    tenant = new_tenant()
    load(over([BAD]), tenant)

    def transform(value: Any, ctx: Context) -> Any:
        raise Skip("pending")

    load(over([item(1)], transform=transform), tenant)

    assert statuses(tenant) == ["abandoned"]


def test_a_version_older_than_what_is_stored_closes_no_letter_of_another() -> None:
    tenant = new_tenant()
    versioned = Upsert(Entry, key=["external_id"], version="revision")
    load(over([item(1, revision=5)], destination=versioned), tenant)
    load(over([BAD], destination=versioned), tenant)

    run = load(over([item(1, revision=4)], destination=versioned), tenant)

    assert (run.skip_reasons, statuses(tenant)) == ({"stale": 1}, ["new"])


def test_a_bad_version_after_a_good_one_on_a_page_leaves_the_good_one_and_its_letter() -> None:
    tenant = new_tenant()

    run = load(over([item(1), BAD]), tenant)

    assert (counts(run), rows(tenant), statuses(tenant)) == ((2, 1, 0, 1), {"rec_0001": "1.00"}, ["new"])


def test_a_good_version_after_a_bad_one_on_a_page_takes_its_place() -> None:
    tenant = new_tenant()

    run = load(over([BAD, item(1)]), tenant)

    assert (counts(run), run.skip_reasons, dead_letters(tenant)) == ((2, 1, 1, 0), {"superseded": 1}, [])


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_bad_versions_the_newer_one_stays_whichever_is_replayed_first(first: int) -> None:
    tenant = new_tenant()
    load(over([{"id": "rec_0001", "amount": "-1"}]), tenant)
    load(over([{"id": "rec_0001", "amount": "-2"}]), tenant)
    mended = over([], transform=lambda v, ctx: {"external_id": v.id, "amount": abs(v.amount)})
    order = [dead_letters(tenant)[first].pk, dead_letters(tenant)[1 - first].pk]

    for pk in order:
        with registered(mended):
            try:
                (run,) = actions.replay(OPERATOR, actions.Selection(tenant, ids=[pk]), wake=False)
            except ActionRefused:
                continue  # it was superseded meanwhile
            carry(run)

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert not DeadLetter.objects.for_tenant(tenant).filter(status__in=DeadLetter.OPEN).exists()


def test_two_versions_replayed_together_end_in_the_newer_one() -> None:
    tenant = new_tenant()
    load(over([{"id": "rec_0001", "amount": "-1"}]), tenant)
    load(over([{"id": "rec_0001", "amount": "-2"}]), tenant)

    replayed(tenant, over([], transform=lambda v, ctx: {"external_id": v.id, "amount": abs(v.amount)}))

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert "new" not in statuses(tenant)


def test_pages_without_open_letters_cost_no_statement_more(django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    tenant = new_tenant()
    load(over([item(1)]), tenant)

    with CaptureQueriesContext(
        connection,
    ) as seen:
        load(over([item(1)]), tenant)

    asked = [one["sql"] for one in seen.captured_queries if "ingestion_deadletter" in one["sql"]]
    assert len(asked) == 1  # which letters are open, once a run


GOOD, WRONG, LEFT_OUT = "good", "bad", "skip"
VERSIONS = st.lists(st.tuples(st.sampled_from([GOOD, WRONG, LEFT_OUT]), st.integers(1, 3)), min_size=1, max_size=6)


def judge(value: Any, ctx: Context) -> Any:
    if value.label == WRONG:
        raise RecordError("bad")
    if value.label == LEFT_OUT:
        raise Skip("left out")
    return {"external_id": value.id, "amount": value.amount, "label": value.label}


@pytest.mark.slow
@settings(max_examples=examples(25))
@given(versions=VERSIONS, again=st.lists(st.integers(0, 5), max_size=2))
def test_any_history_ends_with_the_newest_good_row_and_a_letter_only_if_the_newest_is_bad(
    versions: list[tuple[str, int]], again: list[int]
) -> None:
    tenant = new_tenant()
    good = None
    for kind, number in versions:
        load(over([item(1, amount=f"{number}.00", label=kind)], transform=judge), tenant)
        good = f"{number}.00" if kind == GOOD else good
    for index in again:  # of any letter, before anything was mended
        known = dead_letters(tenant)
        if known and known[index % len(known)].status in DeadLetter.OPEN:
            with registered(over([], transform=judge)):
                (run,) = actions.replay(
                    OPERATOR, actions.Selection(tenant, ids=[known[index % len(known)].pk]), wake=False
                )
                carry(run)

    assert rows(tenant) == ({"rec_0001": good} if good else {})
    assert any(one.status in DeadLetter.OPEN for one in dead_letters(tenant)) == (versions[-1][0] == WRONG)


def test_a_letter_is_closed_as_arrived_another_way_with_its_reason_and_stays_so() -> None:
    tenant = new_tenant()
    load(over([BAD]), tenant)

    actions.settle(OPERATOR, dead_letters(tenant)[0], "entered by hand")
    load(over([BAD]), tenant)

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.status, dead_letter.note, dead_letter.times_seen) == ("settled", "entered by hand", 2)
    assert AuditEntry.objects.for_tenant(tenant).filter(action="settle", reason="entered by hand").exists()
    with pytest.raises(ActionRefused, match="was settled; it is not open any more"):
        actions.abandon(OPERATOR, dead_letter, "too late")


def test_settling_needs_a_reason() -> None:
    tenant = new_tenant()
    load(over([BAD]), tenant)

    with pytest.raises(ActionRefused, match="Say how this record arrived"):
        actions.settle(OPERATOR, dead_letters(tenant)[0], "")
