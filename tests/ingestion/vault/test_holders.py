"""Keys are replaced only when every live process can open what comes out of it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import django_rq
import pytest
from django.core.signals import request_started
from django.test import Client
from redis import Redis

from ingestion import actions, queueing
from ingestion.core.errors import ActionRefused, IngestionError
from ingestion.models import Tenant
from ingestion.queueing import RunWorker
from ingestion.vault import key_holders, rotation
from tests.ingestion.chaos.processes import end, in_child, start_child
from tests.ingestion.runs import new_tenant
from tests.ingestion.vault.keeping import OPERATOR, master_key, stored, under

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = master_key(), master_key()
TICK_QUEUE = "ingestion-tick"
ELSEWHERE = dataclasses.replace(queueing.this_process("web"), host="web-2", pid=7)


@pytest.fixture(autouse=True)
def _said_nothing_yet() -> Iterator[None]:
    before = dataclasses.replace(key_holders._last)
    key_holders._last.at = float("-inf")
    yield
    key_holders._last.at, key_holders._last.pid = before.at, before.pid


@pytest.fixture
def tenant() -> Tenant:
    with under(old=OLD):
        return stored(new_tenant()).tenant


def rotated(**options: bool) -> list[rotation.Rotated | IngestionError]:
    with under(new=NEW, old=OLD):
        return [done for _, done in actions.rotate_keys(OPERATOR, **options)]


def having(**keys: str) -> Mapping[str, str]:
    with under(**keys):
        return key_holders.fingerprints()


def test_a_process_without_the_first_key_is_named_with_what_it_has(tenant: Tenant, redis: Redis) -> None:
    queueing.announce(ELSEWHERE, having(old=OLD))

    with pytest.raises(ActionRefused, match=r"'new': web 7 on web-2 \(seen 0 s ago\) has only 'old'"):
        rotated()

    assert rotation.in_use()["old"] == 1
    queueing.announce(ELSEWHERE, having(new=NEW, old=OLD))
    assert rotated() == [rotation.Rotated(credentials=1, dropped=1)]


@pytest.mark.parametrize(
    ("key", "has"),
    [(master_key(), "has another key of the id 'new'"), ("env:NO_SUCH_VARIABLE", "has none that can be used")],
)
def test_a_key_that_is_another_or_cannot_be_used_counts_as_none(
    tenant: Tenant, redis: Redis, key: str, has: str
) -> None:
    queueing.announce(ELSEWHERE, having(new=key))

    with pytest.raises(ActionRefused, match=has):
        rotated()


def test_a_worker_that_has_not_said_anything_counts_as_one_without(tenant: Tenant, redis: Redis) -> None:
    worker = RunWorker([django_rq.get_queue("ingestion-free")], connection=redis)
    worker.register_birth()
    waits = queueing.client().connection_pool.connection_kwargs["socket_timeout"]

    with pytest.raises(ActionRefused, match=rf"worker {os.getpid()} on .* has not said which master keys it has"):
        rotated()

    worker.alive = lambda: queueing.announce(queueing.this_process("worker"), having(new=NEW))
    worker.heartbeat()
    assert len(rotated()) == 1
    assert queueing.client().connection_pool.connection_kwargs["socket_timeout"] == waits == 1.0
    worker.register_death()


def test_without_redis_nobody_knows_and_nothing_is_replaced(tenant: Tenant, no_redis: None) -> None:
    with pytest.raises(ActionRefused, match=r"Redis cannot be reached.*add --anyway"):
        rotated()

    assert rotation.in_use()["old"] == 1
    assert len(rotated(anyway=True)) == 1


def test_a_process_that_died_here_is_forgotten_at_once_and_one_elsewhere_after_an_hour(
    tenant: Tenant, redis: Redis
) -> None:
    dead = start_child(lambda: None)
    end(dead)
    here = dataclasses.replace(queueing.this_process("web"), pid=dead)
    in_a_container = dataclasses.replace(here, namespace="another")
    for process in (here, in_a_container):
        queueing.announce(process, having(old=OLD))

    assert [announcement.process for announcement in queueing.announcements()] == [in_a_container]

    assert queueing.announcements(kept_seconds=-1.0) == []
    assert len(rotated()) == 1


PLANTED: list[tuple[Any, Any]] = [
    (b"{}", b"{}"),
    (b"[]", b"[]"),
    (b"\xff", b"\xff"),
    (json.dumps({**dataclasses.asdict(ELSEWHERE), "pid": 8}), '{"values": {}}'),
    (json.dumps({**dataclasses.asdict(ELSEWHERE), "pid": 9}), '{"values": [], "at": 9e99}'),
    (json.dumps({**dataclasses.asdict(queueing.this_process("web")), "pid": 10**30}), '{"values": {}, "at": 9e99}'),
    (json.dumps({**dataclasses.asdict(queueing.this_process("web")), "pid": "junk"}), '{"values": {}, "at": 9e99}'),
]


def test_what_was_planted_where_processes_speak_is_passed_over(tenant: Tenant, redis: Redis) -> None:
    queueing.announce(ELSEWHERE, having(new=NEW, old=OLD))
    for number, (field, text) in enumerate(PLANTED):
        redis.hset("ingestion:processes", field, text)
        redis.sadd(f"rq:workers:{TICK_QUEUE}", f"rq:worker:{number}")
        redis.hset(f"rq:worker:{number}", mapping={"hostname": b"\xff", "pid": "junk"})

        queueing.announce(ELSEWHERE, having(new=NEW, old=OLD))
        assert [announcement.process for announcement in queueing.announcements()] == [ELSEWHERE], field

    assert {worker.pid for worker in queueing.registered_workers()} == {0}


def test_a_request_says_what_the_web_process_has_at_most_every_thirty_seconds(redis: Redis) -> None:
    with under(old=OLD):
        Client().get("/nowhere")
    with under(new=NEW):
        request_started.send(sender=None)

    (announcement,) = queueing.announcements()
    assert (announcement.process, announcement.values) == (queueing.this_process("web"), having(old=OLD))


def test_a_forked_process_speaks_for_itself(redis: Redis) -> None:
    def announced_too() -> None:
        key_holders.announce("worker")
        pids = {announcement.process.pid for announcement in queueing.announcements()}
        assert pids == {os.getpid(), os.getppid()}

    key_holders.announce("worker")

    assert in_child(announced_too) == 0


@pytest.mark.parametrize("key", [master_key(), "nonsense"])
def test_no_request_fails_for_want_of_redis_or_of_a_key(key: str) -> None:
    with under(old=key):
        key_holders.announce("web")

    assert key_holders._last.pid == os.getpid()
