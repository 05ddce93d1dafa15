"""Older messages that arrive after newer ones: with `version` the newest stays, without it the last to arrive."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from ingestion import Context, Pipeline, Upsert, actions
from ingestion.models import Tenant
from ingestion.testing import registered
from integrations.push import Pushed
from integrations.streams import RedisStream
from tests.app.models import Payment
from tests.ingestion.runs import OPERATOR, finish, load, new_tenant, over
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import add

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Sale(BaseModel):
    id: str
    amount: Decimal
    updated_at: datetime


def to_payment(sale: Sale, ctx: Context) -> dict[str, Any]:
    changed = {"amount": sale.amount, "updated_at": sale.updated_at}
    return {"external_id": sale.id, "currency": "EUR", "status": "paid", **changed}


def sales(source: Any, version: str) -> Pipeline:
    destination = Upsert(Payment, key=["external_id"], version=version)
    return dataclasses.replace(over([]), source=source, schema=Sale, transform=to_payment, destination=destination)


def sale(amount: str, minutes: int) -> dict[str, str]:
    return {"id": "s1", "amount": amount, "updated_at": (NOON + timedelta(minutes=minutes)).isoformat()}


def stored(tenant: Tenant) -> str:
    return str(Payment.objects.for_tenant(tenant).get().amount)


@pytest.mark.parametrize(("version", "stays"), [("updated_at", "3.00"), ("", "2.00")])
def test_an_older_entry_of_a_later_run(stream_redis: KeptRedis, version: str, stays: str) -> None:
    tenant = new_tenant()
    pipeline = sales(RedisStream("orders:{tenant}", url=stream_redis.url), version)
    add(stream_redis, tenant, sale("1.00", 1), sale("3.00", 3))
    load(pipeline, tenant)
    add(stream_redis, tenant, sale("2.00", 2))

    run = load(pipeline, tenant)

    assert stored(tenant) == stays
    assert run.skip_reasons == ({"stale": 1} if version else {})


@pytest.mark.parametrize(("version", "stays"), [("updated_at", "3.00"), ("", "2.00")])
@pytest.mark.parametrize("page_size", [1, 10])
def test_an_older_entry_of_the_same_run(stream_redis: KeptRedis, version: str, stays: str, page_size: int) -> None:
    tenant = new_tenant()
    pipeline = sales(RedisStream("orders:{tenant}", url=stream_redis.url, page_size=page_size), version)
    add(stream_redis, tenant, sale("1.00", 1), sale("3.00", 3), sale("2.00", 2))

    run = load(pipeline, tenant)

    assert stored(tenant) == stays
    assert run.read == run.ok + run.skipped


def test_a_bad_older_version_beside_a_good_newer_one_leaves_no_letter(stream_redis: KeptRedis) -> None:
    tenant = new_tenant()
    pipeline = sales(RedisStream("orders:{tenant}", url=stream_redis.url), "updated_at")
    add(stream_redis, tenant, sale("much", 1), sale("3.00", 3), sale("more", 2))

    run = load(pipeline, tenant)

    assert stored(tenant) == "3.00"
    assert (run.ok, run.dead, run.skip_reasons) == (1, 1, {"superseded": 1})


@pytest.mark.parametrize(("version", "stays"), [("updated_at", "3.00"), ("", "2.00")])
def test_an_older_push(version: str, stays: str) -> None:
    tenant = new_tenant()
    with registered(sales(Pushed(), version)) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        for number, one in enumerate([sale("1.00", 1), sale("3.00", 3), sale("2.00", 2)]):
            actions.deliver(connection, f"msg_{number}", json.dumps(one).encode(), wake=False)
            finish(connection.runs.get(state="queued"))

    assert stored(tenant) == stays


@pytest.mark.parametrize(("version", "stays"), [("updated_at", "3.00"), ("", "2.00")])
def test_one_id_twice_in_one_pushed_body(version: str, stays: str) -> None:
    tenant = new_tenant()
    with registered(sales(Pushed(), version)) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        body = [sale("1.00", 1), sale("3.00", 3), sale("2.00", 2)]
        actions.deliver(connection, "msg", json.dumps(body).encode(), wake=False)
        run = finish(connection.runs.get(state="queued"))

    assert stored(tenant) == stays
    assert (run.ok, run.skip_reasons) == (1, {"superseded": 2})
