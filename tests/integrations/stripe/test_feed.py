"""Stripe's feed of events: each change once, in its newest state."""

from __future__ import annotations

import json

import pytest

from ingestion import (
    Record,
)
from tests.integrations.stripe.account import DAY
from tests.integrations.stripe.reading import context, full, ids, source

pytestmark = pytest.mark.slow


def test_events_carry_settled_objects_and_only_doubtful_ones_are_fetched() -> None:
    account = full("invoices", 5)
    settled, tied, young, _, _ = account.objects
    since = account.now
    account.update(settled)
    account.now += 60
    account.update(tied, status="open")
    account.update(tied, status="paid")
    account.now += 60
    account.update(young)
    account.now += 5

    (page,) = source(account, "invoices").extract(context(account, since), None)

    assert {call for call in account.calls if call.startswith("/v1/invoices")} == {
        f"/v1/invoices/{one}" for one in (tied, young)
    }
    read = {record.key: json.loads(record.body) for record in page.records}
    assert {key: one["metadata"]["v"] for key, one in read.items()} == {settled: "2", tied: "3", young: "2"}
    assert {key: one["sluicegate"]["as_of"] for key, one in read.items()} == {
        settled: since,
        tied: since + 60,
        young: since + 120,
    }
    assert read[tied]["status"] == "paid"


def test_each_object_of_the_feed_appears_once_in_its_newest_state() -> None:
    account = full("invoices", 40)
    since = account.now
    for _ in range(60):
        for identity in account.objects:
            account.update(identity)
            account.now += 7
    account.now += 3600

    pages = list(source(account, "invoices").extract(context(account, since), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert {json.loads(record.body)["metadata"]["v"] for page in pages for record in page.records} == {"61"}


def test_a_feed_goes_on_after_any_of_its_pages_and_leaves_what_is_new_to_the_next_run() -> None:
    account = full("invoices", 900, every=0)
    since = account.now
    for identity in account.objects:
        account.update(identity)
        account.now += 3
    account.now += 3600
    whole = list(source(account, "invoices").extract(context(account, since), None))
    changed = list(account.objects)[:3]
    for identity in changed:
        account.update(identity)
    account.now += 60

    for number, page in enumerate(whole, start=1):
        rest = list(
            source(account, "invoices").extract(context(account, since), json.loads(json.dumps(page.checkpoint)))
        )
        assert [key for key in ids(whole[number:]) if key not in changed] == ids(rest)


def test_a_gap_beyond_what_stripe_keeps_lists_everything_again_and_says_so() -> None:
    account = full("invoices", 3)
    account.now += 40 * DAY
    pages = list(source(account, "invoices").extract(context(account, account.now - 26 * DAY), None))

    assert sorted(ids(pages)) == sorted(account.objects)
    assert "26 days" in pages[0].notes[0]
    assert "/v1/events" not in account.calls


def test_a_feed_that_waited_until_its_events_were_gone_is_begun_anew_as_a_list() -> None:
    account = full("invoices", 3)
    account.now += 10 * DAY
    since = account.now - 20 * DAY
    account.update(next(iter(account.objects)))
    account.now += 60
    (page,) = source(account, "invoices").extract(context(account, since), None)
    ctx = context(account, since)
    account.now += 15 * DAY

    again = list(source(account, "invoices").extract(ctx, page.checkpoint))

    assert sorted(ids(again)) == sorted(account.objects)


def test_a_cancelled_subscription_is_not_deleted() -> None:
    account = full("subscriptions", 1)
    (identity,) = account.objects
    since = account.now
    account.update(identity, status="canceled")
    account.events[-1]["type"] = "customer.subscription.deleted"
    account.now += 60

    (page,) = source(account, "subscriptions").extract(context(account, since), None)

    one = json.loads(page.records[0].body)
    assert (one["status"], one["sluicegate"]["deleted"], "deleted" in one) == ("canceled", False, False)


def test_deliveries_are_news_only_and_each_object_is_fetched_once() -> None:
    account = full("invoices", 2)
    one, _ = account.objects
    old = [account.update(one) for _ in range(3)]
    account.update(one, status="paid")
    foreign = {**old[0], "id": "evt_x", "type": "charge.updated"}
    deliveries = [Record(each["id"], json.dumps(each).encode()) for each in (*old, *old, foreign)]

    page = source(account, "invoices").receive(context(account), [*deliveries, Record("evt_bad", b"{}")])

    assert ids([page]) == [one]
    assert json.loads(page.records[0].body)["status"] == "paid"
    assert account.calls.count(f"/v1/invoices/{one}") == 1
    assert [refusal.record.key for refusal in page.refused] == ["evt_bad"]
