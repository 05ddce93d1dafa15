"""The fakes that are shipped for users' tests."""

import dataclasses
import socket
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import storages

from ingestion import Context, TenantRef, Transient, actions, artifacts
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import ActionRefused
from ingestion.models import Artifact, Run
from ingestion.testing import (
    Answer,
    Records,
    Request,
    context,
    execute,
    make_tenant,
    own_storage,
    registered,
    run_pipeline,
    serving,
)
from integrations.rest import Rest
from tests.app.models import Payment
from tests.app.pipelines import Paid, payments

CTX = Context(TenantRef(1, "acme"), "app.payments", 1, now=None)  # type: ignore[arg-type]


def charge(number: int, **values: object) -> dict[str, object]:
    return {"id": f"pay_{number}", "amount": "1.00", **values}


def test_records_continue_after_their_checkpoint() -> None:
    source = Records([charge(1), charge(2), charge(3)], page_size=2)

    first, second = source.extract(CTX, None)

    assert [record.key for record in first.records] == ["pay_1", "pay_2"]
    assert [page.checkpoint for page in source.extract(CTX, first.checkpoint)] == [second.checkpoint] == [3]


def test_registered_puts_the_known_pipeline_back() -> None:
    other = dataclasses.replace(payments, version="2")

    with registered(other):
        assert registry.get("app.payments") is other

    assert registry.get("app.payments") is payments


@pytest.mark.django_db
def test_run_pipeline_loads_the_records_it_is_given() -> None:
    run = run_pipeline(payments, records=[charge(1), charge(2, status="pending"), charge(3, amount="much")])

    assert (run.state, run.read, run.ok, run.skipped, run.dead) == (Run.State.PARTIAL, 3, 1, 1, 1)
    assert [row.external_id for row in Payment.objects.for_tenant(run.tenant)] == ["pay_1"]


@pytest.mark.django_db
def test_a_transient_error_leaves_the_run_queued_for_its_next_attempt() -> None:
    failing = dataclasses.replace(payments, source=Records([charge(1)], error=Transient("503")))

    run = run_pipeline(failing, make_tenant("globex"))

    assert (run.state, run.attempts, run.ok) == (Run.State.QUEUED, 1, 1)


@pytest.mark.django_db
def test_run_pipeline_leaves_nothing_in_the_project_s_storage() -> None:
    before = stored_files()
    run = run_pipeline(payments, records=[charge(1)])

    assert Artifact.objects.for_tenant(run.tenant).exists()
    assert stored_files() == before


@pytest.mark.django_db
def test_within_a_storage_of_its_own_a_test_can_read_what_a_run_kept() -> None:
    with own_storage() as storage:
        run = run_pipeline(payments, records=[charge(1)])
        (artifact,) = Artifact.objects.for_tenant(run.tenant)

        assert storage.exists(artifact.path)
        assert b'"pay_1"' in artifacts.read(artifact)
    assert storages[config().STORAGE] is not storage


def stored_files() -> list[Path]:
    return sorted(Path(storages[config().STORAGE].path("")).rglob("*"))


def test_a_context_says_what_it_is_given_and_asks_nobody() -> None:
    ctx = context("globex", now=datetime(2026, 1, 1, tzinfo=UTC), config={"shop": "a"})

    assert (ctx.tenant.key, ctx.now.year, ctx.config, ctx.window) == ("globex", 2026, {"shop": "a"}, None)
    assert payments(Paid(id="pay_1", amount=Decimal(1)), ctx).external_id == "pay_1"


@pytest.mark.django_db
def test_a_source_calls_a_server_of_the_test() -> None:
    def page(request: Request) -> object:
        if request.query.get("cursor") == "2":
            return {"items": [charge(2)], "next": ""}
        return {"items": [charge(1)], "next": "2"}

    with serving({"/charges": page}) as server:
        source = Rest(
            base_url=server.url, path="/charges", records="$.items", key="id",
            pagination={"style": "cursor", "next": "$.next", "param": "cursor"},
        )  # fmt: skip
        run = run_pipeline(dataclasses.replace(payments, source=source))

    assert (run.state, run.ok) == (Run.State.SUCCEEDED, 2)
    assert [request.query for request in server.requests] == [{}, {"cursor": "2"}]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/nowhere", 404, b'{"error": "Nothing is at /nowhere."}'), ("/broken", 503, b"{"), ("/list", 200, b"[1]")],
)
def test_a_server_of_the_test_answers_what_it_is_told(path: str, status: int, body: bytes) -> None:
    paths = {"/broken": Answer(b"{", 503, {"Retry-After": "1"}), "/list": [1]}
    with serving(paths) as server, socket.create_connection(("127.0.0.1", urlsplit(server.url).port)) as connection:
        connection.sendall(f"POST {path}?a=1 HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi".encode())
        answer = connection.makefile("rb").read()

    assert answer.startswith(f"HTTP/1.0 {status} ".encode())
    assert answer.endswith(b"\r\n\r\n" + body)
    assert server.requests == [Request("POST", path, {"a": "1"}, {"content-length": "2"}, b"hi")]


@pytest.mark.django_db
def test_a_run_is_made_at_the_moment_that_it_is_given() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    source = Records([charge(1, at="2026-01-01T11:00:00Z"), charge(2, at="2026-01-01T13:00:00Z")], time="at")

    run = run_pipeline(dataclasses.replace(payments, source=source), now=noon)

    assert (run.created_at, run.window_end, run.ok) == (noon, noon, 1)


@pytest.mark.django_db
def test_execute_makes_the_next_attempt_at_once() -> None:
    failing = dataclasses.replace(payments, source=Records([charge(1)], error=Transient("503")))
    run = run_pipeline(failing)

    with own_storage():
        again = execute(run)

    assert (again.state, again.ok) == (Run.State.SUCCEEDED, 2)


@pytest.mark.django_db
def test_execute_says_why_a_run_cannot_be_begun() -> None:
    ended = run_pipeline(payments, records=[charge(1)])
    waiting = actions.run_now(actions.Actor(), ended.connection, wake=False)
    actions.pause(actions.Actor(), ended.connection, "bank holiday")

    with pytest.raises(ActionRefused, match="was not executed: it is succeeded"):
        execute(ended)
    with pytest.raises(ActionRefused, match=r"was not executed: paused since .*: bank holiday"):
        execute(waiting)
