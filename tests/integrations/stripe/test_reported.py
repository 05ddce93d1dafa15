"""What people reported of other ways to keep a copy of a Stripe account, each tried through our own doors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ingestion import actions
from ingestion.models import Delivery, Run
from integrations.stripe.models import StripeCharge, StripeCustomer, StripeSubscription
from tests.ingestion.runs import carry
from tests.integrations.stripe.account import DAY, Account, body_of
from tests.integrations.stripe.following import following, truth

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def item(number: int) -> dict[str, Any]:
    return {"id": f"si_{number}", "price": {"id": f"price_{number}"}, "quantity": 1}


@pytest.mark.slow
def test_created_told_after_updated_leaves_no_incomplete_subscription() -> None:
    account = Account()
    identity = account.create("subscriptions", status="incomplete")
    created = account.events[-1]
    account.now += 1
    updated = account.update(identity, status="active")

    with following(account, "subscriptions") as follower:
        follower.told(updated)
        follower.told(created)
        follower.told(created, updated)

        assert StripeSubscription.unscoped.get().status == "active"


def test_an_old_event_that_is_sent_again_days_later_changes_nothing() -> None:
    account = Account()
    identity = account.create("subscriptions", status="active")
    old = account.events[-1]
    account.now += 3 * DAY
    account.update(identity, status="canceled")

    with following(account, "subscriptions") as follower:
        follower.run()
        follower.told(old)

        assert StripeSubscription.unscoped.get().status == "canceled"


def test_the_first_load_holds_cancelled_subscriptions_too() -> None:
    account = Account()
    for status in ("active", "canceled", "trialing", "incomplete_expired"):
        account.create("subscriptions", status=status)
    account.now += DAY

    with following(account, "subscriptions") as follower:
        follower.run()

        assert follower.alive() == truth(account, "subscriptions")


def test_a_deleted_customer_is_marked_by_its_webhook_alone() -> None:
    account = Account()
    identity = account.create("customers")
    account.now += DAY

    with following(account, "customers") as follower:
        follower.run()
        follower.told(account.delete(identity))

        assert StripeCustomer.unscoped.get().deleted_at is not None


@pytest.mark.slow
def test_items_that_a_subscription_lost_are_gone_from_it() -> None:
    account = Account()
    identity = account.create("subscriptions", items=[item(number) for number in range(12)])
    account.now += DAY

    with following(account, "subscriptions") as follower:
        follower.run()
        follower.told(account.update(identity, items=[item(3), item(11)]))

        assert [one["id"] for one in StripeSubscription.unscoped.get().items] == ["si_3", "si_11"]


def test_a_subscription_may_come_before_its_price_and_customer() -> None:
    account = Account()
    account.create("subscriptions", customer="cus_unknown", items=[item(99)])

    with following(account, "subscriptions") as follower:
        follower.told(account.events[-1])

        assert StripeSubscription.unscoped.get().customer == "cus_unknown"


def test_an_update_is_dated_by_its_event_and_not_by_the_creation() -> None:
    account = Account()
    identity = account.create("charges")
    created = account.now
    account.now += 5 * DAY
    account.update(identity, status="succeeded")
    changed = account.now
    account.now += 3600

    with following(account, "charges") as follower:
        follower.told(account.events[-1])
        row = StripeCharge.unscoped.get()

    assert row.created_at == datetime.fromtimestamp(created, UTC)
    assert row.as_of == datetime.fromtimestamp(changed, UTC)


def test_a_webhook_whose_run_failed_is_not_taken_for_a_duplicate_that_is_done() -> None:
    account = Account()
    identity = account.create("charges")
    told, sound = account.events[-1], account.answer
    away = httpx.Response(200, content=b"<html>maintenance</html>")

    with following(account, "charges") as follower:
        account.answer = lambda request: away  # type: ignore[method-assign]
        actions.deliver(follower.connection, told["id"], body_of(told), wake=False)
        failed = carry(Run.unscoped.get(connection=follower.connection))
        account.answer = sound  # type: ignore[method-assign]
        stored_again = actions.deliver(follower.connection, told["id"], body_of(told), wake=False)
        pending = Delivery.unscoped.get().state
        follower.told()

        assert (failed.state, stored_again, pending) == (Run.State.FAILED, False, "pending")
        assert follower.alive() == {identity: "1"}


def test_an_upcoming_invoice_is_counted_and_never_loaded() -> None:
    account = Account()
    upcoming = {"object": "invoice", "total": 5, "currency": "usd", "lines": {"data": [], "has_more": True}}
    event = {"id": "evt_up", "object": "event", "type": "invoice.upcoming", "created": account.now, "livemode": False}

    with following(account, "invoices") as follower:
        actions.deliver(follower.connection, "evt_up", json.dumps({**event, "data": {"object": upcoming}}).encode())
        run = carry(Run.unscoped.get(connection=follower.connection))

        assert (run.state, run.read, run.left_out) == (Run.State.SUCCEEDED, 0, {"events about no such object": 1})
        assert follower.rows() == {}


@pytest.mark.parametrize("ahead", [400 * DAY, 2990 * 365 * DAY], ids=["an advanced test clock", "the year 5000"])
@pytest.mark.slow
def test_an_event_dated_far_ahead_freezes_nothing(ahead: int) -> None:
    account = Account(now=int(datetime.now(UTC).timestamp()))
    identity = account.create("subscriptions", status="trialing")
    told = {**account.events[-1], "created": account.now + ahead}

    with following(account, "subscriptions") as follower:
        follower.told(told)
        account.now += 60
        follower.told(account.update(identity, status="active"))

        assert StripeSubscription.unscoped.get().status == "active"
