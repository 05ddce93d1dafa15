"""Whatever order news comes in, the tables never go back, and a run of the feed makes them right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integrations.stripe import pipelines
from tests.databases import examples
from tests.ingestion.runs import new_tenant
from tests.integrations.stripe.account import Account
from tests.integrations.stripe.following import Follower, following, truth

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DO = st.sampled_from(
    ["create", "update", "update", "update", "delete", "again", "tell newest", "tell oldest", "tell any", "run", "run",
     "second", "hour"]
)  # fmt: skip
STORY = st.lists(st.tuples(DO, st.integers(0, 7)), min_size=8, max_size=25)


class World:
    """An account with a few objects, its news in flight, and a connection that follows it."""

    def __init__(self, follower: Follower, kind: str) -> None:
        self.follower, self.kind = follower, kind
        self.account = follower.account
        self.in_flight: list[dict[str, Any]] = []
        self.seen: dict[str, tuple[int, bool]] = {}
        self.born: dict[str, int] = {}

    def step(self, what: str, number: int) -> None:
        before = len(self.account.events)
        getattr(self, what.replace(" ", "_"))(number)
        self.in_flight += self.account.events[before:]
        for identity, one in self.account.objects.items():
            self.born[identity] = int(one["metadata"]["v"])
        self.look()

    def create(self, number: int) -> None:
        if len(self.account.objects) < 3:
            self.account.create(self.kind)

    def again(self, number: int) -> None:
        """An id of one's own, used again after its object was deleted: newer than all that was before."""
        if gone := sorted(set(self.born) - set(self.account.objects)):
            identity = gone[number % len(gone)]
            self.account.create(self.kind, id=identity, metadata={"v": str(self.born[identity] + 1000)})

    def update(self, number: int) -> None:
        if alive := sorted(self.account.objects):
            self.account.update(alive[number % len(alive)])

    def delete(self, number: int) -> None:
        if alive := sorted(self.account.objects):
            self.account.delete(alive[number % len(alive)])

    def tell_newest(self, number: int) -> None:
        if self.in_flight:
            self.follower.told(self.in_flight.pop())

    def tell_oldest(self, number: int) -> None:
        if self.in_flight:
            self.follower.told(self.in_flight.pop(0))

    def tell_any(self, number: int) -> None:
        if self.in_flight:
            told = self.in_flight[number % len(self.in_flight) :][:3]
            self.follower.told(*reversed(told), *told)

    def run(self, number: int) -> None:
        self.follower.run()

    def second(self, number: int) -> None:
        self.account.now += 1

    def hour(self, number: int) -> None:
        self.account.now += 3600

    def look(self) -> None:
        rows = {key: (int(version), deleted) for key, (version, deleted) in self.follower.rows().items()}
        for key, (version, deleted) in self.seen.items():
            assert key in rows
            assert rows[key][0] >= version, f"{key} went back from {version} to {rows[key][0]}"
            assert rows[key][0] > version or rows[key][1] >= deleted, f"{key} came back to life"
        self.seen = rows


def test_an_object_deleted_twice_within_a_second_keeps_its_last_state() -> None:
    with following(Account(), "products", tenant=new_tenant()) as follower:
        account = follower.account
        identity = account.create("products")
        account.delete(identity)
        first_end = account.events[-1]
        account.create("products", id=identity, metadata={"v": "1001"})
        follower.told(account.events[-1])
        account.delete(identity)
        follower.told(first_end, account.events[-1])
        follower.told(account.events[-1], first_end)

        assert follower.rows() == {identity: ("1001", True)}


@settings(
    max_examples=examples(15),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # to explain a failure, every line is traced
)
@given(story=STORY)
@pytest.mark.parametrize("kind", ["products", "customers"])
def test_the_table_never_goes_back_and_converges(kind: str, story: list[tuple[str, int]]) -> None:
    with following(Account(unruly=True), kind, tenant=new_tenant()) as follower:
        world = World(follower, kind)

        for what, number in story:
            world.step(what, number)
        follower.account.now += int(pipelines.LAG.total_seconds())
        follower.run()
        world.look()

        assert follower.alive() == truth(follower.account, kind)
