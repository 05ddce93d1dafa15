"""Deliveries whose takers are killed: none is lost, none is taken in twice, and the deadly one is set aside."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Sequence

import pytest

from ingestion import Record, scheduling
from ingestion.models import Connection, Delivery, Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import KILLED, end, start_child
from tests.ingestion.chaos.sweeps import sweep
from tests.ingestion.chaos.test_poison import claims_until_the_end, deadly
from tests.ingestion.received import connected, delivered_to, push, states, webhook_runs
from tests.ingestion.runs import carry, counts, dead_letters, due, effects, expire, finish, item, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

FIVE = {f"rec_{number:04}": f"{number}.00" for number in range(1, 6)}


def take_in(connection: Connection) -> None:
    """What ticks and workers do until nothing is pending, each run in the hands of somebody who lives."""
    for _ in range(10):
        scheduling.tick()
        for run in webhook_runs(connection, *Run.ACTIVE):
            finish(run)
        if "pending" not in states(connection).values():
            return
    raise AssertionError(f"still pending: {states(connection)}")


def assert_taken_in_once(connection: Connection) -> None:
    take_in(connection)
    read = sum(run.ok + run.skipped for run in webhook_runs(connection))
    assert rows(connection.tenant) == FIVE
    assert [effects(run) for run in webhook_runs(connection) if run.ok] == [sorted(FIVE)]
    assert (read, dead_letters(connection.tenant)) == (5, [])
    assert len(webhook_runs(connection, *Run.ACTIVE)) <= 1


def test_a_sender_whose_receiver_is_killed_anywhere_delivers_again_and_nothing_is_lost() -> None:
    batch = [item(number) for number in range(1, 6)]
    with registered(delivered_to()) as pipeline:

        def delivered_again(connection: Connection) -> None:
            push(connection, "evt_1", *batch)
            assert_taken_in_once(connection)

        sweep(
            lambda: connected(pipeline),
            lambda connection: push(connection, "evt_1", *batch),
            delivered_again,
            least=2,
        )


def test_a_webhook_run_killed_anywhere_takes_every_delivery_in_once() -> None:
    def stored() -> Run:
        connection = connected(pipeline)
        for number in range(1, 6):
            push(connection, f"evt_{number}", item(number))
        return webhook_runs(connection)[0]

    with registered(delivered_to()) as pipeline:
        sweep(stored, carry, lambda run: assert_taken_in_once(run.connection), least=10)


@pytest.mark.parametrize("place", [1, 20, 40])
def test_a_delivery_that_kills_whoever_takes_it_apart_is_isolated_and_kept(place: int) -> None:
    def meanwhile(deliveries: Sequence[Record]) -> None:
        if any(one.key == f"evt_{place}" for one in deliveries):
            os.kill(os.getpid(), signal.SIGKILL)

    with registered(delivered_to(meanwhile)) as pipeline:
        connection = connected(pipeline)
        for number in range(1, 41):
            push(connection, f"evt_{number}", item(number))

        claims = claims_until_the_end(webhook_runs(connection)[0])

    (run,) = webhook_runs(connection)
    (dead_letter,) = dead_letters(connection.tenant)
    assert claims <= 10
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (40, 39, 0, 1))
    assert (dead_letter.source_id, dead_letter.error_class, dead_letter.stage) == (
        f"evt_{place}",
        "PoisonDelivery",
        "extract",
    )
    assert json.loads(bytes(dead_letter.payload)) == [item(place)]
    assert set(states(connection).values()) == {"done"}


def test_a_record_that_kills_is_isolated_also_when_it_was_delivered() -> None:
    with registered(delivered_to(transform=deadly("rec_0007"))) as pipeline:
        connection = connected(pipeline)
        for number in range(1, 31):
            push(connection, f"evt_{number}", item(number))

        claims = claims_until_the_end(webhook_runs(connection)[0])

    (run,) = webhook_runs(connection)
    assert claims <= 10
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (30, 29, 0, 1))
    assert [one.source_id for one in dead_letters(connection.tenant)] == ["rec_0007"]


def test_a_deadly_record_and_a_deadly_delivery_on_one_page_are_both_isolated() -> None:
    def meanwhile(deliveries: Sequence[Record]) -> None:
        if any(one.key == "evt_3" for one in deliveries):
            os.kill(os.getpid(), signal.SIGKILL)

    with registered(delivered_to(meanwhile, transform=deadly("rec_0009"))) as pipeline:
        connection = connected(pipeline)
        for number in range(1, 17):
            push(connection, f"evt_{number}", item(number))

        claims_until_the_end(webhook_runs(connection)[0])

    (run,) = webhook_runs(connection)
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (16, 14, 0, 2))
    assert sorted(one.source_id for one in dead_letters(connection.tenant)) == ["evt_3", "rec_0009"]


def send(connection_id: int, seed: int) -> None:
    """300 of 100 deliveries, many of them known already, as senders do that retry."""
    draw = random.Random(seed)
    connection = Connection.unscoped.select_related("tenant").get(pk=connection_id)
    for _ in range(300):
        number = draw.randrange(1, 101)
        push(connection, f"evt_{number}", item(number), wake=True)


def work(connection_id: int, seed: int) -> None:
    """A worker that is killed from time to time."""
    draw = random.Random(seed)
    for _ in range(60):
        for run in Run.unscoped.filter(connection_id=connection_id, kind="webhook", state__in=Run.ACTIVE):
            due(run)
            if draw.random() < 0.1:
                os.kill(os.getpid(), signal.SIGKILL)
            carry(run)


def test_three_senders_of_the_same_deliveries_and_two_workers_store_each_once_and_one_run_at_a_time() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        senders = [start_child(lambda n=n: send(connection.pk, n)) for n in range(3)]
        workers = [start_child(lambda n=n: work(connection.pk, n)) for n in range(2)]
        codes = [end(child) for child in senders]
        ended = [end(child) for child in workers]
        for run in webhook_runs(connection, *Run.ACTIVE):
            expire(run)
        take_in(connection)

    runs = webhook_runs(connection)
    assert codes == [0, 0, 0]
    assert set(ended) <= {0, KILLED}
    assert Delivery.objects.for_tenant(connection.tenant).count() == 100
    assert Delivery.objects.for_tenant(connection.tenant).exclude(note="").count() == 0
    assert Entry.objects.for_tenant(connection.tenant).count() == 100
    assert sum(run.read for run in runs) == sum(run.ok for run in runs) == 100
    assert {run.state for run in runs} == {Run.State.SUCCEEDED}


def test_two_receivers_of_the_same_id_with_other_bytes_keep_both() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        def both(seed: int) -> None:
            for number in range(50):
                push(connection, f"evt_{number}", item(seed))

        codes = [end(child) for child in [start_child(lambda n=n: both(n)) for n in (1, 2)]]

    assert codes == [0, 0]
    assert Delivery.objects.for_tenant(connection.tenant).count() == 100
    assert Delivery.objects.for_tenant(connection.tenant).exclude(note="").count() == 50
