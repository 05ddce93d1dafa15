"""The demonstration's live source: a made-up shop, read over HTTP by the engine as any REST API."""

import os
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from config import demo_data, demo_shop
from config.programs import HOST
from ingestion import actions, running
from ingestion.models import Connection, Run, Tenant
from integrations.rest.models import RestRecord
from tests.ingestion.runs import configured, counts

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Iterator[Connection]:
    """The demo's own, while its shop is open, in this process."""
    demo_data.load()
    server = ThreadingHTTPServer((HOST, 0), demo_shop.Shop)
    thread = threading.Thread(target=server.serve_forever)
    with demo_shop.opened(HOST, server.server_port) as program:
        os.environ.update(program.environment)
        thread.start()
        yield Connection.objects.for_tenant(Tenant.objects.get(key=demo_shop.TENANT)).get(name=demo_shop.NAME)
        server.shutdown()
        thread.join()
        server.server_close()
        del os.environ[demo_shop.TOKEN]


def read(connection: Connection) -> Run:
    with configured(PRIVATE_NETWORKS=[demo_shop.NETWORK]):
        run = actions.run_now(actions.Actor(), connection, wake=False)
        running.execute(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.slow
def test_orders_come_in_once_and_changed_ones_again(connection: Connection) -> None:
    first, second = read(connection), read(connection)

    assert (first.state, first.read, first.ok) == (Run.State.SUCCEEDED, demo_shop.SHOWN, demo_shop.SHOWN)
    assert counts(second)[0] == demo_shop.SHOWN
    assert second.skipped > demo_shop.SHOWN - 10, "a minute may have passed: one order is new, two have changed"
    assert RestRecord.objects.for_tenant(connection.tenant).filter(body__currency="GBP").count() >= demo_shop.SHOWN


@pytest.mark.slow
def test_its_schedule_ends_with_it(connection: Connection) -> None:
    before = dict(os.environ)
    assert connection.next_due is not None

    with demo_shop.opened(HOST, 1):
        pass

    connection.refresh_from_db()
    assert connection.next_due is None
    assert dict(os.environ) == before


def test_pages_keep_to_the_list_that_they_began_with() -> None:
    first = demo_shop.page("", 1_800_000_000)
    second = demo_shop.page(first["next"], 1_800_000_000 + 10 * demo_shop.EVERY)
    third = demo_shop.page(second["next"], 1_800_000_000 + 20 * demo_shop.EVERY)

    ids = [one["id"] for one in (*first["data"], *second["data"], *third["data"])]
    assert (len(ids), len(set(ids)), third["next"]) == (demo_shop.SHOWN, demo_shop.SHOWN, None)
