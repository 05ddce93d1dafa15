"""The endpoint as a sender, a forger and an outage see it."""

from __future__ import annotations

import io
import json
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from ingestion.core.context import Secret
from ingestion.core.errors import SecretStoreUnavailable
from ingestion.models import Connection, Delivery, Run
from ingestion.testing import make_tenant, registered
from ingestion.vault.stores import Address
from ingestion.webhooks import receiver, sign, standard_webhooks
from ingestion.webhooks.receiver import View
from integrations.push import Pushed
from tests.ingestion.received import connected, delivered_to
from tests.ingestion.runs import carry, item, over, rows
from tests.integrations.push.urls import SECRETS, urlpatterns

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integrations.push.urls"),
]


@pytest.fixture
def mine() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def address(to: Connection) -> str:
    return f"/push/{to.tenant.key}/{to.public_id}/"


def push(to: Connection | str, body: bytes, *, tenant: str = "acme", **changes: Any) -> HttpResponse:
    """POST `body`, signed as `tenant` signs; `changes` are headers in the place of the right ones."""
    now, message_id = int(time.time()), changes.pop("id", "msg_1")
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(SECRETS[tenant], message_id, now, body),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    path = to if isinstance(to, str) else address(to)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(path, body, content_type="application/json", headers=headers)


def answer(response: HttpResponse) -> tuple[int, bytes, dict[str, str]]:
    return response.status_code, response.content, dict(response.headers)


def test_pushed_records_are_stored_answered_and_loaded(mine: Connection) -> None:
    response = push(mine, json.dumps([item(1), item(2)]).encode())
    stored = Delivery.unscoped.get()
    run = carry(Run.unscoped.get())

    assert (response.status_code, json.loads(response.content)) == (202, {"stored": True})
    assert (stored.delivery_id, stored.content_type, stored.tenant) == ("msg_1", "application/json", mine.tenant)
    assert (run.kind, run.ok) == ("webhook", 2)
    assert rows(mine.tenant) == {"rec_0001": "1.00", "rec_0002": "2.00"}


def test_a_delivery_that_comes_again_is_answered_with_200_and_stored_once(mine: Connection) -> None:
    answers = [push(mine, b"{}").status_code for _ in range(3)]

    assert answers == [202, 200, 200]
    assert Delivery.unscoped.count() == 1


def test_nobody_finds_out_which_endpoints_exist(mine: Connection) -> None:
    make_tenant("globex")
    without_secret = connected(over([], source=Pushed()), make_tenant("initech"))
    with registered(delivered_to(name="app.letterbox")) as other:
        of_another_kind = connected(other, mine.tenant)
        right = push(mine, b"{}").status_code
        refused = [
            push(mine, b"[]", tenant="globex"),
            push(mine, b"{}", webhook_signature="v1,bogus"),
            push(mine, b"{}", webhook_timestamp="1614265330"),
            push(f"/push/acme/{uuid.uuid4()}/", b"{}"),
            *(push(f"/push/{key}/{mine.public_id}/", b"{}") for key in ("nobody", "ACME")),  # MariaDB: ACME is acme
            push(f"/push/globex/{mine.public_id}/", b"{}", tenant="globex"),
            push(f"/push/acme/{without_secret.public_id}/", b"{}"),
            push(without_secret, b"{}"),
            push(of_another_kind, b"{}"),
        ]

    assert right == 202
    assert [answer(one) for one in refused] == [answer(refused[0])] * len(refused)
    assert refused[0].status_code == 401
    assert Delivery.unscoped.count() == 1


def test_a_tenants_secret_opens_no_other_tenants_endpoint(mine: Connection) -> None:
    theirs = connected(over([], source=Pushed()), make_tenant("globex"))

    answers = [
        push(theirs, b"{}", tenant="acme").status_code,
        push(f"/push/acme/{theirs.public_id}/", b"{}", tenant="acme").status_code,
        push(theirs, b"{}", tenant="globex").status_code,
    ]

    assert answers == [401, 401, 202]
    assert [one.tenant.key for one in Delivery.unscoped.select_related("tenant")] == ["globex"]


def test_why_a_delivery_was_refused_is_in_our_log_without_the_signature(
    mine: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ingestion"):
        push(mine, b"{}", webhook_timestamp="1614265330")

    (line,) = [one for one in caplog.records if getattr(one, "event", "") == "delivery_refused"]
    assert "s old" in line.getMessage()
    assert (line.tenant_id, line.connection_id) == (mine.tenant_id, mine.pk)  # type: ignore[attr-defined]
    assert "v1," not in caplog.text


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_only_post_is_answered(mine: Connection, method: str) -> None:
    assert getattr(Client(), method)(address(mine)).status_code == 405


def test_a_body_above_the_limit_is_refused_unread(mine: Connection) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "never all of it"
            Endless.taken += size
            return b"x" * size

    def asked(length: str) -> int:
        request = RequestFactory().post("/", b"", content_type="application/json")
        request.META["CONTENT_LENGTH"] = length
        request._stream = Endless()
        view = urlpatterns[0].callback
        return view(request, "acme", mine.public_id).status_code  # type: ignore[no-any-return]

    assert asked(str(1024 * 1024 + 1)) == 413
    assert Endless.taken == 0
    assert asked("10") == 400  # more than it says: read one byte beyond the limit at most
    assert Endless.taken == 1024 * 1024 + 1


@pytest.mark.parametrize(("header", "value", "status"), [
    ("CONTENT_LENGTH", "", 411), ("CONTENT_LENGTH", "many", 411), ("CONTENT_LENGTH", "-1", 411), ("CONTENT_LENGTH", "9" * 30, 411),
    ("CONTENT_LENGTH", "5", 400), ("HTTP_CONTENT_ENCODING", "gzip", 415),
])  # fmt: skip
def test_a_body_without_length_cut_short_or_compressed_is_refused(
    mine: Connection, header: str, value: str, status: int
) -> None:
    request = RequestFactory().post("/", b"{}", content_type="application/json")
    request.META[header] = value

    response = urlpatterns[0].callback(request, "acme", mine.public_id)

    assert response.status_code == status
    assert not Delivery.unscoped.exists()


def test_one_megabyte_is_taken(mine: Connection) -> None:
    body = b'{"id": "rec_0001", "amount": "1.00", "text": "' + b"x" * (1024 * 1024 - 48) + b'"}'

    assert len(body) <= 1024 * 1024
    assert push(mine, body).status_code == 202


def test_while_the_database_is_away_the_sender_is_told_to_try_again(mine: Connection) -> None:
    def away(execute: Any, sql: str, *rest: Any) -> Any:
        raise OperationalError(2002, "Can't connect")

    with connection.execute_wrapper(away):
        response = push(mine, b"{}")
    again = push(mine, b"{}")

    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert again.status_code == 202


def test_a_database_that_fails_while_storing_leaves_nothing_half_stored(mine: Connection) -> None:
    def at_the_run(execute: Any, sql: str, *rest: Any) -> Any:
        if "INSERT" in sql and "ingestion_run" in sql:
            raise OperationalError(2013, "Lost connection")
        return execute(sql, *rest)

    with connection.execute_wrapper(at_the_run):
        response = push(mine, b"{}")

    assert response.status_code == 503
    assert not Delivery.unscoped.exists()


class AwayStore:
    """A remote store of secrets during an outage."""

    remote = True

    def read(self, at: Address) -> Secret | None:
        raise SecretStoreUnavailable("The store of secrets does not answer.")

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        raise SecretStoreUnavailable("The store of secrets does not answer.")

    def delete(self, at: Address) -> None:
        raise SecretStoreUnavailable("The store of secrets does not answer.")


def asked_of(to: str, view: View, timestamp: int | None = None) -> tuple[int, bytes, dict[str, str]]:
    sent = {"webhook-id": "msg_1", "webhook-timestamp": str(timestamp or int(time.time())), "webhook-signature": "v1,"}
    request = RequestFactory().post(to, b"{}", content_type="application/json", headers=sent)
    _, _, tenant, public_id, _ = to.split("/")
    return answer(view(request, tenant, uuid.UUID(public_id)))


@pytest.mark.parametrize("store", ["AwayStore", "NoSuchStore"])
def test_a_broken_store_of_secrets_does_not_tell_which_endpoints_exist(
    mine: Connection, settings: Settings, store: str
) -> None:
    Connection.unscoped.filter(pk=mine.pk).update(config={"integration": "push"})
    settings.INGESTION = {**settings.INGESTION, "SECRET_STORE": f"{__name__}.{store}"}
    view = receiver(standard_webhooks)

    there, nowhere = asked_of(address(mine), view), asked_of(f"/push/acme/{uuid.uuid4()}/", view)

    assert there == nowhere
    assert there[0] == 503


def test_nobodys_secrets_are_fetched_for_what_no_secret_makes_right(mine: Connection) -> None:
    fetched: list[Connection] = []
    view = receiver(standard_webhooks, secrets=lambda pipeline, connection: fetched.append(connection) or ["x"])

    assert asked_of(address(mine), view, timestamp=1_000_000_000)[0] == 401
    assert fetched == []


def one_minute(connection: Connection) -> float:
    return 60.0 if connection.tenant.key == "acme" else 0.0


def test_a_sender_over_its_limit_is_told_how_long_to_wait(mine: Connection, settings: Settings) -> None:
    theirs = connected(over([], source=Pushed()), make_tenant("globex"))
    settings.INGESTION = {**settings.INGESTION, "DELIVERY_LIMIT": f"{__name__}.one_minute"}

    limited, free = push(mine, b"{}"), push(theirs, b"{}", tenant="globex")
    forged = push(mine, b"{}", webhook_signature="v1,bogus")

    assert (limited.status_code, limited["Retry-After"], free.status_code) == (429, "60", 202)
    assert forged.status_code == 401
    assert Delivery.unscoped.count() == 1


@pytest.mark.parametrize("limit", [{"MAX_PENDING_DELIVERIES": 2}, {"MAX_PENDING_BYTES": 4}], ids=["count", "bytes"])
def test_a_connection_for_which_too_much_waits_takes_no_more(
    mine: Connection, settings: Settings, limit: dict[str, int]
) -> None:
    theirs = connected(over([], source=Pushed()), make_tenant("globex"))
    settings.INGESTION = {**settings.INGESTION, **limit}

    taken = [push(mine, b"{}", id=f"msg_{number}") for number in range(3)]
    other = push(theirs, b"{}", tenant="globex")
    carry(Run.unscoped.filter(connection=mine).get())
    again = push(mine, b"{}", id="msg_2")

    assert [one.status_code for one in taken] == [202, 202, 429]
    assert (taken[2]["Retry-After"], other.status_code, again.status_code) == ("300", 202, 202)
    assert Delivery.unscoped.filter(connection=mine).count() == 3


def test_a_paused_connections_pushes_are_kept(mine: Connection) -> None:
    Connection.unscoped.filter(pk=mine.pk).update(paused_at="2026-01-01T00:00:00Z")

    assert push(mine, b"{}").status_code == 202
    assert Delivery.unscoped.get().state == "pending"


def test_signed_nonsense_is_stored_and_becomes_a_dead_letter(mine: Connection) -> None:
    status = push(mine, b"\xff\xfe not JSON").status_code
    run = carry(Run.unscoped.get())

    assert status == 202
    assert (run.state, run.dead) == (Run.State.PARTIAL, 1)
