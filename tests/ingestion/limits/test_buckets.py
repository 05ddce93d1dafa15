"""Token buckets: never above the rate, shared by all workers, a tenant's own, and careful after a flush."""

from __future__ import annotations

import threading
import time

import pytest
from redis import Redis

from ingestion import ConfigurationError, TenantRef, Transient
from ingestion.conf import Rate
from ingestion.limits.buckets import SharedBucket, key_of
from tests.ingestion.chaos.processes import end, start_child
from tests.ingestion.limits.throttled import ACME, throttle

OTHER = TenantRef(2, "other")
PATIENCE = 200
"""Seconds after which a test fails that would else hang."""


def test_a_burst_goes_at_once_and_the_rest_at_the_rate(redis: Redis, rates: None) -> None:
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        time.sleep(seconds)

    wait, started = throttle(sleep=sleep), time.monotonic()

    for _ in range(5):
        wait()
    of_burst = len(sleeps)
    for _ in range(10):
        wait()

    assert of_burst == 0
    assert time.monotonic() - started >= 10 / 20


@pytest.mark.slow
def test_eight_workers_at_once_get_no_more_places_than_one_bucket_has(redis: Redis, rates: None) -> None:
    """In any stretch of time, by the bucket's own clock: when somebody comes to make the call is the machine's matter."""

    def work() -> None:
        bucket = SharedBucket(redis, key_of(ACME, "slow"), Rate(per_second=20, burst=5))
        for _ in range(25):
            redis.rpush("places", bucket.take(1, 3600).ready)

    codes = [end(child) for child in [start_child(work) for _ in range(8)]]
    places = sorted(float(one) for one in redis.lrange("places", 0, -1))  # type: ignore[union-attr]

    assert codes == [0] * 8
    assert len(places) == 200
    for first, start in enumerate(places):
        for last in range(first, len(places)):
            assert last - first + 1 <= 5 + 20 * (places[last] - start) + 0.01


@pytest.mark.slow
def test_eight_workers_at_once_wait_for_their_turns(redis: Redis, rates: None) -> None:
    started = time.monotonic()

    def work() -> None:
        wait = throttle()
        for _ in range(5):
            wait()

    codes = [end(child) for child in [start_child(work) for _ in range(8)]]

    assert codes == [0] * 8
    assert time.monotonic() - started >= (8 * 5 - 5) / 20


def test_a_heavy_call_is_not_overtaken_for_ever_by_light_ones(redis: Redis, rates: None) -> None:
    stop, done = threading.Event(), threading.Event()

    def light() -> None:
        wait = throttle()
        while not stop.is_set():
            wait(1)

    def heavy() -> None:
        throttle()(5)
        done.set()

    threads = [threading.Thread(target=light) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)  # the bucket is empty and stays so
    threads.append(threading.Thread(target=heavy))
    threads[-1].start()
    served = done.wait(PATIENCE)
    stop.set()
    for thread in threads:
        thread.join()

    assert served


def test_a_flushed_bucket_starts_again_with_no_more_than_its_burst(redis: Redis, rates: None) -> None:
    wait = throttle()
    for _ in range(5):
        wait()

    redis.flushall()
    started = time.monotonic()
    for _ in range(9):
        wait()

    assert time.monotonic() - started >= 4 / 20 - 0.01


def test_those_who_wait_when_the_bucket_is_flushed_take_a_new_place(redis: Redis, rates: None) -> None:
    bucket = SharedBucket(redis, key_of(ACME, "slow"), Rate(per_second=1, burst=1))
    bucket.take(1, 60)
    place = bucket.take(1, 60)

    redis.flushall()
    bucket.take(1, 60)

    assert place.wait > 0.5
    assert bucket.due(place) is None


def test_hold_off_stops_every_worker_and_begins_slowly_afterwards(redis: Redis, rates: None) -> None:
    one, another = throttle(), throttle()

    one.hold_off(0.5)
    started = time.monotonic()
    another()
    first = time.monotonic() - started
    for _ in range(4):
        another()

    assert first >= 0.5
    assert time.monotonic() - started >= 0.5 + 4 / 20


def test_a_hold_moves_those_who_wait_already(redis: Redis, rates: None) -> None:
    bucket = SharedBucket(redis, key_of(ACME, "slow"), Rate(per_second=1, burst=1))
    bucket.take(1, 60)
    place = bucket.take(1, 60)

    bucket.hold(30)
    left = bucket.due(place)

    assert left is not None
    assert 30 < left.wait <= 31


def test_nonsense_asks_for_no_hold_and_a_long_one_is_cut(redis: Redis, rates: None) -> None:
    wait = throttle()

    for seconds in (-5.0, 0.0, float("nan"), float("inf")):
        wait.hold_off(seconds)
    assert redis.keys("*") == []
    wait.hold_off(10**9)

    place = SharedBucket(redis, key_of(ACME, "slow"), Rate(per_second=20, burst=5)).take(1, 0)
    assert 3590 < place.wait <= 3601


def test_a_wait_too_long_for_a_worker_gives_the_run_back_and_takes_nothing(redis: Redis, rates: None) -> None:
    wait = throttle("hourly", patience=2)
    wait()

    for _ in range(3):
        with pytest.raises(Transient, match="acme") as raised:
            wait()

    assert raised.value.retry_after is not None
    assert 900 < raised.value.retry_after <= 1000, "a refused call must not lengthen the line"


def test_a_worker_that_is_asked_to_stop_stops_waiting(redis: Redis, rates: None) -> None:
    class Stopped(Exception):
        pass

    def pulse() -> None:
        raise Stopped

    wait = throttle("hourly", keep_waiting=pulse, patience=10**6, sleep=lambda seconds: None)
    wait()

    with pytest.raises(Stopped):
        wait()


@pytest.mark.parametrize("weight", [5.1, 0, -1, float("nan"), float("inf")])
def test_a_weight_that_can_never_pass_is_a_mistake_in_the_configuration(
    redis: Redis, rates: None, weight: float
) -> None:
    with pytest.raises(ConfigurationError):
        throttle()(weight)

    assert redis.keys("*") == []


def test_a_tenants_bucket_and_hold_are_its_own(redis: Redis, rates: None) -> None:
    throttle("hourly").hold_off(600)
    started = time.monotonic()

    throttle("hourly", OTHER)()
    throttle("slow")()

    assert time.monotonic() - started < 300, "they waited for a hold of 600 seconds that is another's"
    assert {key.decode() for key in redis.keys("*")} == {  # type: ignore[union-attr]
        "ingestion:acme:bucket:hourly",
        "ingestion:other:bucket:hourly",
        "ingestion:acme:bucket:slow",
    }


def test_no_name_of_an_integration_reaches_another_tenants_bucket() -> None:
    names = ["x", "x:other", "../other", "other:bucket:x", "é", "a" * 5000, "a" * 5001, ""]

    keys = [key_of(ACME, name) for name in names]

    assert len(set(keys)) == len(names)
    assert all(key.startswith("ingestion:acme:bucket:") and key.count(":") == 3 and len(key) < 140 for key in keys)


def test_a_bucket_that_nobody_uses_goes_away(redis: Redis, rates: None) -> None:
    throttle()()
    throttle("hourly").hold_off(300)

    assert 0 < redis.ttl("ingestion:acme:bucket:slow") <= 61  # type: ignore[operator]
    assert 300 < redis.ttl("ingestion:acme:bucket:hourly") <= 1400  # type: ignore[operator]


def test_a_server_whose_clock_is_set_back_keeps_nobody_waiting(redis: Redis, rates: None) -> None:
    wait = throttle()
    for _ in range(5):
        wait()
    redis.hincrbyfloat("ingestion:acme:bucket:slow", "at", 3600)  # as if the bucket had been used in an hour

    started = time.monotonic()
    wait()

    assert time.monotonic() - started < 300, "it waited for an hour that never was"


def test_tiers_have_their_rates_and_unknown_ones_the_lowest(rates: None) -> None:
    from ingestion.limits import rate_of

    found = [rate_of("anything", tier).per_second for tier in ("free", "pro", "gold")]

    assert found == [1, 9, 1]
    assert rate_of("slow", "pro").burst == 5
