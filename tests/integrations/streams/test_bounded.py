"""What a hostile or careless producer puts into a stream: no answer takes more memory or time than its budget."""

from __future__ import annotations

import itertools
import json
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from ingestion.models import Run
from integrations.streams.bounded import CUT, BoundedParser
from tests.ingestion.runs import counts, dead_letters, item, load, new_tenant, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import GROUP, add, add_items, reading, stream_of, unacknowledged

KB = 1024


class Wire:
    """A socket that gives out what the other side sends."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts: Iterator[bytes] = iter(parts)

    def recv(self, size: int) -> bytes:
        return next(self._parts, b"")


def parser(parts: Iterable[bytes], budget: int = 64 * KB, **hooks: Any) -> BoundedParser:
    made = BoundedParser(4096, budget=budget, **hooks)
    made.on_connect(SimpleNamespace(_sock=Wire(parts), socket_timeout=None))
    return made


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


@pytest.mark.parametrize("size", [1, 3, 4096])
def test_answers_are_read_however_they_are_parted(size: int) -> None:
    sent = b"*4\r\n:-7\r\n$-1\r\n*1\r\n" + bulk(b"a\r\nb") + b"*0\r\n+OK\r\n-ERR no\r\n"
    answers = parser(sent[at : at + size] for at in range(0, len(sent), size))

    read = [answers.read_response() for _ in range(3)]

    assert read[:2] == [[-7, None, [b"a\r\nb"], []], b"OK"]
    assert isinstance(read[2], redis.ResponseError)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        itertools.chain([b"*2\r\n:1\r\n$64000000\r\n"], itertools.repeat(b"x" * 64000, 1000), [b"\r\n+next\r\n"]),
        itertools.chain([b"*40001\r\n:1\r\n"], itertools.repeat(b"*1\r\n$1\r\nx\r\n" * 1000, 40), [b"+next\r\n"]),
    ],
    ids=["one value", "very many values"],
)
def test_what_is_beyond_the_budget_is_passed_over(sent: Iterable[bytes]) -> None:
    answers = parser(sent)
    tracemalloc.start()
    try:
        first = answers.read_response()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 512 * KB
    assert first[0] == 1
    assert first[-1] is CUT or first[-1][-1] is CUT
    assert answers.read_response() == b"next"


@pytest.mark.parametrize(
    "sent", [b"HTTP/1.1 400 Bad\r\n", b"$999999999999999999999\r\n", b"*1\r\n" * 20, b"+" * 100_000]
)
def test_what_is_no_answer_of_redis_is_refused(sent: bytes) -> None:
    with pytest.raises(redis.InvalidResponse):
        parser([sent]).read_response()


def test_an_answer_that_trickles_in_is_given_up() -> None:
    answers = parser(itertools.repeat(b"x"), seconds=60, clock=itertools.count(step=5).__next__)

    with pytest.raises(redis.TimeoutError):
        answers.read_response()


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("size", [20 * KB, 500 * KB], ids=["a long name", "a name beyond the budget"])
def test_entries_of_a_dead_consumer_of_a_long_name_are_all_taken_over(stream_redis: KeptRedis, size: int) -> None:
    tenant, dead = new_tenant(), "x" * size
    add_items(stream_redis, tenant, 1, 60)
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), GROUP, "0")
        client.xreadgroup(GROUP, dead, {stream_of(tenant): ">"}, count=58)
    time.sleep(0.02)

    run = load(reading(stream_redis, largest=100 * KB, claim_after=0.01, trim=True), tenant)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (60, 60, 0, 0)), run.error_message
    assert unacknowledged(stream_redis, tenant) == 0


@pytest.mark.django_db
def test_to_trim_looks_at_what_a_consumer_of_a_long_name_holds(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 3)
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), "others", "0")
        client.xreadgroup("others", "x" * 500 * KB, {stream_of(tenant): ">"}, count=3)

        run = load(reading(stream_redis, largest=100 * KB, trim=True), tenant)

        assert (run.state, run.ok) == (Run.State.SUCCEEDED, 3), run.error_message
        assert [number.decode() for number, _ in client.xrange(stream_of(tenant))] == numbers  # type: ignore[union-attr]


@pytest.mark.django_db
@pytest.mark.slow
def test_entries_beyond_the_budget_become_dead_letters_and_the_others_load(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    (wide,) = add(stream_redis, tenant, item(90, note="x" * 300 * KB))
    with stream_redis.client() as client:
        many = client.xadd(stream_of(tenant), {f"f{number}": "x" for number in range(3000)}).decode()  # type: ignore[union-attr]
    add_items(stream_redis, tenant, 4, 5)
    add(stream_redis, tenant, *(item(number, note="x" * 50 * KB) for number in range(6, 10)))

    run = load(reading(stream_redis, largest=100 * KB), tenant)

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (11, 9, 0, 2))
    assert sorted(rows(tenant)) == [f"rec_{number:04}" for number in range(1, 10)]
    assert {one.source_id: (one.error_class, json.loads(bytes(one.payload))) for one in dead_letters(tenant)} == {
        wide: ("PayloadTooLarge", {"entry": wide}),
        many: ("PayloadTooLarge", {"entry": many}),
    }
    assert unacknowledged(stream_redis, tenant) == 0
