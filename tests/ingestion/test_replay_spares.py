"""A replay does not undo what came after its letters, where neither an id nor a version says what is newer."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import Context, ErrorBudget, Pipeline, Upsert, actions
from ingestion.actions import Selection
from ingestion.models import DeadLetter
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.runs import OPERATOR, counts, dead_letters, item, load, new_tenant, over, replayed, rows

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]

PLAIN = Upsert(Entry, key=["external_id"])
OLD, NEW = item(1, amount="1.00"), item(1, amount="2.00")


def reading(*records: dict[str, Any], keyed: bool, **changes: Any) -> Pipeline:
    """Records whose source gives them ids, or none at all."""
    source = Records(records) if keyed else Records(records, key="")
    return over([], source=source, destination=PLAIN, error_budget=ErrorBudget(1), **changes)


def not_yet(counting: Any, ctx: Context) -> Any:
    raise AssertionError("not yet")


@pytest.mark.slow
def test_a_letter_without_an_id_does_not_overwrite_the_row_that_a_later_run_loaded() -> None:
    tenant = new_tenant()
    load(reading(OLD, keyed=False, transform=not_yet), tenant)
    load(reading(NEW, keyed=False), tenant)

    run = replayed(tenant, reading(keyed=False))

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert (counts(run), run.skip_reasons) == ((1, 0, 1, 0), {"overtaken": 1})
    assert dead_letters(tenant)[0].status == DeadLetter.Status.NEW


def test_the_rehearsal_says_so_too() -> None:
    tenant = new_tenant()
    load(reading(OLD, keyed=False, transform=not_yet), tenant)
    load(reading(NEW, keyed=False), tenant)

    with registered(reading(keyed=False)):
        (one,) = actions.dry_run_replay(OPERATOR, Selection(tenant))

    assert [(fate.would, "was written after this letter" in fate.reason) for fate in one.letters] == [("leave", True)]


@pytest.mark.parametrize("keyed", [True, False])
def test_a_row_loaded_before_the_letter_was_seen_is_overwritten(keyed: bool) -> None:
    tenant = new_tenant()
    load(reading(OLD, keyed=keyed), tenant)
    load(reading(NEW, keyed=keyed, transform=not_yet), tenant)

    run = replayed(tenant, reading(keyed=keyed))

    assert (counts(run), rows(tenant)) == ((1, 1, 0, 0), {"rec_0001": "2.00"})
    assert dead_letters(tenant)[0].status == DeadLetter.Status.REPLAYED


@pytest.mark.slow
def test_a_letter_seen_again_after_the_row_was_loaded_overwrites_it() -> None:
    tenant = new_tenant()
    load(reading(NEW, keyed=False, transform=not_yet), tenant)
    load(reading(OLD, keyed=False), tenant)
    load(reading(NEW, keyed=False, transform=not_yet), tenant)

    replayed(tenant, reading(keyed=False))

    assert rows(tenant) == {"rec_0001": "2.00"}


def test_a_row_of_the_letters_own_run_is_overwritten_and_the_rehearsal_says_so() -> None:
    tenant = new_tenant()

    def only_old(counting: Any, ctx: Context) -> Any:
        if str(counting.amount) == "2.00":
            raise AssertionError("not yet")
        return Entry(external_id=counting.id, amount=counting.amount)

    load(reading(NEW, OLD, keyed=False, transform=only_old), tenant)
    with registered(reading(keyed=False)):
        (one,) = actions.dry_run_replay(OPERATOR, Selection(tenant))

    run = replayed(tenant, reading(keyed=False))

    assert [fate.would for fate in one.letters] == ["update"]
    assert (counts(run), rows(tenant)) == ((1, 1, 0, 0), {"rec_0001": "2.00"})


@pytest.mark.slow
def test_rows_of_other_tenants_are_not_in_the_way() -> None:
    mine, other = new_tenant(), new_tenant()
    load(reading(OLD, keyed=False, transform=not_yet), mine)
    load(reading(NEW, keyed=False), other)

    replayed(mine, reading(keyed=False))

    assert (rows(mine), rows(other)) == ({"rec_0001": "1.00"}, {"rec_0001": "2.00"})


def test_with_a_version_the_version_decides_and_not_the_time() -> None:
    tenant = new_tenant()
    versioned = Upsert(Entry, key=["external_id"], version="revision")
    newer, older = item(1, amount="2.00", revision=2), item(1, amount="1.00", revision=1)

    def pipeline(*records: Any, **changes: Any) -> Pipeline:
        values = {"source": Records(records, key=""), "destination": versioned, "error_budget": ErrorBudget(1)}
        return over([], **{**values, **changes})

    load(pipeline(newer, transform=not_yet), tenant)
    load(pipeline(older), tenant)

    replayed(tenant, pipeline())

    assert rows(tenant) == {"rec_0001": "2.00"}
