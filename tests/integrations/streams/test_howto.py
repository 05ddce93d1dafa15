"""What docs/how-to/read-a-redis-stream.md promises of a server that cannot answer, and of what dies while it holds entries."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import redis
from redis import exceptions

from ingestion import ConfigurationError, CredentialError, Transient
from ingestion.models import Run
from ingestion.testing import registered
from integrations.streams import RedisStream
from integrations.streams.redis_stream import translate_errors
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import dead_letters, load, new_tenant, over, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import GROUP, add_items, reading, stream_of, unacknowledged, wanted

SAID = [
    (redis.ConnectionError("refused"), Transient),
    (exceptions.BusyLoadingError("LOADING Redis is loading the dataset in memory"), Transient),
    (redis.ReadOnlyError("READONLY You can't write against a read only replica."), Transient),
    (redis.TimeoutError("Timeout reading from socket"), Transient),
    (redis.ResponseError("MASTERDOWN Link with MASTER is down"), Transient),
    (redis.ResponseError("MISCONF Errors writing to the AOF file"), Transient),
    (redis.ResponseError("NOGROUP No such key"), Transient),
    (redis.AuthenticationError("WRONGPASS"), CredentialError),
    (exceptions.NoPermissionError("NOPERM"), CredentialError),
    (redis.ResponseError("WRONGTYPE Operation against a key"), ConfigurationError),
    (redis.ResponseError("ERR unknown command 'XPENDING'"), ConfigurationError),
]


@pytest.mark.parametrize(("said", "error"), SAID, ids=str)
def test_what_redis_answers_says_who_has_to_act(said: Exception, error: type[Exception]) -> None:
    with pytest.raises(error), translate_errors("orders:acme"):
        raise said


@pytest.mark.django_db(transaction=True)
def test_a_replica_is_waited_for(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 2)
    with stream_redis.client() as client:
        client.replicaof("127.0.0.1", "1")
    try:
        with registered(reading(stream_redis)) as pipeline:
            ingest("connect", "--tenant", tenant.key, "--pipeline", pipeline.name)
            ingest("run", "--tenant", tenant.key, "--pipeline", pipeline.name)
            run = Run.unscoped.latest("pk")
            during = (run.state, run.error_class)
    finally:
        with stream_redis.client() as client:
            client.replicaof("NO", "ONE")

    assert during == ("queued", "Transient")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["deleted", "trimmed"])
@pytest.mark.slow
def test_pending_entries_without_content_are_told_and_never_come_again(stream_redis: KeptRedis, how: str) -> None:
    """github.com/ThreeDotsLabs/watermill-redisstream/pull/38, github.com/redis/redis/issues/6199, 7021, 8924 and 10198:
    consumers met them in every round, for ever, or took them for the end of what was theirs.
    """
    tenant = new_tenant()
    numbers = add_items(stream_redis, tenant, 1, 6)
    with stream_redis.client() as client:
        client.xgroup_create(stream_of(tenant), GROUP, "0")
        client.xreadgroup(GROUP, "dispatcher-dead", {stream_of(tenant): ">"}, count=4)
        if how == "deleted":
            client.xdel(stream_of(tenant), *numbers[:2])
        else:
            client.xtrim(stream_of(tenant), minid=numbers[2], approximate=False)
    time.sleep(0.2)

    with registered(reading(stream_redis, claim_after=0.1)) as pipeline:
        ingest("connect", "--tenant", tenant.key, "--pipeline", pipeline.name)
        codes = [ingest("run", "--tenant", tenant.key, "--pipeline", pipeline.name).code for _ in range(2)]
        listed = asked("list", "dead-letters", "--tenant", tenant.key)

    assert [run.read for run in Run.unscoped.order_by("pk")] == [6, 0], codes
    assert sorted(dead_letter.source_id for dead_letter in dead_letters(tenant)) == numbers[:2]
    assert numbers[0] in str(listed)
    assert rows(tenant) == {key: value for key, value in wanted(6).items() if key > "rec_0002"}
    assert unacknowledged(stream_redis, tenant) == 0


@pytest.mark.django_db
def test_the_commands_that_the_how_to_lists_are_enough(stream_redis: KeptRedis) -> None:
    listed = re.findall(r"\+([a-z]+)", Path("docs/how-to/read-a-redis-stream.md").read_text())
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 3)
    with stream_redis.client() as client:
        client.acl_setuser(
            "reader",
            reset=True,
            enabled=True,
            passwords=["+secret"],
            keys=["*"],
            commands=[f"+{one}" for one in listed],
        )
    url = stream_redis.url.replace("unix://", "unix://reader:secret@")

    run = load(over([], source=RedisStream("orders:{tenant}", url=url, trim=True)), tenant)

    assert (run.state, rows(tenant)) == (Run.State.SUCCEEDED, wanted(3)), run.error_message
