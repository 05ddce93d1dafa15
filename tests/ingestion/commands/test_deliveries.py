"""`ingest deliver`, `list deliveries` and `show delivery`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import actions
from ingestion.models import AuditEntry, Connection
from ingestion.testing import make_tenant, registered
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.received import connected, delivered_to, push
from tests.ingestion.runs import item, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Iterator[Connection]:
    with registered(delivered_to()) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def test_a_file_is_delivered_once_and_taken_in(connection: Connection, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text('[{"id": "rec_0001", "amount": "1.00"}]')
    words = ("deliver", file, "--tenant", "acme", "--pipeline", "app.oracle", "--id", "evt_1")

    (run,) = asked(*words)["runs"]
    again = ingest(*words)

    assert (run["kind"], run["state"], run["ok"]) == ("webhook", "succeeded", 1)
    assert "It was stored before." in again.out
    assert rows(connection.tenant) == {"rec_0001": "1.00"}
    assert AuditEntry.unscoped.filter(action="deliver").count() == 2


def test_deliveries_are_listed_by_tenant_and_state_without_their_bodies(connection: Connection) -> None:
    push(connection, "evt_1", item(1))
    push(connected(delivered_to(), make_tenant("globex")), "evt_2", item(2))

    listed = asked("list", "deliveries", "--tenant", "acme", "--state", "pending")["deliveries"]

    assert [(one["delivery_id"], one["tenant"], one["state"]) for one in listed] == [("evt_1", "acme", "pending")]
    assert "body" not in listed[0]
    assert asked("list", "deliveries", "--state", "done")["deliveries"] == []


def test_a_deliverys_body_is_shown_only_when_asked_for(connection: Connection) -> None:
    push(connection, "evt_1", item(1))
    (row,) = asked("list", "deliveries")["deliveries"]

    plain, whole = asked("show", "delivery", row["id"]), asked("show", "delivery", row["id"], "--body")

    assert "body" not in plain["delivery"]
    assert "rec_0001" in whole["delivery"]["body"]


def test_another_tenants_delivery_is_not_found(connection: Connection) -> None:
    push(connection, "evt_1", item(1))
    make_tenant("globex")
    (row,) = asked("list", "deliveries")["deliveries"]

    assert ingest("show", "delivery", row["id"], "--tenant", "globex").code == 2


def test_what_waits_says_why(connection: Connection) -> None:
    push(connection, "evt_1", item(1))
    actions.pause(actions.Actor(), connection, "repairs")

    (listed,) = asked("list", "deliveries")["deliveries"]
    shown = ingest("show", "delivery", listed["id"]).out

    assert listed["waits_because"].startswith("paused since")
    assert "repairs" in shown
    assert "repairs" in ingest("list", "deliveries").out
