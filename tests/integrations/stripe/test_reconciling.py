"""Closed days of an account are held against its tables, for every kind of object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingestion import Window, actions
from ingestion.models import Run
from integrations.stripe import KINDS
from integrations.stripe.pipelines import customers
from tests.ingestion.runs import OPERATOR, carry
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import Follower, following

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
FIRST = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def account_of(kind: str) -> Account:
    """Three objects on the first day, the last one at its last second, and one after it."""
    account = Account(now=int(FIRST.start.timestamp()))
    for _ in range(2):
        account.create(kind)
    account.now += DAY - 1
    account.create(kind)
    account.now += 1
    account.create(kind)
    account.now += DAY
    return account


def check(follower: Follower) -> dict[str, tuple[str, int, int]]:
    rows = actions.reconcile(OPERATOR, follower.connection, FIRST)
    return {row.group: (row.state, row.missing_count, row.extra_count) for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_day_matches_and_a_lost_object_is_named(kind: str) -> None:
    with following(account_of(kind), kind) as follower:
        follower.run()
        matched = check(follower)
        rows = follower.model.objects.for_tenant(follower.connection.tenant)
        rows.order_by("pk").filter(pk=rows.order_by("pk").values_list("pk", flat=True)[0]).delete()
        lost = check(follower)

    (group,) = matched
    assert (group != "") == bool(KINDS[kind].amount)
    assert matched[group] == ("matched", 0, 0)
    assert lost[group][0] == "breach"


@pytest.mark.slow
def test_deleted_objects_are_counted_by_neither_side() -> None:
    account = account_of("customers")
    with following(account, "customers") as follower:
        follower.run()
        account.delete(next(iter(account.objects)))
        account.now += 600
        before = check(follower)
        follower.run()
        after = check(follower)

    assert before[""] == ("breach", 0, 1)
    assert after[""] == ("matched", 0, 0)


@pytest.mark.slow
def test_a_resync_brings_the_lost_object_back() -> None:
    with following(account_of("charges"), "charges") as follower:
        follower.run()
        follower.model.objects.for_tenant(follower.connection.tenant).filter(created_at=FIRST.start).delete()
        (row,) = actions.reconcile(OPERATOR, follower.connection, FIRST)
        parent = actions.resync(OPERATOR, row, reason="lost", wake=False)
        for shard in Run.unscoped.filter(parent=parent):
            carry(shard)

        assert row.missing_count == 2
        assert {state for state, _, _ in check(follower).values()} == {"matched"}


@pytest.mark.slow
def test_a_resync_finds_what_was_deleted() -> None:
    account = account_of("customers")
    with following(account, "customers") as follower:
        follower.run()
        account.objects.pop(next(iter(account.objects)))  # and no event tells of it
        (row,) = actions.reconcile(OPERATOR, follower.connection, FIRST)
        parent = actions.resync(OPERATOR, row, reason="gone", wake=False)
        for shard in Run.unscoped.filter(parent=parent):
            carry(shard)

        assert row.extra_count == 1
        assert check(follower)[""] == ("matched", 0, 0)


def test_the_ready_pipelines_declare_their_periods() -> None:
    assert customers.periods is not None
    assert (customers.periods.time, customers.periods.amount, customers.periods.gone) == (
        "created_at",
        "",
        "deleted_at",
    )
    assert FIRST.end - FIRST.start == timedelta(days=1)
