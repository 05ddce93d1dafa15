"""Events that nobody took: kept with their body, thin ones too, and delivered again when somebody follows them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import OperationalError
from django.db.models.signals import pre_save
from django.test import override_settings

from ingestion import actions
from ingestion.actions import Actor
from ingestion.core.errors import CredentialMissing
from ingestion.models import AuditEntry, Connection, Delivery, Run, Tenant
from ingestion.testing import make_tenant
from integrations.stripe.models import StripeEvent
from integrations.stripe.redelivery import deliver_again
from tests.ingestion.runs import OPERATOR
from tests.integrations.stripe.account import Account
from tests.integrations.stripe.following import following
from tests.integrations.stripe.test_webhooks import endpoint, event, kept, post, work

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integrations.stripe.urls"),
]


def thin(identity: str = "evt_thin", **changes: Any) -> dict[str, Any]:
    """A notification as API v2 sends it: it names an object, and does not carry it."""
    return {"id": identity, "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
            "livemode": False, "created": "2026-01-31T06:20:52.246Z", "context": None,
            "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
            **changes}  # fmt: skip


def test_thin_events_are_kept_as_of_an_unknown_type() -> None:
    with endpoint() as mine:
        answers = [post(mine, thin()), post(mine, thin("evt_no_object", related_object=None)), post(mine, thin())]
        (run,) = work(mine)

    assert [one.status_code for one in answers] == [202, 202, 200]
    assert (run.state, run.ok) == (Run.State.SUCCEEDED, 2)
    assert kept() == {"evt_thin": ("unknown", True), "evt_no_object": ("unknown", True)}
    event = StripeEvent.unscoped.get(external_id="evt_thin")
    assert (event.type, event.object_id) == ("v1.billing.meter.error_report_triggered", "mtr_1")
    assert event.created_at.isoformat() == "2026-01-31T06:20:52+00:00"


@pytest.mark.slow
def test_a_thin_event_about_an_object_that_is_followed_makes_it_be_fetched() -> None:
    account = Account()
    identity = account.create("customers")
    about = {"id": identity, "type": "customer", "url": f"/v1/customers/{identity}"}

    with following(account, "customers") as follower, endpoint() as mine:
        post(mine, thin(type="v1.customer.updated", related_object=about))
        work(mine)
        work(follower.connection)

        assert follower.rows() == {identity: ("1", False)}
    assert kept() == {"evt_thin": ("delivered", False)}


def test_a_thin_event_of_another_party_s_account_is_cut_down_to_its_head() -> None:
    with endpoint() as mine:
        post(mine, thin(context="org_1/acct_of_globex"))
        work(mine)

    assert kept() == {"evt_thin": ("other account", False)}
    assert b"mtr_1" not in bytes(Delivery.unscoped.get().body)


@pytest.mark.slow
def test_kept_events_are_delivered_again_when_a_connection_follows_them() -> None:
    account = Account()
    identity = account.create("customers")
    told = account.update(identity)

    with endpoint() as mine:
        post(mine, {**told, "account": "acct_1"})
        post(mine, event("radar.early_fraud_warning.created", id="evt_type"))
        post(mine, event(id="evt_foreign", account="acct_of_globex"))
        work(mine)
        before = kept()
        with following(account, "customers", mine.tenant) as follower, _readable():
            Connection.unscoped.filter(pk=follower.connection.pk).update(config={"account": "acct_1"})
            told_verdicts = deliver_again(OPERATOR, mine.tenant, reason="connected")
            again = deliver_again(OPERATOR, mine.tenant)
            taken = Delivery.unscoped.filter(connection=follower.connection).values_list("delivery_id", flat=True)

            assert list(taken) == [told["id"]]
    assert before == {
        told["id"]: ("no reader", True),
        "evt_type": ("unknown", True),
        "evt_foreign": ("other account", False),
    }
    assert told_verdicts == {"delivered": 1, "unknown": 1}
    assert again == {"unknown": 1}
    assert kept()[told["id"]] == ("delivered", False)
    audited = AuditEntry.unscoped.filter(action="deliver again").order_by("pk").values_list("reason", "data")
    assert list(audited) == [("connected", {"delivered": 1, "unknown": 1}), ("", {"unknown": 1})]


def test_kept_events_are_delivered_again_by_command() -> None:
    with endpoint() as mine:
        post(mine, event(id="evt_own", account="acct_1"))
        work(mine)
        out = StringIO()
        with _readable():
            call_command("deliver_stripe_events", "--tenant", "acme", "--account", "acct_1", stdout=out)
            call_command("deliver_stripe_events", "--tenant", "acme", "--account", "acct_2", stdout=out)

    assert out.getvalue().splitlines() == ["1 no reader", "No event is kept."]


def test_another_tenant_s_events_are_not_delivered() -> None:
    with endpoint() as mine, endpoint("globex") as other:
        post(mine, event(id="evt_own"))
        work(mine)
        actions.connect(OPERATOR, other.tenant, "stripe.charges")
        with _readable():
            verdicts = deliver_again(OPERATOR, other.tenant)

    assert verdicts == {}
    assert kept() == {"evt_own": ("unknown", True)}
    assert not Delivery.unscoped.filter(tenant=other.tenant).exists()


@pytest.mark.slow
def test_what_is_no_longer_the_tenant_s_is_cut_down_to_its_head() -> None:
    with endpoint() as mine, endpoint("globex") as other:
        for to in (mine, other):
            post(to, event(id="evt_left", account="acct_1"), tenant=to.tenant.key)
            work(to)
        actions.set_credential(OPERATOR, mine.tenant, "stripe", {"api_key": "sk_test_1", "accounts": "acct_2"})
        verdicts = deliver_again(OPERATOR, mine.tenant)

    assert verdicts == {"other account": 1}
    assert _kept_by(mine.tenant) == [("other account", "", "")]
    assert [b"ch_1" in bytes(one.body) for one in Delivery.objects.for_tenant(mine.tenant)] == [False]
    ((verdict, object_id, body),) = _kept_by(other.tenant)
    assert (verdict, object_id, '"ch_1"' in body) == ("no reader", "ch_1", True)
    assert [b"ch_1" in bytes(one.body) for one in Delivery.objects.for_tenant(other.tenant)] == [True]


@pytest.mark.slow
def test_a_missing_credential_stops_everything_before_anything_is_delivered() -> None:
    account = Account()
    told = account.update(account.create("customers"))

    with endpoint() as mine:
        second = actions.connect(OPERATOR, mine.tenant, mine.pipeline, "second")
        post(mine, told)
        post(second, event(id="evt_second"))
        work(mine)
        work(second)
        actions.configure(OPERATOR, second, {"integration": "stripe_two"})
        with following(account, "customers", mine.tenant) as follower, _readable():
            with pytest.raises(CredentialMissing, match="stripe_two"):
                deliver_again(OPERATOR, mine.tenant, reason="all")
            untouched = kept()
            of_first = StripeEvent.objects.for_tenant(mine.tenant).get(external_id=told["id"])
            chosen = deliver_again(OPERATOR, mine.tenant, ids=[of_first.pk], reason="this one")
            taken = Delivery.objects.for_tenant(mine.tenant).filter(connection=follower.connection)

            assert [one.delivery_id for one in taken] == [told["id"]]
    assert untouched == {told["id"]: ("unknown", True), "evt_second": ("unknown", True)}
    assert chosen == {"delivered": 1}
    assert _audited(mine.tenant) == [("this one", {"delivered": 1})]


@pytest.mark.parametrize("at_once", [1, 100])
@pytest.mark.slow
def test_an_event_larger_than_a_delivery_is_named_and_the_others_go_on(at_once: int) -> None:
    account = Account()

    with endpoint() as mine:
        first, large, last = (
            account.update(account.create("customers", **more)) for more in ({}, {"description": "x" * 9_000}, {})
        )
        for one in (first, large, last):
            post(mine, one)
        work(mine)
        with following(account, "customers", mine.tenant) as follower, _readable():
            with _smaller(8_000):
                told = deliver_again(OPERATOR, mine.tenant, reason="all", at_once=at_once)
            between = kept()
            out = StringIO()
            with _smaller(8_000):
                call_command("deliver_stripe_events", "--tenant", "acme", stdout=out)
            raised = deliver_again(OPERATOR, mine.tenant)
            taken = Delivery.objects.for_tenant(mine.tenant).filter(connection=follower.connection)

            assert {one.delivery_id for one in taken} == {first["id"], large["id"], last["id"]}
    assert told == {"delivered": 2, "too large": 1}
    assert between == {
        first["id"]: ("delivered", False), large["id"]: ("too large", True), last["id"]: ("delivered", False),
    }  # fmt: skip
    assert f"1 too large\nToo large to be delivered: {large['id']}. Raise" in out.getvalue()
    assert raised == {"delivered": 1}
    assert sum((Counter(data) for _, data in _audited(mine.tenant)), Counter())["too large"] == 2


def test_an_event_that_is_too_large_to_be_passed_on_stops_none_beside_it() -> None:
    """The limit was lowered after it had been stored and before it was taken in."""
    account = Account()

    with endpoint() as mine, following(account, "customers", mine.tenant) as follower, _readable():
        large, small = (account.update(account.create("customers", **more)) for more in ({"name": "x" * 9_000}, {}))
        post(mine, large)
        post(mine, small)
        with _smaller(8_000):
            work(mine)
        taken = Delivery.objects.for_tenant(mine.tenant).filter(connection=follower.connection)

        assert [one.delivery_id for one in taken] == [small["id"]]
    assert kept() == {large["id"]: ("too large", True), small["id"]: ("delivered", False)}


@pytest.mark.slow
def test_what_was_delivered_before_a_failure_stands_in_the_audit_trail() -> None:
    account, fault = Account(), OperationalError("gone")

    with endpoint() as mine:
        events = [account.update(account.create("customers")) for _ in range(3)]
        for one in events:
            post(mine, one)
        work(mine)
        with following(account, "customers", mine.tenant) as follower, _readable():
            with _failing_at(events[2]["id"], fault), pytest.raises(type(fault)):
                deliver_again(OPERATOR, mine.tenant, reason="all", at_once=1)
            taken = Delivery.objects.for_tenant(mine.tenant).filter(connection=follower.connection)

            assert taken.count() == 2
    assert _audited(mine.tenant) == [("all", {"delivered": 1})] * 2
    assert kept()[events[2]["id"]] == ("unknown", True)


@contextlib.contextmanager
def _failing_at(delivery_id: str, fault: Exception) -> Iterator[None]:
    """The database goes away while that delivery is stored for a second connection."""

    def fail(sender: Any, instance: Delivery, **_: Any) -> None:
        if instance.delivery_id == delivery_id:
            raise fault

    pre_save.connect(fail, Delivery)
    try:
        yield
    finally:
        pre_save.disconnect(fail, Delivery)


def _smaller(most: int) -> Any:
    return override_settings(INGESTION={**settings.INGESTION, "MAX_DELIVERY_BYTES": most})


def _kept_by(tenant: Tenant) -> list[tuple[str, str, str]]:
    return list(StripeEvent.objects.for_tenant(tenant).values_list("verdict", "object_id", "body"))


def _audited(tenant: Tenant) -> list[tuple[str, dict[str, int]]]:
    entries = AuditEntry.objects.for_tenant(tenant).filter(action="deliver again")
    return list(entries.order_by("pk").values_list("reason", "data"))


def test_delivering_again_asks_for_the_permission() -> None:
    nobody = Actor(User.objects.create_user("nobody", is_staff=True))

    with pytest.raises(PermissionDenied):
        deliver_again(nobody, make_tenant())


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """The endpoint's credential is stored, as whoever delivers again reads it."""
    for tenant in Tenant.objects.all():
        actions.set_credential(OPERATOR, tenant, "stripe", {"api_key": "sk_test_1", "accounts": "acct_1 acct_2"})
    yield
