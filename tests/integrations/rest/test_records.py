"""The pipeline that staff add connections to, over the engine: rows, proof, dead letters, resumption, isolation."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ingestion import ConfigurationError, Pipeline, TenantScopeError, actions, running
from ingestion.core import registry
from ingestion.models import AuditEntry, Connection, Run, Tenant
from ingestion.running import Hooks
from ingestion.testing import make_tenant, registered
from integrations.rest.models import RestRecord
from integrations.rest.source import Configured
from tests.ingestion.runs import OPERATOR, dead_letters, events, expire, finish
from tests.integrations.rest.worlds import World, reply

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]

DECLARED: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "path": "/things",
    "records": "$.data[*]",
    "updated": "updated_at",
    "total": "$.count",
    "pagination": {"style": "cursor", "next": "$.next"},
}


class Things:
    """A source by cursor whose rows the test changes."""

    def __init__(self, *rows: Any, page: int = 10) -> None:
        self.rows, self.page = list(rows), page

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("cursor", 0))
        part = self.rows[at : at + self.page]
        after = at + self.page if at + self.page < len(self.rows) else None
        parts = ", ".join(row if isinstance(row, str) else json.dumps(row) for row in part)
        return reply(f'{{"data": [{parts}], "next": {json.dumps(after)}, "count": {len(self.rows)}}}'.encode())


def thing(number: int, **values: Any) -> dict[str, Any]:
    return {"id": number, "name": f"thing {number}", **values}


def over(world: World) -> Pipeline:
    return dataclasses.replace(registry.get("rest.records"), source=Configured(world.connect))


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme")


def connected(tenant: Tenant, name: str = "shop", **changes: Any) -> Connection:
    connection = actions.connect(OPERATOR, tenant, "rest.records", name)
    actions.configure(OPERATOR, connection, {"rest": {**DECLARED, **changes}})
    connection.refresh_from_db()
    return connection


def run(connection: Connection, answer: Any, hooks: Hooks | None = None) -> Run:
    with registered(over(World(answer))):
        made = actions.run_now(OPERATOR, connection, wake=False)
        running.execute(made.pk, hooks or Hooks(sleep=lambda seconds: None))
    made.refresh_from_db()
    return made


def rows(tenant: Tenant) -> dict[tuple[str, str], Any]:
    found = RestRecord.objects.for_tenant(tenant).order_by("pk")
    return {(row.source, row.external_id): row.body for row in found}


@pytest.mark.slow
def test_records_are_loaded_and_a_second_run_changes_nothing(acme: Tenant) -> None:
    connection, source = connected(acme), Things(*map(thing, range(1, 24)))

    first, second = run(connection, source), run(connection, source)

    assert (first.state, first.read, first.ok) == ("succeeded", 23, 23)
    assert (second.state, second.ok, second.skipped) == ("succeeded", 0, 23)
    assert first.tally == {"count": ["23", "23"]}
    assert rows(acme)["shop", "7"] == thing(7)


def test_an_older_version_never_overwrites_a_newer_one(acme: Tenant) -> None:
    connection = connected(acme)
    run(connection, Things(thing(1, updated_at="2026-02-01T10:00:00.000002Z", name="new")))

    old = run(connection, Things(thing(1, updated_at="2026-02-01T11:00:00.000001+01:00", name="old")))
    assert (old.skipped, rows(acme)["shop", "1"]["name"]) == (1, "new")

    run(connection, Things(thing(1, updated_at="2026-02-01T10:00:01Z", name="newer")))
    row = RestRecord.objects.for_tenant(acme).get()
    assert row.body["name"] == "newer"
    assert row.updated_at == datetime(2026, 2, 1, 10, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("7", "8"),
        ("1477112777.0", "1477112777.5"),
        ("1477112777999", "1477112778000"),
        ('"1355517523.000005"', '"1355517523.000008"'),
        ('"2026-01-01"', '"2026-01-01T00:00:01Z"'),
        ("null", "1"),
    ],
)
def test_versions_may_be_numbers_or_times(acme: Tenant, older: str, newer: str) -> None:
    connection = connected(acme)

    run(connection, Things(f'{{"id": 1, "v": "b", "updated_at": {newer}}}'))
    run(connection, Things(f'{{"id": 1, "v": "a", "updated_at": {older}}}'))

    assert rows(acme)["shop", "1"]["v"] == "b"  # a record without a version is older than any that has one


def test_numbers_keep_every_digit(acme: Tenant) -> None:
    body = '{"id": 12345678901234567890, "price": 0.1000, "big": 123456789012345678901234567890, "small": 1E-30}'

    run(connected(acme), Things(body))

    assert [dead_letter.errors for dead_letter in dead_letters(acme)] == []
    kept = rows(acme)["shop", "12345678901234567890"]
    assert kept["price"] == Decimal("0.1")
    assert kept["big"] == 123456789012345678901234567890
    assert kept["small"] == Decimal("1E-30")


BAD: dict[str, str] = {
    "no id": '{"name": "x"}',
    "an id of null": '{"id": null}',
    "an id of an object": '{"id": {"a": 1}}',
    "no object": '"text"',
    "a time that is none": '{"id": 9, "updated_at": "yesterday"}',
    "a time that is a list": '{"id": 9, "updated_at": [1]}',
    "half a surrogate": '{"id": 9, "name": "\\ud800"}',
    "too long an id": json.dumps({"id": "x" * 500}),
    "an id that ends in a space": '{"id": "x "}',
    "a version beyond any column": '{"id": 9, "updated_at": 1e39}',
    "a number beyond any exponent": '{"id": 9, "price": 1e9999999999999999999}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_becomes_a_dead_letter_and_the_others_load(acme: Tenant, name: str) -> None:
    done = run(connected(acme), Things(thing(1), BAD[name], thing(2)))

    assert (done.state, done.ok, done.dead) == ("partial", 2, 1), done.error_message
    assert len(dead_letters(acme)) == 1


def test_records_without_ids_are_known_by_their_content(acme: Tenant) -> None:
    connection = connected(acme, key="", updated="")

    run(connection, Things({"a": 1}, {"a": 2}))
    run(connection, Things({"a": 2}, {"a": 3}))

    assert sorted(body["a"] for body in rows(acme).values()) == [1, 2, 3]


@pytest.mark.slow
def test_connections_of_one_tenant_and_of_two_never_meet(acme: Tenant) -> None:
    other = make_tenant("other")
    places = [connected(acme, "shop"), connected(acme, "store"), connected(other, "shop")]
    for number, connection in enumerate(places):
        run(connection, Things(thing(1, name=f"of {number}")))

    assert {key: body["name"] for key, body in rows(acme).items()} == {("shop", "1"): "of 0", ("store", "1"): "of 1"}
    assert {key: body["name"] for key, body in rows(other).items()} == {("shop", "1"): "of 2"}
    again = run(places[0], Things(thing(1, name="of 0")))
    assert again.skipped == 1


def test_the_table_refuses_a_query_without_a_tenant(acme: Tenant) -> None:
    with pytest.raises(TenantScopeError):
        RestRecord.objects.count()


def test_a_source_that_stops_short_of_its_total_fails_the_run(acme: Tenant) -> None:
    def short(request: httpx.Request) -> httpx.Response:
        return reply({"data": [thing(1)], "next": None, "count": 5})

    done = run(connected(acme), short)

    assert (done.state, done.error_class) == ("failed", "ReconciliationError")
    assert done.watermark_after is None


@pytest.mark.slow
def test_a_worker_that_dies_in_the_middle_loses_and_doubles_nothing(acme: Tenant) -> None:
    class Died(BaseException):
        pass

    deaths: Iterator[int] = iter(range(1, 100))

    def die(point: str) -> None:
        if point == "committed" and next(deaths) in (1, 2, 4):
            raise Died

    connection, source = connected(acme), Things(*map(thing, range(1, 46)))
    with registered(over(World(source))):
        made = actions.run_now(OPERATOR, connection, wake=False)
        for _ in range(3):
            expire(made)
            with pytest.raises(Died):
                running.execute(made.pk, Hooks(at=die))
        done = finish(made)

    assert (done.state, done.read, done.ok) == ("succeeded", 45, 45)
    assert len(rows(acme)) == 45
    assert done.tally == {"count": ["45", "45"]}


def test_a_page_that_is_cut_off_is_tried_again_and_no_dead_letter(acme: Tenant) -> None:
    connection, source = connected(acme), Things(*map(thing, range(1, 24)))
    cuts = iter([False, True, False, False, False])

    def cut(request: httpx.Request) -> httpx.Response:
        answer = source(request)
        return reply(b'{"data": [{"id": 1}, {"na') if next(cuts) else answer

    with registered(over(World(cut))):
        made = actions.run_now(OPERATOR, connection, wake=False)
        running.execute(made.pk)
        made.refresh_from_db()
        assert (made.state, made.batches) == ("queued", 1)
        done = finish(made)

    assert (done.state, done.ok) == ("succeeded", 23)
    assert dead_letters(acme) == []


def test_notes_of_the_source_are_in_the_timeline(acme: Tenant) -> None:
    done = run(connected(acme), Things(thing(1), "null", thing(2)))

    assert (done.state, done.read) == ("succeeded", 2)
    assert "note" in events(done)


SECRETS: list[dict[str, Any]] = [
    {"headers": {"Authorization": "Bearer abcdef0123456789"}},
    {"headers": {"X-Api-Key": "abc"}},
    {"params": {"api_key": "abc"}},
    {"params": {"access_token": "abc"}},
    {"body": {"auth": {"password": "abc"}}, "method": "POST"},
    {"path": "/x", "params": {"q": "sk_live_abcdefgh12345678"}},
    {"base_url": "https://user:word@api.example.com"},
    {"auth": {"kind": "bearer", "token": "abc"}},
    {"auth": {"kind": "basic", "username": "ann", "password": "abc"}},
    {"auth": {"kind": "client_credentials", "token_url": "https://x.example/?client_secret=abc"}},
    {"password": "abc"},
    {"token": "abc"},
]


@pytest.mark.parametrize("wrong", SECRETS, ids=str)
def test_a_secret_in_a_declaration_is_refused_by_every_way_and_shown_by_none(
    acme: Tenant, wrong: dict[str, Any]
) -> None:
    connection = actions.connect(OPERATOR, acme, "rest.records", "shop")
    config = {"rest": {**DECLARED, **wrong}}

    with pytest.raises(ConfigurationError, match=r"secret|without user") as refused:
        actions.configure(OPERATOR, connection, config)
    with pytest.raises(ConfigurationError):
        actions.run_now(OPERATOR, connection, config=config, wake=False)
    with pytest.raises(ConfigurationError):
        actions.preview(OPERATOR, connection, config)

    assert "abc" not in str(refused.value)
    assert "word@" not in str(refused.value)
    connection.refresh_from_db()
    assert connection.config == {}
    assert not AuditEntry.objects.for_tenant(acme).filter(action__in=["configure", "preview", "run"]).exists()


@pytest.mark.parametrize(
    "other", [{"api_key": "abc"}, {"note": "Bearer abcdef0123456789"}, {"deep": {"password": "abc"}}]
)
def test_a_secret_beside_the_declaration_is_refused_too(acme: Tenant, other: dict[str, Any]) -> None:
    connection = connected(acme)

    with pytest.raises(ConfigurationError, match="looks like a secret"):
        actions.configure(OPERATOR, connection, {"rest": DECLARED, **other})

    connection.refresh_from_db()
    assert connection.config == {"rest": DECLARED}
