"""What is gone from a stream before it was read is told: a dead letter where its id is known, else a count."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ingestion.models import Run, Tenant
from integrations.streams.group import ConsumerGroup
from tests.ingestion.runs import counts, dead_letters, item, load, new_tenant, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import GROUP, add, add_items, reading, stream_of, unacknowledged, wanted

pytestmark = pytest.mark.django_db
MISSED = "messages deleted before they were read"


def notes(run: Run) -> str:
    return " ".join(run.events.values_list("text", flat=True))


def group_of(server: KeptRedis, tenant: Tenant) -> Any:
    with server.client() as client:
        return client.xgroup_create(stream_of(tenant), GROUP, "0", mkstream=True)


@pytest.mark.parametrize("how", ["deleted", "trimmed"])
@pytest.mark.parametrize("most", [1, 100])
def test_a_dead_consumer_s_entry_that_is_gone_becomes_a_dead_letter(
    stream_redis: KeptRedis, how: str, most: int
) -> None:
    tenant = new_tenant()
    group_of(stream_redis, tenant)
    numbers = add_items(stream_redis, tenant, 1, 5)
    with stream_redis.client() as client:
        client.xreadgroup(GROUP, "somebody-dead", {stream_of(tenant): ">"}, count=4)
        if how == "deleted":
            client.xdel(stream_of(tenant), *numbers[:2])
        else:
            client.xtrim(stream_of(tenant), minid=numbers[2], approximate=False)
    time.sleep(0.2)

    run = load(reading(stream_redis, claim_after=0.1, page_size=most), tenant)

    assert counts(run) == (5, 3, 0, 2)
    assert sorted(dead_letter.source_id for dead_letter in dead_letters(tenant)) == numbers[:2]
    assert {dead_letter.errors[0]["message"] for dead_letter in dead_letters(tenant)} == {
        "The entry was deleted from the stream before it was read."
    }
    assert unacknowledged(stream_redis, tenant) == 0


def test_entries_trimmed_before_the_group_read_them_are_counted_once(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    numbers = add_items(stream_redis, tenant, 4, 10)
    with stream_redis.client() as client:
        client.xtrim(stream_of(tenant), minid=numbers[5], approximate=False)

    run, again = load(reading(stream_redis), tenant), load(reading(stream_redis), tenant)

    assert (run.ok, run.left_out) == (2, {MISSED: 5})
    assert f"5 {MISSED}" in notes(run)
    assert again.left_out == {}


def test_what_still_waits_at_a_run_s_limit_is_not_passed_over_with_what_is_missing(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    group_of(stream_redis, tenant)
    numbers = add_items(stream_redis, tenant, 1, 5)
    with stream_redis.client() as client:
        client.xreadgroup(GROUP, "somebody-dead", {stream_of(tenant): ">"}, count=3)
        client.xtrim(stream_of(tenant), minid=numbers[4], approximate=False)
    time.sleep(0.2)

    run = load(reading(stream_redis, claim_after=0.1, limit=3), tenant)
    load(reading(stream_redis), tenant)

    assert (run.read, run.left_out) == (3, {MISSED: 1})
    assert rows(tenant) == {"rec_0005": "5.00"}


def test_an_entry_deleted_after_it_was_given_out_is_not_told_of_as_unread(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    group_of(stream_redis, tenant)
    (number,) = add_items(stream_redis, tenant, 1, 1)
    with stream_redis.client() as client:
        client.xreadgroup(GROUP, "ours", {stream_of(tenant): ">"}, count=1)
    with stream_redis.client() as client:
        group = ConsumerGroup(client, stream_of(tenant), GROUP, "ours", "data", claim_after_ms=0)
        given_out = group.take(1)
        client.xdel(stream_of(tenant), number)

        assert [one.receipt for one in given_out] == [number]
        assert group.take(1) == []


@pytest.mark.slow
def test_a_stream_trimmed_to_nothing_is_told_once(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    add_items(stream_redis, tenant, 4, 6)
    with stream_redis.client() as client:
        client.xtrim(stream_of(tenant), maxlen=0, approximate=False)

    run, again = load(reading(stream_redis), tenant), load(reading(stream_redis), tenant)
    add_items(stream_redis, tenant, 7, 7)
    later = load(reading(stream_redis), tenant)

    assert (run.state, run.left_out) == (Run.State.SUCCEEDED, {MISSED: 3})
    assert (again.left_out, later.left_out, later.ok) == ({}, {}, 1)


@pytest.mark.slow
def test_entries_deleted_one_by_one_are_told_though_nobody_knows_how_many(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    numbers = add_items(stream_redis, tenant, 4, 6)
    with stream_redis.client() as client:
        client.xdel(stream_of(tenant), numbers[1])

    run, again = load(reading(stream_redis), tenant), load(reading(stream_redis), tenant)

    assert (run.ok, run.left_out) == (2, {MISSED: 1})
    assert "An unknown number" in notes(run)
    assert again.left_out == {}


def test_a_group_made_anew_reads_all_that_is_left_and_says_what_is_not(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 9)
    load(reading(stream_redis), tenant)
    with stream_redis.client() as client:
        client.xgroup_destroy(stream_of(tenant), GROUP)
        client.xtrim(stream_of(tenant), minid=numbers[4], approximate=False)

    run = load(reading(stream_redis), tenant)

    assert (run.read, run.skipped, run.left_out) == (5, 5, {MISSED: 4})


@pytest.mark.slow
def test_what_was_read_and_then_trimmed_is_not_missing(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 400)
    first = load(reading(stream_redis, trim=True), tenant)
    with stream_redis.client() as client:
        client.xtrim(stream_of(tenant), maxlen=0, approximate=False)
    add_items(stream_redis, tenant, 401, 402)

    second = load(reading(stream_redis), tenant)

    assert (first.left_out, second.left_out) == ({}, {})
    assert rows(tenant) == wanted(402)


def test_a_stream_that_was_deleted_begins_anew(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    with stream_redis.client() as client:
        client.delete(stream_of(tenant))
        client.xadd(stream_of(tenant), {"data": "{}"}, id="1-1")  # its ids begin anew as well
    add(stream_redis, tenant, item(4))

    run = load(reading(stream_redis), tenant)

    assert (run.ok, run.dead, run.left_out) == (1, 1, {})
