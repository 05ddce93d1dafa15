"""The endpoint of a tenant: proved, stored once, passed on to the connections that follow the object."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from ingestion import Context, Secret, actions, artifacts
from ingestion.models import Artifact, Connection, DeadLetter, Delivery, Run
from ingestion.testing import make_tenant, registered
from integrations.stripe.models import StripeEvent
from tests.ingestion.runs import OPERATOR, carry
from tests.integrations.stripe.account import Account, body_of
from tests.integrations.stripe.following import READY, following
from tests.integrations.stripe.test_signatures import header
from tests.integrations.stripe.urls import SECRETS

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integrations.stripe.urls"),
]


def _keyed(event: Any, ctx: Context) -> Any:
    return READY["events"].transform(
        event,
        dataclasses.replace(ctx, credential=lambda: Secret({"api_key": "sk_test_1", "accounts": "acct_1, acct_2"})),
    )


@contextlib.contextmanager
def endpoint(tenant: str = "acme") -> Iterator[Connection]:
    with registered(dataclasses.replace(READY["events"], transform=_keyed)) as pipeline:
        yield actions.connect(OPERATOR, make_tenant(tenant), pipeline.name)


def post(to: Connection | str, event: dict[str, Any] | bytes, *, tenant: str = "acme", **headers: str) -> HttpResponse:
    body = event if isinstance(event, bytes) else body_of(event)
    path = to if isinstance(to, str) else f"/stripe/{to.tenant.key}/{to.public_id}/"
    sent = {"Stripe-Signature": header(SECRETS[tenant], int(time.time()), body), **headers}
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(path, body, content_type="application/json", headers=sent)  # type: ignore[return-value]


def work(connection: Connection) -> list[Run]:
    """All queued webhook runs of the connection, executed."""
    queued = Run.unscoped.filter(connection=connection, kind=Run.Kind.WEBHOOK, state=Run.State.QUEUED)
    return [carry(run) for run in queued]


def event(kind: str = "charge.updated", **changes: Any) -> dict[str, Any]:
    about = {"id": "ch_1", "object": kind.split(".")[0]}
    return {"id": "evt_1", "object": "event", "type": kind, "created": 1_750_000_000, "livemode": False,
            "data": {"object": about}, **changes}  # fmt: skip


def kept() -> dict[str, tuple[str, bool]]:
    """Events by id: verdict, and whether the body is there."""
    return {one.external_id: (one.verdict, bool(one.body)) for one in StripeEvent.unscoped.all()}


@pytest.mark.slow
def test_an_event_reaches_the_tables_without_a_feed() -> None:
    account = Account()
    identity = account.create("invoices")
    told = account.update(identity, status="open")

    with following(account, "invoices") as follower, endpoint() as mine:
        first, again = post(mine, told), post(mine, told)
        runs = work(mine) + work(follower.connection)

    assert (first.status_code, again.status_code) == (202, 200)
    assert [(run.state, run.ok) for run in runs] == [("succeeded", 1), ("succeeded", 1)]
    assert follower.rows() == {identity: ("2", False)}
    assert kept() == {told["id"]: ("delivered", False)}


@pytest.mark.slow
def test_an_event_goes_to_every_kind_that_it_touches_and_to_no_other_tenant() -> None:
    told = event("charge.dispute.created", data={"object": {"id": "du_1", "object": "dispute", "charge": "ch_1"}})

    with endpoint() as mine, endpoint("globex"):
        for tenant in ("acme", "globex"):
            for kind in ("charges", "disputes", "refunds"):
                actions.connect(OPERATOR, make_tenant(tenant), f"stripe.{kind}")
        post(mine, told)
        work(mine)

    reached = Delivery.unscoped.exclude(connection=mine).values_list("connection__pipeline", "tenant__key")
    assert sorted(reached) == [("stripe.charges", "acme"), ("stripe.disputes", "acme")]


def test_unknown_types_and_strangers_are_kept_with_their_body() -> None:
    with endpoint() as mine:
        actions.connect(OPERATOR, mine.tenant, "stripe.charges")
        post(mine, event("radar.early_fraud_warning.created", id="evt_type"))
        post(mine, event(id="evt_live", livemode=True))
        post(mine, event(id="evt_other", account="acct_1"))
        post(mine, event("invoice.upcoming", id="evt_no_id", data={"object": {"object": "invoice", "id": None}}))
        (run,) = work(mine)

    assert run.state == Run.State.SUCCEEDED
    assert kept() == {
        "evt_type": ("unknown", True),
        "evt_live": ("other mode", True),
        "evt_other": ("no reader", True),
        "evt_no_id": ("unknown", True),
    }
    assert not Delivery.unscoped.exclude(connection=mine).exists()


def test_a_connected_account_s_events_go_to_the_connection_that_reads_it() -> None:
    with endpoint() as mine:
        own = actions.connect(OPERATOR, mine.tenant, "stripe.charges")
        theirs = actions.connect(OPERATOR, mine.tenant, "stripe.charges", "theirs")
        Connection.unscoped.filter(pk=theirs.pk).update(config={"account": "acct_1"})
        post(mine, event(id="evt_own"))
        post(mine, event(id="evt_theirs", account="acct_1"))
        work(mine)

    reached = Delivery.unscoped.exclude(connection=mine).values_list("connection", "delivery_id")
    assert sorted(reached) == [(own.pk, "evt_own"), (theirs.pk, "evt_theirs")]


def test_an_account_that_the_credential_does_not_name_reaches_nobody() -> None:
    with endpoint() as mine:
        taken = actions.connect(OPERATOR, mine.tenant, "stripe.charges", "taken")
        Connection.unscoped.filter(pk=taken.pk).update(config={"account": "acct_of_globex"})
        told = event(id="evt_globex", account="acct_of_globex", data={"object": {"id": "ch_9", "object": "charge"}})
        answers = [post(mine, told), post(mine, told)]
        work(mine)

    assert [one.status_code for one in answers] == [202, 200]
    (delivery,) = Delivery.unscoped.all()
    assert b"ch_9" not in delivery.body
    whole = body_of(told)
    assert json.loads(delivery.body)["sluicegate"] == {"sha256": sha256(whole).hexdigest(), "size": len(whole)}
    assert all(b"ch_9" not in artifacts.read(one) for one in Artifact.unscoped.all())
    kept = StripeEvent.unscoped.values("external_id", "type", "account", "object_id", "body", "verdict").get()
    assert kept == {"external_id": "evt_globex", "type": "charge.updated", "account": "acct_of_globex",
                    "object_id": "", "body": "", "verdict": "other account"}  # fmt: skip


def test_another_integration_of_the_tenant_is_left_alone() -> None:
    with endpoint() as mine:
        other = actions.connect(OPERATOR, mine.tenant, "stripe.charges", "eu")
        Connection.unscoped.filter(pk=other.pk).update(config={"integration": "stripe-eu"})
        post(mine, event())
        work(mine)

    assert kept() == {"evt_1": ("unknown", True)}


@pytest.mark.parametrize("wrong", ["t=1,v1=00", ""])
def test_what_is_not_signed_is_not_stored(wrong: str) -> None:
    with endpoint() as mine:
        response = post(mine, event(), **{"Stripe-Signature": wrong})

    assert response.status_code == 401
    assert not Delivery.unscoped.exists()


def test_another_tenant_s_secret_opens_no_door() -> None:
    with endpoint() as mine, endpoint("globex") as other:
        wrong = post(mine, event(), tenant="globex")
        crossed = post(f"/stripe/acme/{other.public_id}/", event())
        nowhere = post("/stripe/nobody/00000000-0000-4000-8000-000000000000/", event())

    assert {response.status_code for response in (wrong, crossed, nowhere)} == {401}
    assert wrong.content == crossed.content == nowhere.content
    assert not Delivery.unscoped.exists()


def test_only_connections_to_the_events_have_an_endpoint() -> None:
    connection = actions.connect(OPERATOR, make_tenant("acme"), "stripe.charges")

    assert post(connection, event()).status_code == 401


@pytest.mark.slow
def test_an_object_that_stripe_does_not_know_becomes_a_dead_letter_whose_replay_fetches_it_again() -> None:
    account = Account()

    with following(account, "charges") as follower:
        actions.deliver(follower.connection, "evt_1", json.dumps(event()).encode(), wake=False)
        (run,) = work(follower.connection)
        assert (run.state, run.dead) == (Run.State.PARTIAL, 1)
        assert "same account" in str(DeadLetter.unscoped.get().errors)

        again = replay(follower.connection)
        assert (again.state, again.ok, follower.rows()) == (Run.State.PARTIAL, 0, {})
        assert DeadLetter.unscoped.get().status in DeadLetter.OPEN

        account.create("charges", id="ch_1")
        once_more = replay(follower.connection)

    assert (once_more.state, follower.rows()) == (Run.State.SUCCEEDED, {"ch_1": ("1", False)})
    assert DeadLetter.unscoped.get().status == DeadLetter.Status.REPLAYED


def replay(connection: Connection) -> Run:
    (run,) = actions.replay(OPERATOR, actions.Selection(connection.tenant), wake=False)
    return carry(run)
