"""Faults of a source as the engine answers them: no fault of the network becomes a dead letter or moves a watermark."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ingestion import Context, Json, Page, Record
from ingestion.models import Event, Run
from ingestion.testing import registered
from integrations.http import Circuits, Client
from tests.ingestion.runs import (
    carry,
    configured,
    counts,
    dead_letters,
    due,
    load,
    new_tenant,
    over,
    queued,
    rows,
    watermarks,
)
from tests.integrations.http.callers import HASTY
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Exchange, Server, serving

pytestmark = [pytest.mark.django_db(transaction=True)]

SECRET = "sk_live_canary_of_a_run"


@dataclass(frozen=True)
class Orders:
    """Pages of a list of orders, by number, until an empty one."""

    origin: str
    path: str = "/orders/"

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        page = int(checkpoint or 0)
        with Client(
            ctx,
            self.origin,
            secret_headers={"Authorization": f"Bearer {SECRET}"},
            secret_params={"key": SECRET},
            limits=dataclasses.replace(HASTY, deadline=1.0),
            breaker=Circuits(after=1000),
        ) as client:
            while orders := client.get(f"{self.path}{page}").json():
                page += 1
                yield Page([Record(order["id"], json.dumps(order).encode()) for order in orders], page)


def orders(on: Exchange) -> None:
    number = int(on.request.path.split("?")[0].rsplit("/", 1)[1])
    found = [{"id": f"o{number}{one}", "amount": "1.00"} for one in range(3)] if number < 2 else []
    on.answer(200, json.dumps(found).encode())


def failing_half_way(on: Exchange) -> None:
    if on.request.path.startswith("/half-way/1") and on.number < 6:
        on.answer(503, b"", "Retry-After: 0")
    else:
        orders(on)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving({**FAULTS, "orders": orders, "half-way": failing_half_way}) as running:
        yield running


def pipeline(source: Any) -> Any:
    return over([], source=source)


@pytest.mark.slow
def test_a_source_over_http_is_loaded(server: Server) -> None:
    tenant = new_tenant()

    with configured(PRIVATE_NETWORKS=["127.0.0.0/8"]):
        run = load(pipeline(Orders(server.url)), tenant)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (6, 6, 0, 0))
    assert len(rows(tenant)) == 6
    assert server.requests[-1].headers["x-request-id"] == f"{tenant.key}:{run.pk}:3"


@pytest.mark.slow
def test_a_run_goes_on_from_its_checkpoint_after_the_source_failed(server: Server) -> None:
    with (
        configured(PRIVATE_NETWORKS=["127.0.0.0/8"]),
        registered(pipeline(Orders(server.url, "/half-way/"))) as over_http,
    ):
        run = carry(queued(over_http))
        assert (run.state, run.attempts, counts(run)) == (Run.State.QUEUED, 1, (3, 3, 0, 0))

        due(run)
        carry(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (6, 6, 0, 0))
    assert len(server.seen("/half-way/0")) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        ("429-huge", Run.State.QUEUED, "HeldOff"),
        ("503", Run.State.QUEUED, "Transient"),
        ("reset-in-body", Run.State.QUEUED, "Transient"),
        ("slow-drip", Run.State.QUEUED, "Transient"),
        ("401", Run.State.FAILED, "CredentialError"),
        ("404", Run.State.FAILED, "SourceChanged"),
        ("web-page", Run.State.FAILED, "SourceChanged"),
        ("gzip-bomb", Run.State.FAILED, "SourceChanged"),
        ("moved-host", Run.State.FAILED, "SourceChanged"),
    ],
)
def test_a_fault_of_the_source_is_nobody_s_dead_letter(
    server: Server, fault: str, state: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with configured(PRIVATE_NETWORKS=["127.0.0.0/8"]):
        run = load(pipeline(Orders(server.url, f"/{fault}/run")))

    told = [
        run.error_message,
        run.traceback,
        *Event.objects.for_tenant(run.tenant_id).values_list("text", flat=True),
        *(logging.Formatter().format(record) + repr(vars(record)) for record in caplog.records),
    ]
    assert (run.state, run.error_class or error) == (state, error)
    assert dead_letters(run.tenant) == []
    assert watermarks(run.connection) == []
    assert [text for text in told if SECRET in text] == []


def test_a_long_wait_that_the_source_asked_for_is_the_run_s(server: Server) -> None:
    with configured(PRIVATE_NETWORKS=["127.0.0.0/8"], BACKOFF_SECONDS=1):
        run = load(pipeline(Orders(server.url, "/429-huge/wait")))

    assert run.not_before is not None
    assert (run.not_before - run.created_at).total_seconds() > 3000


def test_a_source_inside_is_not_called_unless_its_network_is_listed(server: Server) -> None:
    before = server.connections

    run = load(pipeline(Orders(server.url)))

    assert (run.state, run.error_class) == (Run.State.FAILED, "PrivateAddress")
    assert "PRIVATE_NETWORKS" in run.error_message
    assert server.connections == before
