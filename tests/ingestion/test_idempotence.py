"""The same input twice leaves the same rows; older versions never overwrite newer ones."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from ingestion import Context, Ready, Record, TenantRef, Upsert
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Entry, Posting
from tests.ingestion.chaos.processes import DyingAt
from tests.ingestion.runs import carry, counts, dead_letters, effects, item, items, load, new_tenant, over, queued, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
def test_a_second_run_over_the_same_records_skips_them_all() -> None:
    tenant = new_tenant()
    load(over(items(250)), tenant)

    again = load(over(items(250)), tenant)

    assert counts(again) == (250, 0, 250, 0)
    assert effects(again) == []
    assert len(rows(tenant)) == 250


def test_only_changed_records_are_written_again() -> None:
    tenant = new_tenant()
    first = load(over(items(20)), tenant)
    changed = [{**one, "amount": "99.00"} if one["id"] in ("rec_0003", "rec_0017") else one for one in items(20)]

    second = load(over(changed), tenant)

    assert counts(second) == (20, 2, 18, 0)
    assert effects(second) == ["rec_0003", "rec_0017"]
    assert {key for key, amount in rows(tenant).items() if amount == "99.00"} == {"rec_0003", "rec_0017"}
    by_run = Entry.objects.for_tenant(tenant).values_list("external_id", "run_id")
    assert {key for key, run in by_run if run == second.pk} == {"rec_0003", "rec_0017"}
    assert {run for _, run in by_run} == {first.pk, second.pk}


def test_a_raised_pipeline_version_writes_every_record_once_more() -> None:
    tenant = new_tenant()
    load(over(items(3)), tenant)

    again = load(over(items(3), version="2"), tenant)

    assert counts(again) == (3, 3, 0, 0)


def test_an_older_version_never_overwrites_a_newer_one() -> None:
    tenant = new_tenant()
    load(over([item(1, revision=5), item(2, revision=5)]), tenant)

    late = load(over([item(1, revision=4, label="old"), item(2, revision=6, label="new")]), tenant)

    assert counts(late) == (2, 1, 1, 0)
    found = Entry.objects.for_tenant(tenant).values_list("external_id", "revision", "label")
    assert sorted(found) == [("rec_0001", 5, ""), ("rec_0002", 6, "new")]


def test_the_database_itself_refuses_an_older_version_that_was_looked_up_too_early() -> None:
    tenant = new_tenant()
    newer, older = over([item(1, revision=9, label="new")]), over([item(1, revision=3, label="old")])
    load(over([item(1, revision=1)]), tenant)

    with registered(older):
        run = queued(older, tenant)
        ctx = Context(TenantRef(tenant.pk, tenant.key), "app.oracle", run.pk, now=run.created_at)

        def overtake() -> None:
            row = Entry(external_id="rec_0001", amount=Decimal(1), revision=9, label="new")
            newer.destination.load(ctx, [Ready(Record("rec_0001", b""), row, b"9" * 16)])

        carry(run, DyingAt("prepared", then=overtake).hooks)

    entry = Entry.objects.for_tenant(tenant).get()
    assert (entry.revision, entry.label) == (9, "new")


@pytest.mark.parametrize(("stored", "arriving"), [(None, None), (None, 3), (3, 3)])
def test_a_changed_record_is_written_over_an_equal_version_and_over_none(
    stored: int | None, arriving: int | None
) -> None:
    tenant = new_tenant()
    load(over([item(1, revision=stored, label="before")]), tenant)

    load(over([item(1, revision=arriving, label="after")]), tenant)

    entry = Entry.objects.for_tenant(tenant).get()
    assert (entry.label, entry.revision) == ("after", arriving)


def test_a_record_without_a_version_is_older_than_any_that_has_one() -> None:
    tenant = new_tenant()
    load(over([item(1, revision=3, label="before")]), tenant)

    run = load(over([item(1, revision=None, label="after")]), tenant)

    entry = Entry.objects.for_tenant(tenant).get()
    assert (entry.label, entry.revision, run.skip_reasons) == ("before", 3, {"stale": 1})


def test_the_last_of_a_key_in_a_page_wins() -> None:
    run = load(over([item(1, label="a"), item(2), item(1, label="b"), item(1, label="c")]))

    assert counts(run) == (4, 2, 2, 0)
    assert Entry.objects.for_tenant(run.tenant).get(external_id="rec_0001").label == "c"
    assert len(effects(run)) == 2


def test_of_two_versions_in_a_page_the_newer_wins_wherever_it_stands() -> None:
    def transform(value: object, ctx: Context) -> Entry:
        return Entry(external_id="one", amount=1, revision=value.revision, label=value.label)  # type: ignore[attr-defined]

    run = load(over([item(1, revision=7, label="new"), item(2, revision=3, label="old")], transform=transform))

    entry = Entry.objects.for_tenant(run.tenant).get()
    assert (entry.revision, entry.label) == (7, "new")
    assert counts(run) == (2, 1, 1, 0)


def test_the_same_key_on_two_pages_of_a_first_load_ends_as_the_later_one() -> None:
    run = load(over([item(1, label="a"), item(2), item(1, label="b"), item(3)], page=2))

    assert Entry.objects.for_tenant(run.tenant).get(external_id="rec_0001").label == "b"
    assert counts(run)[0] == sum(counts(run)[1:]) == 4


def test_keys_that_differ_only_in_case_or_emoji_stay_apart() -> None:
    keys = ["ch_1AbC", "ch_1aBc", "ch_😀", "ch_😁", "straße", "strasse", "caf\u00e9", "cafe\u0301"]

    run = load(over([{"id": key, "amount": "1.00"} for key in keys]))
    again = load(over([{"id": key, "amount": "1.00"} for key in keys]), run.tenant)

    assert set(rows(run.tenant)) == set(keys)
    assert counts(run) == (8, 8, 0, 0)
    assert counts(again) == (8, 0, 8, 0)


def test_a_key_of_two_columns_is_recognised_and_summed() -> None:
    from ingestion import SumAgrees
    from ingestion.testing import Records

    def transform(value: object, ctx: Context) -> Posting:
        account, _, number = value.id.partition("/")  # type: ignore[attr-defined]
        return Posting(account=account, number=int(number), amount=value.amount)  # type: ignore[attr-defined]

    tenant = new_tenant()
    given = [{"id": f"{account}/{number}", "amount": "2.50"} for account in ("a", "b") for number in (1, 2, 3)]
    source = Records(given, page_size=2, declares={"amount": Decimal(15)})
    pipeline = over(
        given, source=source, transform=transform, destination=Upsert(Posting, key=["account", "number"]),
        reconciliations=(SumAgrees("amount"),),
    )  # fmt: skip

    first = load(pipeline, tenant)
    second = load(dataclasses.replace(pipeline, reconciliations=()), tenant)

    assert (first.state, first.error_message, counts(first)) == (Run.State.SUCCEEDED, "", (6, 6, 0, 0))
    assert counts(second) == (6, 0, 6, 0)
    assert Posting.objects.for_tenant(tenant).count() == 6


def test_the_tenant_is_part_of_every_key() -> None:
    one, other = new_tenant(), new_tenant()

    load(over([item(1, label="one")]), one)
    load(over([item(1, label="other")]), other)

    assert Entry.objects.for_tenant(one).get().label == "one"
    assert Entry.objects.for_tenant(other).get().label == "other"
    assert dead_letters(one) == dead_letters(other) == []


def test_a_transform_cannot_choose_the_tenant_or_the_run() -> None:
    stranger = new_tenant()

    def transform(value: object, ctx: Context) -> Entry:
        return Entry(external_id="x", amount=1, tenant_id=stranger.pk, run_id=-1)

    run = load(dataclasses.replace(over([item(1)]), transform=transform))

    entry = Entry.objects.for_tenant(run.tenant).get()
    assert (entry.tenant_id, entry.run_id) == (run.tenant_id, run.pk)
    assert rows(stranger) == {}
