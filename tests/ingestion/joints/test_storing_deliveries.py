"""What is stored together with a delivery, whoever else stores one at the same moment and whoever dies between."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import IntegrityError, OperationalError, transaction
from django.db import connection as database

from ingestion import deliveries
from ingestion.models import Connection, Delivery, Event, Run
from ingestion.testing import registered
from tests.ingestion.chaos.sweeps import sweep
from tests.ingestion.moments import after, before, losing
from tests.ingestion.received import connected, delivered_to, push, states, webhook_runs
from tests.ingestion.runs import carry, item

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]


def with_a_forgotten_delivery() -> Connection:
    """`delivered_to()` must be registered. The run of its delivery is gone, as if its maker had died."""
    connection = connected(delivered_to())
    push(connection, "evt_1", item(1))
    Run.unscoped.filter(connection=connection).delete()
    return connection


def names_of_events(connection: Connection) -> list[list[str]]:
    """Of each of its runs."""
    return [
        list(Event.objects.for_tenant(connection.tenant).filter(run=run).values_list("name", flat=True))
        for run in webhook_runs(connection)
    ]


def test_a_run_that_cannot_say_why_it_was_made_is_not_made() -> None:
    with registered(delivered_to()):
        connection = with_a_forgotten_delivery()

        with losing('INSERT INTO "ingestion_event"'), pytest.raises(OperationalError):
            deliveries.start_run(connection, wake=False)

        assert webhook_runs(connection) == []
        deliveries.start_run(connection, wake=False)

    assert names_of_events(connection) == [["queued"]]


def test_whoever_makes_the_run_of_a_forgotten_delivery_and_is_killed_leaves_it_with_its_event_or_not_at_all() -> None:
    with registered(delivered_to()):

        def made_whole_and_taken_in(connection: Connection) -> None:
            assert names_of_events(connection) in ([], [["queued"]])
            deliveries.start_run(connection, wake=False)
            assert [carry(run).ok for run in webhook_runs(connection)] == [1]

        sweep(
            with_a_forgotten_delivery,
            lambda connection: deliveries.start_run(connection, wake=False),
            made_whole_and_taken_in,
            least=1,
        )


def test_a_receiver_that_is_killed_leaves_a_delivery_with_its_run_or_neither() -> None:
    with registered(delivered_to()) as pipeline:

        def both_or_neither(connection: Connection) -> None:
            assert len(states(connection)) == len(webhook_runs(connection))

        sweep(
            lambda: connected(pipeline), lambda connection: push(connection, "evt_1", item(1)), both_or_neither, least=1
        )


def test_a_delivery_stays_stored_when_another_sender_made_the_run_at_the_same_moment() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        def other_makes_it() -> None:
            Run.unscoped.create(
                tenant=connection.tenant, connection=connection, pipeline=pipeline.name, kind=Run.Kind.WEBHOOK,
                webhook_key=connection.pk,
            )  # fmt: skip

        with before('SELECT "ingestion_run"."state"', other_makes_it):
            stored = push(connection, "evt_1", item(1))
        (run,) = webhook_runs(connection)
        carry(run)

    assert stored
    assert (states(connection), run.ok) == ({"evt_1": "done"}, 1)


@pytest.mark.parametrize(("amount", "is_new"), [("1.00", False), ("2.00", True)])
def test_a_delivery_that_another_receiver_stored_at_the_same_moment_is_told_by_its_bytes(
    amount: str, is_new: bool
) -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        first = 'SELECT "ingestion_delivery"."sha256"'

        with after(first, lambda: push(connection, "evt_1", item(1, amount="1.00"))):
            stored = push(connection, "evt_1", item(1, amount=amount))

    notes = Delivery.objects.for_tenant(connection.tenant).order_by("pk").values_list("note", flat=True)
    assert stored is is_new
    assert [bool(note) for note in notes] == ([False, True] if is_new else [False])


def test_a_delivery_that_the_database_refuses_for_another_reason_is_not_taken_for_stored() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        with losing('INSERT INTO "ingestion_delivery"', IntegrityError), pytest.raises(IntegrityError):
            push(connection, "evt_1", item(1))

    assert states(connection) == {}


@pytest.mark.mariadb  # its default, which a project may have; PostgreSQL would refuse the transaction
def test_a_delivery_that_was_stored_after_our_transaction_began_is_known() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        def other_receiver() -> None:
            try:
                push(connection, "evt_1", item(1))
            finally:
                database.close()

        def meanwhile() -> None:
            thread = Thread(target=other_receiver)
            thread.start()
            thread.join()

        with database.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with transaction.atomic(), after('SELECT "ingestion_delivery"."sha256"', meanwhile):
            stored = push(connection, "evt_1", item(1))

    assert (stored, states(connection)) == (False, {"evt_1": "pending"})
