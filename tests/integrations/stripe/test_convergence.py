"""An account changes for fifty days under dropped, shuffled and doubled webhooks, killed workers and a long stop."""

from __future__ import annotations

import random
from typing import Any

import pytest

from integrations.stripe import KINDS
from tests.integrations.stripe.account import DAY, Account
from tests.integrations.stripe.following import Follower, following, truth

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.every_database]

CHANGES_A_DAY = 8
DAYS, STOP = 50, range(6, 44)
LOST = 0.3


class Life:
    """What happens to an account by chance."""

    def __init__(self, account: Account, kind: str, dice: random.Random) -> None:
        self.account, self.kind, self.dice = account, kind, dice
        self.in_flight: list[dict[str, Any]] = []

    def day(self) -> None:
        for _ in range(CHANGES_A_DAY):
            self.account.now += self.dice.choice((0, 0, 1, 7000, 9000))
            self._change()

    def _change(self) -> None:
        mine = [key for key, one in self.account.objects.items() if one["object"] == KINDS[self.kind].object]
        chance = self.dice.random()
        if not mine or chance < 0.3:
            self.account.create(self.kind)
            event = self.account.events[-1]
        elif chance < 0.45 and KINDS[self.kind].deletable:
            event = self.account.delete(self.dice.choice(mine))
        elif self.kind == "invoice_lines" and chance < 0.8:
            event = self._redraft(self.dice.choice(mine))
        elif self.kind == "prices":
            event = self.account.update(self.dice.choice(mine), active=self.dice.random() < 0.5)
        else:
            event = self.account.update(self.dice.choice(mine))
        if self.dice.random() >= LOST:
            self.in_flight += [event] * self.dice.choice((1, 1, 2))

    def _redraft(self, identity: str) -> dict[str, Any]:
        """A draft loses some of its lines and gets others, more than fit into it now and then."""
        kept = [one for one in self.account.objects[identity]["lines"] if self.dice.random() < 0.7]
        more = [self.account.line(self.dice.randrange(9999)) for _ in range(self.dice.choice((0, 1, 2, 12)))]
        return self.account.update(identity, lines=more + kept)

    def webhooks(self) -> list[dict[str, Any]]:
        """Some of what is in flight arrives, in any order; some of it again later."""
        self.dice.shuffle(self.in_flight)
        cut = len(self.in_flight) * 2 // 3
        arrived, self.in_flight = self.in_flight[:cut], self.in_flight[cut:] + self.in_flight[: cut // 4]
        return arrived


def live_through(follower: Follower, life: Life) -> list[int]:
    """Fifty days; on which of them everything was listed."""
    account, listed = life.account, []
    begin = account.now
    path = KINDS[life.kind].path
    for day in range(DAYS):
        life.day()
        account.calls.clear()
        if day not in STOP:
            follower.told(*life.webhooks())
            follower.run()
            life.account.now += 1
            follower.told(*life.webhooks())
        if path in account.calls:
            listed.append(day)
        account.now = max(account.now, begin + (day + 1) * DAY)
    return listed


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("customers", marks=pytest.mark.sqlite),
        pytest.param("prices", marks=pytest.mark.sqlite),
        pytest.param("charges", marks=pytest.mark.sqlite),
        "invoice_lines",
    ],
)
def test_after_fifty_bad_days_the_table_equals_the_account(kind: str) -> None:
    account, dice = Account(unruly=True), random.Random(f"{DAYS} days of {kind}")
    for _ in range(120):
        account.now += dice.choice((0, 1, 60))
        account.create(kind)
    account.now += 40 * DAY
    life = Life(account, kind, dice)

    with following(account, kind, dice=dice) as follower:
        listed = live_through(follower, life)
        account.now += 3600
        follower.run()

        assert follower.alive() == truth(account, kind)
    assert listed == [0, STOP.stop]
    assert follower.killed > 5
    gone = {key for key, (_, deleted) in follower.rows().items() if deleted}
    assert bool(gone) == KINDS[kind].deletable


def test_an_old_invoice_paid_during_the_stop_is_found() -> None:
    account = Account()
    old = account.create("invoices")
    account.now += 100 * DAY

    with following(account, "invoices") as follower:
        follower.run()
        account.now += DAY
        account.update(old, status="paid")
        account.now += 40 * DAY
        run = follower.run()

        assert follower.alive() == truth(account, "invoices") == {old: "2"}
    assert "listed again" in " ".join(run.events.values_list("text", flat=True))


def test_a_deletion_during_the_stop_is_found_by_the_list_and_keeps_the_row() -> None:
    account = Account()
    stays, goes, sibling = (account.create("customers", name=name) for name in ("Ada", "Bob", "Cy"))
    account.now += 100 * DAY

    with following(account, "customers") as follower:
        follower.run()
        account.now += DAY
        account.delete(goes)
        account.now += 40 * DAY
        follower.run()

        assert follower.rows() == {stays: ("1", False), goes: ("1", True), sibling: ("1", False)}
        assert follower.model.objects.for_tenant(follower.connection.tenant).get(external_id=goes).name == "Bob"
