"""While Redis is away each process keeps a share of the rates by itself."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from redis import Redis

from ingestion.core.errors import HeldOff
from ingestion.limits.buckets import LocalBucket
from ingestion.limits.throttling import LocalBuckets, Throttle
from tests.ingestion.limits.throttled import ACME, throttle
from tests.ingestion.runs import configured

pytestmark = pytest.mark.slow


def test_without_redis_a_share_of_the_rate_is_kept_and_it_is_said_once(
    rates: None, caplog: pytest.LogCaptureFixture
) -> None:
    local_buckets, asked = LocalBuckets(), []

    def connect() -> Any:
        asked.append(1)
        return Redis(unix_socket_path="/nowhere/redis.sock")

    started = time.monotonic()
    with caplog.at_level(logging.WARNING, "ingestion"), configured(RATE_WITHOUT_REDIS=0.5):
        for _ in range(3):
            wait = throttle(connect=connect, local_buckets=local_buckets)
            wait()
            wait()

    assert time.monotonic() - started >= 6 / (20 * 0.5) - 0.01
    assert [record.tenant_id for record in caplog.records] == [ACME.id]  # type: ignore[attr-defined]
    assert len(asked) == 1, "a Redis that is away is not asked with every call"


def test_a_redis_that_hangs_holds_no_call_for_longer_than_its_timeout(rates: None, tmp_path: Any) -> None:
    from ingestion import queueing

    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()

        known = queueing.client().connection_pool.connection_kwargs
        waits = {name: known[name] for name in ("socket_timeout", "retry")}

        def connect() -> Any:
            return Redis(unix_socket_path=str(tmp_path / "mute"), **waits)

        apart = LocalBuckets()
        throttle(connect=connect, local_buckets=apart)()
        mute.setblocking(False)
        calls = list(accepted(mute))

    assert waits["socket_timeout"]
    assert len(calls) == 1, "who was kept waiting once asks no second time"
    assert apart.absence.hangs


def accepted(server: socket.socket) -> Iterator[None]:
    """Each connection that came to a server."""
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            yield


def test_redis_is_used_again_when_it_is_back(redis: Redis, rates: None, caplog: pytest.LogCaptureFixture) -> None:
    local_buckets = LocalBuckets(in_use=True)

    with caplog.at_level(logging.INFO, "ingestion"):
        throttle(local_buckets=local_buckets)()

    assert "answers again" in caplog.text
    assert redis.exists("ingestion:acme:bucket:slow")


def test_threads_of_a_process_share_its_bucket() -> None:
    bucket = LocalBucket(per_second=1000, burst=1, clock=lambda: 0.0)
    waits: list[float] = []

    def take() -> None:
        waits.extend(bucket.take(1, 1e9).wait for _ in range(2000))

    threads = [threading.Thread(target=take) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    assert sorted(waits) == pytest.approx([number / 1000 for number in range(1, 8001)])


def test_a_tenant_of_another_tier_has_another_bucket_in_this_process(rates: None) -> None:
    apart = LocalBuckets()
    apart.absence.note(OSError("away"))

    for tier in ("free", "pro", "free"):
        Throttle(ACME, tier, "other", local_buckets=apart).hold_off(0.01)

    assert sorted(bucket.per_second for bucket in apart.buckets.values()) == pytest.approx([0.1, 0.9])


def test_the_bucket_in_this_process_starts_empty_and_keeps_the_rate() -> None:
    now = [0.0]
    bucket = LocalBucket(per_second=2, burst=4, clock=lambda: now[0])

    first, second = bucket.take(1, 60), bucket.take(1, 60)
    now[0] = 100
    waits = [bucket.take(1, 60).wait for _ in range(6)]

    assert (first.wait, second.wait) == (0.5, 1.0)
    assert waits == [0, 0, 0, 0, 0.5, 1.0]


def test_a_hold_outlives_the_redis_that_was_told_of_it(rates: None, redis: Redis) -> None:
    """Else every worker would go on calling a source that asked to be left alone, once Redis is gone."""
    local_buckets = LocalBuckets()
    throttle(local_buckets=local_buckets).hold_off(3_000)

    away = throttle(
        local_buckets=local_buckets, connect=lambda: Redis(unix_socket_path="/nowhere/redis.sock"), patience=1
    )
    with pytest.raises(HeldOff) as refused:
        away()

    assert (refused.value.retry_after or 0) > 100, "a bucket that was never told lets a call through within a second"
