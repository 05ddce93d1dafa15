"""Stripe pipelines through the engine: kills, dead letters, several accounts, pipelines of one's own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from ingestion import Context, Pipeline, Upsert, actions, artifacts
from ingestion.models import Artifact, DeadLetter, Run
from ingestion.running import Hooks
from ingestion.testing import make_tenant, registered
from integrations.stripe import Stripe, pipelines
from integrations.stripe.models import StripeCharge, StripeCustomer
from tests.app.oracle import Entry
from tests.ingestion.runs import OPERATOR, carry, counts, finish
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import POINTS, Follower, Killed, following, truth

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


@dataclasses.dataclass
class Doomed(Follower):
    """Its next attempt dies at `point`."""

    point: str = ""

    def _seams(self) -> Hooks:
        def at(point: str) -> None:
            if point == self.point:
                self.point = ""
                raise Killed(point)

        return Hooks(at=at, sleep=lambda seconds: None)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_a_list_and_a_feed_end_as_if_undisturbed(point: str) -> None:
    account = Account()
    ids = [account.create("customers") for _ in range(5)]
    account.now += 3600

    with following(account, "customers") as follower:
        doomed = Doomed(account, follower.connection, point=point)
        doomed.run()
        account.update(ids[0])
        account.delete(ids[1])
        account.create("customers")
        account.now += 60
        doomed.point = point
        doomed.run()

        assert doomed.alive() == truth(account, "customers")
        assert doomed.rows()[ids[1]] == ("1", True)


def test_a_second_run_without_changes_writes_nothing() -> None:
    account = Account()
    for _ in range(3):
        account.create("charges")
    account.now += DAY

    with following(account, "charges") as follower:
        first, second = follower.run(), follower.run()

    assert (counts(first), counts(second)) == ((3, 3, 0, 0), (0, 0, 0, 0))


def test_raw_records_are_kept_as_stripe_sent_them() -> None:
    account = Account()
    identity = account.create("charges")
    account.now += DAY

    with following(account, "charges") as follower:
        follower.run()

    kept = artifacts.read(Artifact.unscoped.get())
    assert json.dumps(account.objects[identity]).encode() in kept


@pytest.mark.slow
def test_an_object_at_fault_becomes_a_dead_letter_and_loads_once_stripe_has_it_right() -> None:
    account = Account()
    bad, good = account.create("charges", currency="??"), account.create("charges")
    account.now += DAY

    with following(account, "charges") as follower:
        run = carry(follower.make())
        dead_letter = DeadLetter.unscoped.get()
        account.update(bad, currency="usd")
        account.now += DAY
        follower.run()

        assert (run.state, dead_letter.source_id, run.dead) == (Run.State.PARTIAL, bad, 1)
        assert "not a currency code" in str(dead_letter.errors)
        assert follower.rows() == {bad: ("2", False), good: ("1", False)}
        assert DeadLetter.unscoped.get().status not in DeadLetter.OPEN


@pytest.mark.slow
def test_an_old_letter_replayed_after_a_newer_state_changes_nothing() -> None:
    account = Account()
    bad = account.create("charges", currency="??")
    account.now += DAY

    with following(account, "charges") as follower:
        carry(follower.make())
        dead_letter = DeadLetter.unscoped.get()
        account.update(bad, currency="usd", amount=7777)
        account.now += DAY
        follower.run()
        DeadLetter.unscoped.filter(pk=dead_letter.pk).update(
            status=DeadLetter.Status.NEW, payload=bytes(dead_letter.payload).replace(b'"??"', b'"usd"')
        )
        (again,) = actions.replay(OPERATOR, actions.Selection(follower.connection.tenant, "stripe.charges"), wake=False)
        finish(again)

        assert StripeCharge.unscoped.get().amount * 100 == 7777


@pytest.mark.slow
def test_two_accounts_of_a_tenant_do_not_bury_each_other_s_customers() -> None:
    ours, theirs = Account(), Account()
    ours.create("customers", id="cus_ours")
    theirs.create("customers", id="cus_theirs")
    tenant = make_tenant()

    for account, name in ((ours, ""), (theirs, "theirs"), (ours, ""), (theirs, "theirs")):
        account.now += 40 * DAY
        with following(account, "customers", tenant=tenant, name=name) as follower:
            follower.run()

    assert set(StripeCustomer.unscoped.values_list("external_id", "deleted_at")) == {
        ("cus_ours", None),
        ("cus_theirs", None),
    }


@pytest.mark.slow
def test_tenants_rows_stay_apart_though_their_objects_have_the_same_ids() -> None:
    for key, version in (("acme", 1), ("globex", 3)):
        account = Account()
        account.create("customers", id="cus_1")
        for _ in range(version - 1):
            account.update("cus_1")
        account.now += DAY
        with following(account, "customers", tenant=make_tenant(key)) as follower:
            follower.run()

    found = StripeCustomer.unscoped.values_list("tenant__key", "metadata")
    assert {key: metadata["v"] for key, metadata in found} == {"acme": "1", "globex": "3"}


class Simple(BaseModel):
    id: str
    amount: int


def _row(one: Simple, ctx: Context) -> dict[str, Any]:
    return {"external_id": one.id, "amount": one.amount}


@pytest.fixture
def own() -> Iterator[tuple[Account, Pipeline]]:
    account = Account()
    source = Stripe("charges", open=account.open, clock=lambda: float(account.now))
    value = Pipeline("tests.own", source, Simple, Upsert(Entry, key=["external_id"]), _row, integration="stripe")
    with registered(value):
        yield account, value


@pytest.mark.slow
def test_a_pipeline_of_one_s_own_without_versions_follows_the_account_too(own: tuple[Account, Pipeline]) -> None:
    account, value = own
    ids = [account.create("charges", amount=number + 1) for number in range(3)]
    account.now += DAY
    follower = Follower(account, actions.connect(OPERATOR, make_tenant(), value.name))

    follower.run()
    for amount in (50, 60, 70):
        account.now += 60
        event = account.update(ids[0], amount=amount)
    follower.told(account.events[-3], event)
    account.now += DAY
    follower.run()

    assert {key: int(amount) for key, amount in Entry.unscoped.values_list("external_id", "amount")} == {
        ids[0]: 70, ids[1]: 2, ids[2]: 3,
    }  # fmt: skip
    assert pipelines.LAG.total_seconds() > 300
