"""Reading a Redis Stream: in order, in pages, acknowledged after the commit; every fault has a name."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ingestion import Context, Page
from ingestion.models import Run
from ingestion.running.dry_run import dry_run
from ingestion.testing import make_tenant, registered
from integrations.streams import RedisStream
from tests.ingestion.runs import carry, counts, dead_letters, finish, item, load, new_tenant, over, queued, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.contexts import context
from tests.integrations.streams.entries import (
    GROUP,
    add,
    add_items,
    failure,
    reading,
    stream_of,
    unacknowledged,
    unread,
    wanted,
)

pytestmark = pytest.mark.django_db


def test_entries_are_loaded_in_pages_and_acknowledged(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 25)

    run = load(reading(stream_redis, page_size=10), tenant)

    assert (run.state, counts(run), run.batches) == (Run.State.SUCCEEDED, (25, 25, 0, 0), 3)
    assert rows(tenant) == wanted(25)
    assert unacknowledged(stream_redis, tenant) == 0


def test_the_next_run_reads_only_what_came_since(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    add_items(stream_redis, tenant, 4, 5)

    second, third = load(reading(stream_redis), tenant), load(reading(stream_redis), tenant)

    assert (second.ok, third.read) == (2, 0)


def test_a_missing_stream_and_group_are_made_and_nothing_older_is_lost(stream_redis: KeptRedis) -> None:
    empty, early = new_tenant(), new_tenant()
    add_items(stream_redis, early, 1, 2)

    nothing, both = load(reading(stream_redis), empty), load(reading(stream_redis), early)

    assert (nothing.state, nothing.read) == (Run.State.SUCCEEDED, 0)
    assert both.ok == 2


def test_the_newest_version_in_the_stream_wins(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add(stream_redis, tenant, item(1, amount="1.00"), item(1, amount="2.00"), item(1, amount="3.00"))

    run = load(reading(stream_redis, page_size=2), tenant)

    assert rows(tenant) == {"rec_0001": "3.00"}
    assert run.read == 3


@pytest.mark.slow
def test_a_run_ends_at_its_limit_and_the_next_one_goes_on(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 12)
    pipeline = reading(stream_redis, page_size=4, limit=5)

    read = [load(pipeline, tenant).read for _ in range(4)]

    assert read == [5, 5, 2, 0]
    assert rows(tenant) == wanted(12)


def test_bad_entries_become_dead_letters_and_are_acknowledged(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    with stream_redis.client() as client:
        client.xadd(stream_of(tenant), {"data": b"{"})
        client.xadd(stream_of(tenant), {"other": b"\xff", "more": "text"})
        client.xadd(stream_of(tenant), {"data": json.dumps({"amount": "1.00"})})
    add(stream_redis, tenant, item(1, amount="much"), item(2))

    run = load(reading(stream_redis), tenant)

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (5, 1, 0, 4))
    assert sorted(bytes(one.payload)[:9] for one in dead_letters(tenant)) == sorted(
        [b"{", b'{"other":', b'{"amount"', b'{"id": "r']
    )
    assert unacknowledged(stream_redis, tenant) == 0


def test_all_fields_of_an_entry_make_an_object_of_texts(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    with stream_redis.client() as client:
        client.xadd(stream_of(tenant), {"id": "rec_0001", "amount": "1.00"})
        client.xadd(stream_of(tenant), {"id": "rec_0002", "amount": b"\xff"})

    run = load(reading(stream_redis, field=""), tenant)

    assert counts(run) == (2, 1, 0, 1)
    assert rows(tenant) == wanted(1)
    assert json.loads(bytes(dead_letters(tenant)[0].payload)) == {"id": "rec_0002", "amount": "base64:/w=="}


def test_entries_without_an_id_of_their_own_are_known_by_the_streams(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 2)
    source = RedisStream("orders:{tenant}", url=stream_redis.url, key="")

    (page,) = source.extract(context(tenant.ref, dry_run=True), None)

    assert [one.key for one in page.records] == numbers


@pytest.mark.slow
def test_what_a_dead_consumer_of_another_name_held_is_taken_over(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), GROUP, "0", mkstream=True)
        add_items(stream_redis, tenant, 1, 30)
        client.xreadgroup(GROUP, "somebody-dead", {stream_of(tenant): ">"}, count=20)
        time.sleep(0.2)

    patient = load(reading(stream_redis, claim_after=600), tenant)
    eager = load(reading(stream_redis, claim_after=0.1, page_size=7), tenant)

    assert (patient.ok, eager.ok) == (10, 20)
    assert rows(tenant) == wanted(30)
    assert unacknowledged(stream_redis, tenant) == 0


def test_entries_of_an_answer_that_was_lost_are_found_in_the_same_run(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    lost = iter([True])

    class Losing(RedisStream):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                if next(lost, False):  # as a zombie of ours, or a reply that died on its way, would
                    add_items(stream_redis, tenant, 4, 6)
                    with stream_redis.client() as client:
                        client.xreadgroup(GROUP, f"{tenant.key}:{ctx.pipeline}", {stream_of(tenant): ">"}, count=2)
                yield page

    run = load(over([], source=Losing("orders:{tenant}", url=stream_redis.url)), tenant)

    assert run.ok == 6
    assert unacknowledged(stream_redis, tenant) == 0


def test_an_entry_deleted_under_its_reader_is_told_and_not_passed_over(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 3)
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), GROUP, "0")
        client.xreadgroup(GROUP, f"{tenant.key}:app.oracle", {stream_of(tenant): ">"}, count=2)
        client.xdel(stream_of(tenant), numbers[0])

    run = load(reading(stream_redis), tenant)

    assert counts(run) == (3, 2, 0, 1)
    assert numbers[0] in bytes(dead_letters(tenant)[0].payload).decode()
    assert "deleted" in dead_letters(tenant)[0].errors[0]["message"]
    assert unacknowledged(stream_redis, tenant) == 0


@pytest.mark.slow
def test_trimming_keeps_what_another_group_has_not_acknowledged(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 400)
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), "others", "0")
        client.xreadgroup("others", "slow", {stream_of(tenant): ">"}, count=250)
        client.xack(stream_of(tenant), "others", *numbers[:200])

        run = load(reading(stream_redis, trim=True), tenant)
        kept = [number.decode() for number, _ in client.xrange(stream_of(tenant))]  # type: ignore[union-attr]

    assert run.ok == 400
    assert set(numbers[200:]) <= set(kept)
    assert len(kept) < 400


def test_trimming_never_happens_in_a_run_that_fails_or_a_dry_run(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 300)
    pipeline = reading(stream_redis, trim=True, page_size=100)

    dry_run(tenant, pipeline)
    with registered(pipeline):
        run = queued(pipeline, tenant)
        Run.unscoped.filter(pk=run.pk).update(cancel_requested=True)
        carry(run)

    with stream_redis.client() as client:
        assert client.xlen(stream_of(tenant)) == 300


def test_a_dry_run_shows_what_waits_and_changes_nothing_in_redis(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    load(reading(stream_redis), tenant)
    add_items(stream_redis, tenant, 4, 5)

    report = dry_run(tenant, reading(stream_redis))
    fresh = dry_run(make_tenant("nobody-yet"), reading(stream_redis))

    assert (report.failure, report.read, report.inserts) == ("", 2, 2)
    assert (fresh.failure, fresh.read) == ("", 0)
    assert unread(stream_redis, tenant) == 2
    with stream_redis.client() as client:
        assert not client.exists("orders:nobody-yet")


def test_a_preview_and_a_test_take_nothing_away(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    source = RedisStream("orders:{tenant}", url=stream_redis.url)
    before = source.test(context(tenant.ref))
    add_items(stream_redis, tenant, 1, 2)

    page = source.preview(context(tenant.ref))

    assert "nothing waits" in before
    assert "messages wait" in source.test(context(tenant.ref))
    assert [one.key for one in page.records] == ["rec_0001", "rec_0002"]
    assert load(reading(stream_redis), tenant).ok == 2


@pytest.mark.slow
def test_redis_being_down_is_transient_and_the_run_goes_on_later(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 2)
    stream_redis.kill()
    with registered(reading(stream_redis)) as pipeline:
        run = carry(queued(pipeline, tenant))
        queued_again = (run.state, run.error_class)
        stream_redis.start()
        finish(run)

    assert queued_again == ("queued", "Transient")
    assert stream_redis.url not in run.error_message
    assert (run.state, run.ok) == ("succeeded", 2)


def test_a_group_deleted_while_it_is_read_is_made_again(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 5)

    class Deleting(RedisStream):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                yield page
                if checkpoint is None:
                    with stream_redis.client() as client:
                        client.xgroup_destroy(stream_of(tenant), GROUP)

    with registered(over([], source=Deleting("orders:{tenant}", url=stream_redis.url, page_size=2))) as pipeline:
        run = carry(queued(pipeline, tenant))
        first = failure(run)
        finish(run)

    assert first == ("queued", "Transient")
    assert run.state == "succeeded"
    assert rows(tenant) == wanted(5)


@pytest.mark.slow
def test_pages_are_bounded_in_bytes(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add(stream_redis, tenant, *(item(number, text="x" * 1_000_000) for number in range(1, 31)))
    pages: list[Page] = []

    class Watching(RedisStream):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                pages.append(page)
                yield page

    load(over([], source=Watching("orders:{tenant}", url=stream_redis.url)), tenant)

    assert [len(one.records) for one in pages] == [8, 8, 8, 6]
