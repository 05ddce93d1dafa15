"""A run that waits behind others in its queue waits for workers, also while no tick comes."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.ingestion.test_lateness import ahead, beat, connected, reasons, scheduled, serving

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def test_without_a_tick_a_full_queue_is_the_reason_and_an_empty_one_is_not(redis: Redis) -> None:
    connection = connected()
    scheduled(connection)
    ahead(connection)
    beat(1500)

    with serving(redis, "ingestion-free"):
        empty = reasons()
        redis.rpush("rq:queue:ingestion-free", "run-1-0", "run-2-0")
        full = reasons()

    assert "no tick has run since" in empty[0]
    assert "2 runs wait in queue ingestion-free for its workers (1): start more of them" in full[0]
