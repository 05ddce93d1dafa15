"""What is delivered is stored once, taken in by one run at a time, and done when its batch commits."""

from __future__ import annotations

import pytest
from django.db import transaction

from ingestion import actions
from ingestion.core.errors import PayloadTooLarge
from ingestion.models import Delivery, Event, Run
from ingestion.testing import make_tenant, registered
from tests.ingestion.received import connected, delivered_to, push, states, webhook_runs
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    counts,
    dead_letters,
    item,
    replayed,
    rows,
)

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def test_a_delivery_is_stored_and_taken_in_by_one_webhook_run() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        stored = push(connection, "evt_1", item(1), item(2))
        (run,) = webhook_runs(connection, Run.State.QUEUED)
        carry(run)

    assert stored
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (2, 2, 0, 0))
    assert rows(connection.tenant) == {"rec_0001": "1.00", "rec_0002": "2.00"}
    assert states(connection) == {"evt_1": "done"}
    assert Delivery.objects.for_tenant(connection.tenant).get().run == run


def test_the_same_delivery_again_is_not_stored_again() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        answers = [push(connection, "evt_1", item(1)) for _ in range(3)]

    assert answers == [True, False, False]
    assert states(connection) == {"evt_1": "pending"}


def test_ids_that_differ_in_case_or_trailing_space_are_different_deliveries() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        answers = [push(connection, key, item(1)) for key in ("evt_a", "EVT_A", "evt_a ", "e" * 300, "e" * 301, "a\0b")]

    assert answers == [True] * 6


def test_other_bytes_under_a_known_id_are_kept_with_a_note_and_taken_in_after_the_first() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1, amount="1.00"))

        answers = [push(connection, "evt_1", item(1, amount="2.00")) for _ in range(2)]
        run = carry(webhook_runs(connection)[0])

    second = Delivery.objects.for_tenant(connection.tenant).latest("pk")
    notes = Event.objects.for_tenant(connection.tenant).filter(run=run, name="note").values_list("text", flat=True)
    assert answers == [True, False]
    assert second.delivery_id.startswith("evt_1~")
    assert "evt_1" in second.note
    assert second.note in notes[0]
    assert rows(connection.tenant) == {"rec_0001": "2.00"}


def test_a_delivery_without_an_id_is_known_by_its_bytes() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        answers = [push(connection, "", item(1)), push(connection, "", item(1)), push(connection, "", item(2))]

    assert answers == [True, False, True]


def test_many_deliveries_make_one_run() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        for number in range(1, 21):
            push(connection, f"evt_{number}", item(number))
        (run,) = webhook_runs(connection)
        carry(run)

    assert run.ok == 20
    assert set(states(connection).values()) == {"done"}


def test_a_delivery_and_its_run_are_stored_together_or_not_at_all() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)

        with transaction.atomic():
            push(connection, "evt_1", item(1))
            transaction.set_rollback(True)

    assert (states(connection), webhook_runs(connection)) == ({}, [])


def test_what_arrives_while_a_run_works_is_taken_in_by_the_next_one() -> None:
    late = iter([9])

    def meanwhile(_: object) -> None:
        for number in late:
            push(connection, "late", item(number), wake=True)

    with registered(delivered_to(meanwhile)) as pipeline:
        connection = connected(pipeline)
        push(connection, "first", item(1))

        first = carry(webhook_runs(connection)[0])
        then = states(connection)
        second = carry(webhook_runs(connection)[1])

    assert then == {"first": "done", "late": "pending"}
    assert (first.ok, second.ok) == (1, 1)
    assert set(states(connection).values()) == {"done"}


@pytest.mark.slow
def test_a_delivery_whose_run_ends_before_the_commit_has_another_one_after_it() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        (ending,) = webhook_runs(connection)

        with transaction.atomic():
            push(connection, "evt_2", item(2), wake=True)
            ending.delete()

    assert [run.state for run in webhook_runs(connection)] == [Run.State.QUEUED]


def test_pages_are_bounded_in_number_and_bytes() -> None:
    sizes: list[int] = []
    with registered(delivered_to(lambda page: sizes.append(len(page)))) as pipeline:
        connection = connected(pipeline)
        for number in range(1, 12):
            push(connection, f"evt_{number}", item(number, text="x" * 900_000))

        run = carry(webhook_runs(connection)[0])

    assert (run.ok, run.batches) == (11, 3)
    assert sizes == [4, 4, 3]


def test_a_delivery_that_cannot_be_taken_apart_is_a_dead_letter_and_the_rest_loads() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        actions.deliver(connection, "bad", b"{", wake=False)
        push(connection, "good", item(1), item(2, amount="much"))

        run = carry(webhook_runs(connection)[0])

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (3, 1, 0, 2))
    assert [(one.source_id, one.stage, bytes(one.payload)[:1]) for one in dead_letters(connection.tenant)] == [
        ("bad", "extract", b"{"),
        ("rec_0002", "validate", b"{"),
    ]
    assert states(connection) == {"bad": "done", "good": "done"}


def test_the_letter_of_a_whole_delivery_is_replayed_through_receive() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        actions.deliver(connection, "bad", b"[", wake=False)
        carry(webhook_runs(connection)[0])
    (dead_letter,) = dead_letters(connection.tenant)
    type(dead_letter).unscoped.filter(pk=dead_letter.pk).update(payload=b'[{"id": "rec_0007", "amount": "7.00"}]')

    run = replayed(connection.tenant, delivered_to())

    assert (run.state, run.ok) == (Run.State.SUCCEEDED, 1)
    assert rows(connection.tenant) == {"rec_0007": "7.00"}
    assert dead_letters(connection.tenant)[0].status == "replayed"


def test_a_body_above_the_limit_and_no_other_is_refused_before_it_is_stored() -> None:
    with registered(delivered_to()) as pipeline, configured(MAX_DELIVERY_BYTES=10):
        connection = connected(pipeline)

        with pytest.raises(PayloadTooLarge):
            actions.deliver(connection, "evt_1", b"x" * 11)
        actions.deliver(connection, "evt_2", b"x" * 10, wake=False)

    assert states(connection) == {"evt_2": "pending"}


@pytest.mark.slow
def test_deliveries_of_two_connections_and_tenants_keep_apart() -> None:
    with registered(delivered_to()) as pipeline:
        tenant, other = make_tenant("keeps"), make_tenant("apart")
        mine = [connected(pipeline, tenant), connected(pipeline, tenant, "second"), connected(pipeline, other)]

        stored = [push(connection, "evt_1", item(number)) for number, connection in enumerate(mine, 1)]
        runs = [carry(webhook_runs(connection)[0]) for connection in mine]

    assert stored == [True] * 3
    assert [run.ok for run in runs] == [1, 1, 1]
    assert rows(tenant) == {"rec_0001": "1.00", "rec_0002": "2.00"}
    assert rows(other) == {"rec_0003": "3.00"}


def test_a_delivery_that_is_given_up_is_taken_in_by_no_run_and_ends_the_one_that_waited_for_it_alone() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        actions.abandon_delivery(OPERATOR, Delivery.objects.for_tenant(connection.tenant).get(), "a test")
        push(connection, "evt_2", item(2))
        (run,) = webhook_runs(connection, Run.State.QUEUED)
        carry(run)

    assert states(connection) == {"evt_1": "abandoned", "evt_2": "done"}
    assert rows(connection.tenant) == {"rec_0002": "2.00"}
    assert len(webhook_runs(connection, Run.State.CANCELLED)) == 1
