"""Redis takes a field's name twice in one entry: no value is chosen in silence, and a replay chooses none either."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion.models import Tenant
from tests.ingestion.runs import counts, dead_letters, item, load, new_tenant, replayed, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import add, reading, stream_of, unacknowledged, wanted

pytestmark = pytest.mark.django_db


def add_pairs(server: KeptRedis, tenant: Tenant, *pairs: str | bytes) -> None:
    with server.client() as client:
        client.execute_command("XADD", stream_of(tenant), "*", *pairs)


def payload(tenant: Tenant) -> Any:
    (dead_letter,) = dead_letters(tenant)
    return json.loads(bytes(dead_letter.payload))


def test_a_field_that_is_read_and_stands_twice_costs_its_entry_alone(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    first, second = json.dumps(item(2)), json.dumps(item(3))
    add(stream_redis, tenant, item(1))
    add_pairs(stream_redis, tenant, "data", first, "data", second)

    run = load(reading(stream_redis), tenant)

    assert (counts(run), rows(tenant)) == ((2, 1, 0, 1), wanted(1))
    assert payload(tenant)["fields"] == [["data", first], ["data", second]]
    assert "field 'data' more than once" in dead_letters(tenant)[0].errors[0]["message"]
    assert unacknowledged(stream_redis, tenant) == 0


def test_a_field_that_is_not_read_may_stand_twice(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_pairs(stream_redis, tenant, "trace", "a", "data", json.dumps(item(1)), "trace", "b")

    run = load(reading(stream_redis), tenant)

    assert (counts(run), rows(tenant)) == ((1, 1, 0, 0), wanted(1))


@pytest.mark.parametrize("again", [b"2.00", b"1.00", b"\xff"])
def test_of_two_values_of_a_field_none_is_chosen_by_a_replay_either(stream_redis: KeptRedis, again: bytes) -> None:
    tenant = new_tenant()
    add_pairs(stream_redis, tenant, "id", "rec_0001", "amount", "1.00", "amount", again)
    pipeline = reading(stream_redis, field="")

    run = load(pipeline, tenant)
    replay = replayed(tenant, pipeline)

    assert (counts(run), counts(replay), rows(tenant)) == ((1, 0, 0, 1), (1, 0, 0, 1), {})


def test_an_entry_without_its_field_keeps_both_values_of_another(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    add_pairs(stream_redis, tenant, "other", "a", "other", "b")

    load(reading(stream_redis), tenant)

    assert payload(tenant)["fields"] == [["other", "a"], ["other", "b"]]
    assert "no field 'data'" in dead_letters(tenant)[0].errors[0]["message"]
