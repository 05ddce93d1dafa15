"""A call waits for the whole of its turn, whatever other workers ask for meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from ingestion import Transient
from ingestion.conf import Rate
from ingestion.limits.buckets import LocalBucket, SharedBucket, key_of
from ingestion.limits.throttling import STEP
from tests.ingestion.limits.throttled import ACME, throttle
from tests.ingestion.runs import configured

pytestmark = pytest.mark.django_db
PER_SECOND = 0.8
"""One call waits for the next one for longer than a STEP, so that it looks at its place more than once."""


@pytest.fixture(autouse=True)
def _rates() -> Iterator[None]:
    with configured(RATES={"slow": {"*": {"per_second": PER_SECOND, "burst": 1}}}):
        yield


class Sleeping:
    """Really sleeps, after it let something happen in the first sleep."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self.times = 0

    def __call__(self, seconds: float) -> None:
        self.times += 1
        if self.times == 1:
            self.meanwhile()
        time.sleep(seconds)


@contextmanager
def lasts_at_least(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started >= seconds


def test_a_wait_longer_than_one_look_is_waited_to_its_end(redis: Redis) -> None:
    waiting, sleeping = throttle(), Sleeping()
    slow = throttle(sleep=sleeping)
    waiting()

    with lasts_at_least(1 / PER_SECOND - 0.01):
        slow()

    assert 1 / PER_SECOND > STEP
    assert sleeping.times >= 2


@pytest.mark.slow
def test_a_hold_off_that_another_worker_hears_of_meanwhile_is_waited_for_too(redis: Redis) -> None:
    other = throttle()
    other()
    slow = throttle(sleep=Sleeping(lambda: other.hold_off(1.5)))

    with lasts_at_least(1.5):
        slow()


def test_without_redis_a_hold_moves_those_who_wait_already() -> None:
    now = 100.0
    bucket = LocalBucket(per_second=1.0, burst=1.0, clock=lambda: now)
    place = bucket.take(1.0, patience=60.0)

    bucket.hold(30.0)
    left = bucket.due(place)

    assert (place.wait, left and left.wait) == (1.0, 30.0)


def test_a_place_that_was_lost_is_taken_again_with_all_of_its_weight(redis: Redis) -> None:
    with configured(RATES={"heavy": {"*": {"per_second": 2, "burst": 2}}}):
        throttle("heavy")(2.0)
        heavy = throttle("heavy", sleep=Sleeping(redis.flushall))
        heavy(2.0)

        bucket = SharedBucket(redis, key_of(ACME, "heavy"), Rate(per_second=2, burst=2))
        assert bucket.take(1.0, patience=60.0).wait > 0


def test_a_hold_off_longer_than_anybody_waits_gives_the_run_back_in_the_midst_of_its_wait(redis: Redis) -> None:
    other = throttle()
    other()
    slow = throttle(sleep=Sleeping(lambda: other.hold_off(500.0)), patience=3.0)

    with pytest.raises(Transient) as caught:
        slow()

    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 490


def test_a_wait_is_cut_by_the_patience_that_is_left_and_not_by_all_of_it(redis: Redis) -> None:
    other = throttle()
    other()
    slow = throttle(sleep=Sleeping(lambda: other.hold_off(1.75)), patience=2.5)

    with pytest.raises(Transient):
        slow()


def test_a_run_that_is_to_stop_leaves_its_wait(redis: Redis) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    throttle()()

    with pytest.raises(Stopped):
        throttle(keep_waiting=stop)()
