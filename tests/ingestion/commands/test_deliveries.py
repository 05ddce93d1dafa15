"""`ingest deliver`, `list deliveries` and `show delivery`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import actions
from ingestion.models import AuditEntry, Connection, Delivery, Run
from ingestion.running import claims
from ingestion.scheduling import unclaimed_deliveries
from ingestion.testing import make_tenant, registered
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.received import connected, delivered_to, push, webhook_runs
from tests.ingestion.runs import item, over, rows

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


def test_a_source_that_takes_no_deliveries_is_told_before_anything_is_stored(tmp_path: Path) -> None:
    with registered(over([])) as pipeline:
        connection = connected(pipeline, make_tenant("acme"))
        file = tmp_path / "event.json"
        file.write_text("{}")

        answer = ingest("deliver", file, "--tenant", "acme", "--pipeline", pipeline.name)

    assert (answer.code, "takes no deliveries, so this one was not kept" in answer.error) == (1, True)
    assert not Delivery.objects.for_tenant(connection.tenant).exists()
    assert not connection.runs.exists()


def test_deliveries_that_nobody_takes_are_given_up_and_their_run_ends(connection: Connection) -> None:
    for number in (1, 2):
        push(connection, f"evt_{number}", item(number))
    (run,) = webhook_runs(connection)
    first, second = Delivery.objects.for_tenant(connection.tenant).order_by("pk")

    ingest("abandon-delivery", first.pk, "--reason", "a test")
    left = run.state, webhook_runs(connection)[0].state
    (row,) = asked("abandon-delivery", second.pk, "--reason", "a test")["deliveries"]
    again = ingest("abandon-delivery", second.pk, "--reason", "a test")

    assert left == (Run.State.QUEUED, Run.State.QUEUED)
    assert (row["state"], row["note"], webhook_runs(connection)[0].state) == ("abandoned", "a test", "cancelled")
    assert (again.code, "does not wait any more" in again.error) == (1, True)
    assert unclaimed_deliveries.make_runs() == []
    assert not push(connection, "evt_1", item(1))  # a repetition
    assert AuditEntry.unscoped.filter(action="abandon", reason="a test").count() == 2


def test_a_delivery_is_not_given_up_under_the_run_that_takes_it_in_nor_for_another_tenant(
    connection: Connection,
) -> None:
    push(connection, "evt_1", item(1))
    (run,) = webhook_runs(connection)
    claims.claim(run.pk)
    (row,) = Delivery.objects.for_tenant(connection.tenant)
    make_tenant("globex")

    under = ingest("abandon-delivery", row.pk, "--reason", "a test")
    elsewhere = ingest("abandon-delivery", row.pk, "--reason", "a test", "--tenant", "globex")

    assert f"Run {run.pk} is taking deliveries in" in under.error
    assert elsewhere.code == 2
