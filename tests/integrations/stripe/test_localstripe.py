"""Against a server that nobody here wrote, in a process of its own, with Stripe's own library on both sides."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from ingestion import Context, Secret, actions
from ingestion.models import Connection, Run
from ingestion.testing import make_tenant, registered
from integrations.stripe.client import open_api
from integrations.stripe.feed import SETTLE
from tests.corpora import CORPORA
from tests.ingestion.runs import OPERATOR, finish
from tests.integrations.stripe.following import READY

SERVER = CORPORA / "stripe" / "localstripe" / "start_sync.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERVER.exists(), reason="the corpora are not here"),
    pytest.mark.django_db(transaction=True),
]
CUSTOMERS, INVOICES = 130, 12
PATIENCE = 200
"""Seconds after which a test fails that would else hang."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("localstripe")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, str(SERVER), "--port", str(port)], cwd=folder, stdout=log, stderr=log, env=_bare()
        )
        try:
            _await(port, server, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _bare() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")}


def _await(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"localstripe does not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def api(address: str) -> Any:
    return stripe.StripeClient("sk_test_12345", base_addresses={"api": address}, max_network_retries=0).v1


@pytest.fixture(scope="module")
def customers(api: Any, address: str) -> list[str]:
    made = [api.customers.create({"email": f"{n}@example.com", "name": f"Customer {n}"}).id for n in range(CUSTOMERS)]
    _tell(
        address,
        "backdate",
        [{"type": "customer", "id": one, "created": 1_700_000_000 + n // 3} for n, one in enumerate(made)],
    )
    return made


def _tell(address: str, what: str, body: Any) -> None:
    request = urllib.request.Request(
        f"{address}/_config/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=PATIENCE).close()


@contextlib.contextmanager
def following(address: str, kind: str) -> Iterator[Connection]:
    """A connection of a ready pipeline to the server."""

    def open_here(ctx: Context) -> Any:
        known = dataclasses.replace(
            ctx, credential=lambda: Secret({"api_key": "sk_test_12345"}), private_networks=("127.0.0.0/8",)
        )
        return open_api(known, origin=address, plain_http=True, sleep=lambda seconds: None)

    ready = READY[kind]
    source = dataclasses.replace(ready.source, open=open_here)  # type: ignore[type-var]
    with registered(dataclasses.replace(ready, source=source)):
        yield actions.connect(OPERATOR, make_tenant(f"local-{kind}"), ready.name)


def run(connection: Connection) -> Run:
    done = finish(actions.run_now(OPERATOR, connection, wake=False))
    assert done.state == Run.State.SUCCEEDED, done.error_message
    return done


def rows(connection: Connection) -> dict[str, Any]:
    model = READY[connection.pipeline.removeprefix("stripe.")].destination.model  # type: ignore[attr-defined]
    return {row.external_id: row for row in model.objects.for_tenant(connection.tenant)}


def test_customers_are_listed_then_followed_and_their_deletion_is_recorded(
    address: str, api: Any, customers: list[str]
) -> None:
    with following(address, "customers") as connection:
        first = run(connection)
        loaded = set(rows(connection))
        changed, gone = customers[5], customers[77]
        time.sleep(1.1)  # of events within one second nobody knows the order, so that the object would be asked for
        api.customers.update(changed, {"name": "Renamed"})
        api.customers.delete(gone)
        new = api.customers.create({"name": "New"}).id
        time.sleep(SETTLE + 1)  # it answers for deleted objects as Stripe does not: let their events settle
        run(connection)

        assert first.ok == CUSTOMERS
        assert loaded == set(customers)
        assert {new, changed, gone} <= set(rows(connection))
        assert rows(connection)[changed].name == "Renamed"
        assert [key for key, row in rows(connection).items() if row.deleted_at] == [gone]
        assert rows(connection)[gone].name == "Customer 77"


def test_faults_on_the_way_lose_nothing(address: str, customers: list[str]) -> None:
    for status, count in ((429, 2), (503, 2), (0, 1)):
        _tell(
            address,
            "faults",
            {"status": status, "count": count, "retry_after": 0, "match": "/v1/customers", "after": 1},
        )

    with following(address, "customers") as connection:
        run(connection)

        assert set(rows(connection)) >= {one for one in customers if one != customers[77]}


def subscribed(api: Any) -> tuple[Any, Any]:
    """A customer with a card, and its subscription."""
    customer = api.customers.create({"email": "a@example.com"})
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    method = api.payment_methods.create({"type": "card", "card": card})
    api.payment_methods.attach(method.id, {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    plan = api.plans.create({"amount": 2599, "currency": "usd", "interval": "month", "product": {"name": "pro"}})
    return customer, api.subscriptions.create({"customer": customer.id, "items": [{"plan": plan.id}]})


def test_invoices_of_a_real_subscription_are_loaded_to_the_cent(address: str, api: Any) -> None:
    customer, subscription = subscribed(api)
    for number in range(INVOICES):
        api.invoice_items.create({"customer": customer.id, "amount": 100 + number, "currency": "usd"})
        api.invoices.create({"customer": customer.id, "subscription": subscription.id})
    theirs = {one.id: one.to_dict() for one in api.invoices.list({"limit": 100}).auto_paging_iter()}

    with following(address, "invoices") as connection, following(address, "invoice_lines") as of_lines:
        time.sleep(1.1)  # the window ends before the second in which the run is made
        run(connection)

        ours = rows(connection)
        assert set(ours) == set(theirs)
        assert len(ours) == INVOICES + 1
        assert {key: int(row.total * 100) for key, row in ours.items()} == {
            key: one["total"] for key, one in theirs.items()
        }
        assert {row.subscription for row in ours.values()} == {subscription.id}
        run(of_lines)
        assert {key: row.amount * 100 for key, row in rows(of_lines).items()} == {
            line.id: line.amount for one in theirs for line in api.invoices.line_items.list(one, {"limit": 100}).data
        }


def test_an_invoice_of_thirteen_lines_is_loaded_whole(address: str, api: Any) -> None:
    customer, subscription = subscribed(api)
    for number in range(13):
        api.invoice_items.create({"customer": customer.id, "amount": 100 + number, "currency": "usd"})
    invoice = api.invoices.create({"customer": customer.id, "subscription": subscription.id})
    nested = api.invoices.retrieve(invoice.id).lines

    with following(address, "invoice_lines") as connection:
        time.sleep(1.1)
        run(connection)
        of_it = [row for row in rows(connection).values() if row.invoice == invoice.id]

    assert (len(nested.data), nested.has_more) == (10, True)
    assert sorted(int(row.amount * 100) for row in of_it) == [*range(100, 113), 2599]
