"""One page with several versions of a record, where the destination's rows have versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from ingestion import Context, Ready, Record, Upsert
from ingestion.core.destinations import versions
from tests.app.oracle import Counted, Entry, Wide
from tests.ingestion.runs import counts, dead_letters, item, load, new_tenant, over

pytestmark = [pytest.mark.django_db(transaction=True)]
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")
BAD = item(1, revision=2, amount="much")


@pytest.mark.slow
@pytest.mark.parametrize(("page", "open_dead_letters"), [([BAD, item(1)], 0), ([item(1), BAD], 1)])
def test_a_bad_version_is_mended_by_a_later_one_that_is_stored_already(page: list[Any], open_dead_letters: int) -> None:
    tenant = new_tenant()
    load(over([item(1)], destination=VERSIONED), tenant)

    run = load(over(page, destination=VERSIONED), tenant)

    assert (run.dead, len(dead_letters(tenant))) == (open_dead_letters, open_dead_letters)
    assert Entry.objects.for_tenant(tenant).get().amount == Decimal("1.00")


@pytest.mark.parametrize("destination", [VERSIONED, Counted()], ids=["upsert", "wrapped"])
def test_an_older_version_behind_a_newer_one_is_superseded(destination: Any) -> None:
    tenant = new_tenant()
    page = [item(1, revision=3, amount="3.00"), item(1, revision=2, amount="2.00")]

    run = load(over(page, destination=destination), tenant)

    assert (counts(run), run.skip_reasons) == ((2, 1, 1, 0), {"superseded": 1})
    assert Entry.objects.for_tenant(tenant).get().amount == Decimal("3.00")


def test_a_destination_that_says_nothing_has_no_versions() -> None:
    assert [versions(one) for one in (VERSIONED, Upsert(Entry, key=["external_id"]), object())] == [True, False, False]  # type: ignore[arg-type]  # as a destination of before


@pytest.mark.every_database
@pytest.mark.parametrize("together", [True, False], ids=["one page", "run by run"])
def test_a_record_without_a_version_is_older_than_any_that_has_one(together: bool) -> None:
    tenant = new_tenant()
    arriving = [
        item(1, revision=3, amount="3.00"),
        item(1, amount="0.50"),
        item(1, revision=2, amount="2.00"),
    ]

    for page in [arriving] if together else [[one] for one in arriving]:
        run = load(over(page, destination=VERSIONED), tenant)

    assert run.skip_reasons in ({"superseded": 2}, {"stale": 1})
    row = Entry.objects.for_tenant(tenant).get()
    assert (row.revision, row.amount) == (3, Decimal("3.00"))


@pytest.mark.every_database
@pytest.mark.slow
def test_a_version_arrives_over_a_row_without_one_and_none_over_none() -> None:
    tenant = new_tenant()

    for arriving in (item(1, amount="0.50"), item(1, amount="0.60"), item(1, revision=1, amount="1.00")):
        run = load(over([arriving], destination=VERSIONED), tenant)
        assert counts(run) == (1, 1, 0, 0)

    assert Entry.objects.for_tenant(tenant).get().amount == Decimal("1.00")


@pytest.mark.every_database
def test_a_row_without_a_version_that_meets_another_only_in_the_database_leaves_it() -> None:
    run = load(over([item(1, revision=3, amount="3.00")], destination=VERSIONED))
    ctx = Context(run.tenant.ref, "app.oracle", run.pk, now=run.created_at)
    late = Ready(Record("rec_0001", b""), {"external_id": "rec_0001", "amount": Decimal("0.50")}, b"d" * 16)

    with transaction.atomic():
        VERSIONED.load(ctx, [late])

    assert Entry.objects.for_tenant(run.tenant).get().amount == Decimal("3.00")


@pytest.mark.sqlite
@pytest.mark.parametrize(("ahead", "noted"), [(timedelta(days=-1), False), (timedelta(hours=20), False), (timedelta(days=400), True)])  # fmt: skip
@pytest.mark.parametrize("version", ["moment", "day"])
def test_a_row_that_nothing_will_be_newer_than_is_told(ahead: timedelta, noted: bool, version: str) -> None:
    moment = datetime.now(UTC) + ahead
    values = {"moment": moment, "day": moment.date()}
    pipeline = over(
        [item(1)],
        transform=lambda value, ctx: {"external_id": value.id, "line": "", "text": "", **values},
        destination=Upsert(Wide, key=["external_id"], version=version),
    )

    run = load(pipeline)

    notes = [text for text in run.events.values_list("text", flat=True) if f"ahead by {version!r}" in text]
    assert ([f"rec_0001: {moment:%Y-%m-%d}" in note for note in notes], run.ok) == ([True] * noted, 1)
