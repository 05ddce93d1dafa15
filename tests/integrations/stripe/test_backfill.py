"""Days of an account listed again in shards: in any order, killed anywhere, beside live runs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from ingestion import actions
from ingestion.models import Run, Watermark
from integrations.stripe import KINDS
from tests.ingestion.runs import OPERATOR, counts
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import Follower, following, truth

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]

BEGIN = 1_750_000_000 // DAY * DAY
DAYS = 6


def shards(follower: Follower, days: int = DAYS) -> list[Run]:
    start = datetime.fromtimestamp(BEGIN, UTC)
    parent = actions.backfill(
        OPERATOR, follower.connection, start, start + timedelta(days=days), reason="events were lost", wake=False
    )
    made = Run.unscoped.filter(parent=parent)
    made.update(created_at=datetime.fromtimestamp(follower.account.now, UTC))
    return list(made.order_by("pk"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["customers", "charges"])
def test_shards_in_any_order_mend_what_was_lost_without_a_word(kind: str) -> None:
    dice = random.Random(f"shards of {kind}")
    account = Account(now=BEGIN)
    while account.now < BEGIN + DAYS * DAY:
        account.create(kind)
        account.now += dice.choice((0, 1, DAY // 40))

    with following(account, kind, dice=dice) as follower:
        follower.run()
        lose(account, follower, dice)
        mark = Watermark.unscoped.filter(connection=follower.connection).latest("pk").pk
        pending = shards(follower)
        assert len(pending) == DAYS
        dice.shuffle(pending)
        for number, shard in enumerate(pending):
            follower.finish(shard)
            if number == DAYS // 2:
                account.now += 60
                account.update(next(reversed(account.objects)))
                live = follower.run()

        assert follower.alive() == truth(account, kind)
        parent = Run.unscoped.get(pk=pending[0].parent_id)
        assert parent.state == Run.State.SUCCEEDED
        marks = Watermark.unscoped.filter(connection=follower.connection, pk__gt=mark)
        assert list(marks.values_list("run", flat=True)) == [live.pk]


def lose(account: Account, follower: Follower, dice: random.Random) -> None:
    """Rows that were lost here, and objects that were changed or deleted there, none of it told by an event."""
    keys = list(account.objects)
    lost = dice.sample(keys, 30)
    follower.model.objects.for_tenant(follower.connection.tenant).filter(external_id__in=lost[:10]).delete()
    told = list(account.events)
    if KINDS[follower.connection.pipeline.removeprefix("stripe.")].deletable:
        for key in lost[10:20]:
            account.delete(key)
    for key in lost[20:]:
        account.update(key)
    account.events[:] = told
    assert follower.alive() != truth(account, follower.connection.pipeline.removeprefix("stripe."))


@pytest.mark.slow
def test_a_shard_lists_its_own_day_and_asks_for_nothing_else() -> None:
    account = Account(now=BEGIN)
    for _ in range(3 * DAYS):
        account.create("charges")
        account.now += DAY // 3

    with following(account, "charges") as follower:
        made = [follower.finish(shard) for shard in shards(follower)]

        assert [counts(run) for run in made] == [(3, 3, 0, 0)] * DAYS
        assert set(account.calls) == {"/v1/charges"}
        assert follower.alive() == truth(account, "charges")


@pytest.mark.slow
def test_a_first_load_may_be_shards_with_the_feed_from_now_on() -> None:
    account = Account(now=BEGIN)
    for _ in range(3 * DAYS):
        account.create("customers")
        account.now += DAY // 3

    with following(account, "customers") as follower:
        actions.rewind(OPERATOR, follower.connection, datetime.fromtimestamp(account.now, UTC), "history in shards")
        pending = shards(follower)
        account.now += 60
        account.delete(next(iter(account.objects)))
        account.create("customers")
        account.now += 60
        follower.run()
        for shard in pending:
            follower.finish(shard)

        assert follower.alive() == truth(account, "customers")
        assert account.calls.count("/v1/customers") == DAYS
