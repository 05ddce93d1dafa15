"""Letters whose row somebody else wrote meanwhile, where no version tells which of the two is newer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import Upsert, actions
from ingestion.actions import Selection
from ingestion.models import DeadLetter, Run, Tenant
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.joints.test_executing import Whole
from tests.ingestion.runs import OPERATOR, carry, dead_letters, events, item, load, new_tenant, over, replayed, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
PLAIN = Upsert(Entry, key=["external_id"])
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")


def refuse(counting: Any, ctx: Any) -> Any:
    raise AssertionError("not yet")


def loaded_by(name: str, tenant: Tenant, *records: dict[str, Any], destination: Upsert = PLAIN, **changes: Any) -> Run:
    """A run of the connection `name` over `records`."""
    with registered(over(records, destination=destination, **changes)) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name, name=name)
        return carry(actions.run_now(OPERATOR, connection, wake=False))


def overtaken(destination: Upsert = PLAIN) -> Tenant:
    """A tenant with a letter of connection a about version 1, and connection b's version 2 in the table."""
    tenant = new_tenant()
    loaded_by("a", tenant, item(1, revision=1, amount="1.00"), transform=refuse, destination=destination)
    loaded_by("b", tenant, item(1, revision=2, amount="2.00"), destination=destination)
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.NEW]
    return tenant


@pytest.mark.slow
def test_a_replay_leaves_what_another_connection_wrote_after_the_letter() -> None:
    tenant = overtaken()

    run = replayed(tenant, over([], destination=PLAIN))

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert (run.state, run.skip_reasons) == (Run.State.SUCCEEDED, {"overtaken": 1})
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.NEW]
    (note,) = run.events.filter(name="note").values_list("text", flat=True)
    assert "'rec_0001' by run" in note
    assert "--over-newer" in note
    assert "note" in events(run)


@pytest.mark.slow
def test_a_dry_run_says_so() -> None:
    tenant = overtaken()

    with registered(over([], destination=PLAIN)):
        (plain,) = actions.dry_run_replay(OPERATOR, Selection(tenant))
        (forced,) = actions.dry_run_replay(OPERATOR, Selection(tenant), over_newer=True)

    assert [(fate.would, "written after this letter" in fate.reason) for fate in plain.letters] == [("leave", True)]
    assert [fate.would for fate in forced.letters] == ["update"]


@pytest.mark.slow
def test_it_is_overwritten_where_somebody_says_so() -> None:
    tenant = overtaken()

    run = replayed(tenant, over([], destination=PLAIN), over_newer=True)

    assert (rows(tenant), run.ok) == ({"rec_0001": "1.00"}, 1)
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.REPLAYED]


@pytest.mark.slow
def test_a_letter_of_several_records_one_of_which_was_left_stays_open() -> None:
    tenant, source = new_tenant(), Whole(second=item(2, amount="1.00"))
    loaded_by("a", tenant, source=source)
    loaded_by("b", tenant, item(2, amount="2.00"))

    run = replayed(tenant, over([], source=source, destination=PLAIN))

    assert (rows(tenant), run.skip_reasons) == ({"rec_0001": "1.00", "rec_0002": "2.00"}, {"overtaken": 1})
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.NEW]

    replayed(tenant, over([], source=source, destination=PLAIN), over_newer=True)

    assert rows(tenant)["rec_0002"] == "1.00"
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.REPLAYED]


@pytest.mark.slow
def test_with_a_version_the_letter_is_stale() -> None:
    tenant = overtaken(VERSIONED)

    run = replayed(tenant, over([], destination=VERSIONED))

    assert (rows(tenant), run.skip_reasons) == ({"rec_0001": "2.00"}, {"stale": 1})


@pytest.mark.slow
def test_an_older_good_version_that_came_after_a_newer_bad_one_leaves_a_way_to_the_newer() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="3.00", revision=3)], destination=VERSIONED, transform=refuse), tenant)
    load(over([item(1, amount="2.00", revision=2)], destination=VERSIONED), tenant)
    (dead_letter,) = dead_letters(tenant)
    assert dead_letter.status == DeadLetter.Status.ABANDONED

    actions.reopen(OPERATOR, dead_letter, "it is newer")
    replayed(tenant, over([], destination=VERSIONED))

    assert rows(tenant) == {"rec_0001": "3.00"}
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.REPLAYED]


@pytest.mark.slow
def test_a_row_that_was_there_before_the_letter_is_updated() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="1.00")], destination=PLAIN), tenant)
    load(over([item(1, amount="2.00"), item(2)], destination=PLAIN, transform=refuse), tenant)

    replayed(tenant, over([], destination=PLAIN))

    assert rows(tenant) == {"rec_0001": "2.00", "rec_0002": "2.00"}


@pytest.mark.slow
def test_what_another_replay_wrote_is_as_old_as_its_letter() -> None:
    tenant = new_tenant()
    for version in ("1.00", "2.00"):
        load(over([item(1, amount=version)], destination=PLAIN, transform=refuse), tenant)
    older, newer = dead_letters(tenant)
    with registered(over([], destination=PLAIN)):
        for dead_letter in (older, newer):
            (run,) = actions.replay(OPERATOR, Selection(tenant, ids=[dead_letter.pk]), wake=False)
            carry(run)

    assert rows(tenant) == {"rec_0001": "2.00"}


@pytest.mark.parametrize("count", [2, 20])
@pytest.mark.slow
def test_what_other_replays_wrote_is_looked_up_once_for_a_page(count: int) -> None:
    tenant = new_tenant()
    for version in ("1.00", "2.00"):
        load(over([item(n, amount=version) for n in range(count)], destination=PLAIN, transform=refuse), tenant)
    older, newer = dead_letters(tenant)[:count], dead_letters(tenant)[count:]
    with registered(over([], destination=PLAIN)):
        (first,) = actions.replay(
            OPERATOR, Selection(tenant, ids=[dead_letter.pk for dead_letter in older]), wake=False
        )
        carry(first)
        (second,) = actions.replay(
            OPERATOR, Selection(tenant, ids=[dead_letter.pk for dead_letter in newer]), wake=False
        )
        with CaptureQueriesContext(connection) as queries:
            carry(second)

    assert set(rows(tenant).values()) == {"2.00"}
    assert sum("MAX(" in query["sql"] and "dead" in query["sql"].lower() for query in queries) == 1
