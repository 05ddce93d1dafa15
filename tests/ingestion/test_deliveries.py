"""What is delivered is stored once, taken in by one run at a time, and done when its batch commits."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from ingestion import SourceChanged, actions, deliveries, scheduling
from ingestion.core.errors import ActionRefused, PayloadTooLarge
from ingestion.models import Delivery, Event, Run
from ingestion.testing import make_tenant, registered
from tests.ingestion.received import connected, delivered_to, push, states, webhook_runs
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    counts,
    due,
    item,
    letters,
    over,
    replayed,
    rows,
    watermarks,
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
            push(connection, "late", item(number), hint=True)

    with registered(delivered_to(meanwhile)) as pipeline:
        connection = connected(pipeline)
        push(connection, "first", item(1))

        first = carry(webhook_runs(connection)[0])
        then = states(connection)
        second = carry(webhook_runs(connection)[1])

    assert then == {"first": "done", "late": "pending"}
    assert (first.ok, second.ok) == (1, 1)
    assert set(states(connection).values()) == {"done"}


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
        actions.deliver(connection, "bad", b"{", hint=False)
        push(connection, "good", item(1), item(2, amount="much"))

        run = carry(webhook_runs(connection)[0])

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (3, 1, 0, 2))
    assert [(one.source_id, one.stage, bytes(one.payload)[:1]) for one in letters(connection.tenant)] == [
        ("bad", "extract", b"{"),
        ("rec_0002", "validate", b"{"),
    ]
    assert states(connection) == {"bad": "done", "good": "done"}


def test_the_letter_of_a_whole_delivery_is_replayed_through_receive() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        actions.deliver(connection, "bad", b"[", hint=False)
        carry(webhook_runs(connection)[0])
    (letter,) = letters(connection.tenant)
    type(letter).unscoped.filter(pk=letter.pk).update(payload=b'[{"id": "rec_0007", "amount": "7.00"}]')

    run = replayed(connection.tenant, delivered_to())

    assert (run.state, run.ok) == (Run.State.SUCCEEDED, 1)
    assert rows(connection.tenant) == {"rec_0007": "7.00"}
    assert letters(connection.tenant)[0].status == "replayed"


def test_deliveries_of_a_paused_connection_wait_and_are_taken_in_after_it_resumed() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        actions.pause(OPERATOR, connection, "holiday")
        push(connection, "evt_1", item(1))
        Run.unscoped.filter(connection=connection).delete()  # as if its maker had died
        scheduling.tick()
        while_paused = webhook_runs(connection)

        actions.resume(OPERATOR, connection)
        scheduling.tick()
        run = carry(webhook_runs(connection)[0])

    assert while_paused == []
    assert run.ok == 1


def test_a_failed_run_leaves_its_deliveries_to_the_next_one_which_waits_a_while() -> None:
    def refuse(_: object) -> None:
        raise SourceChanged("The sender moved.")

    with registered(delivered_to(refuse)) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        failed = carry(webhook_runs(connection)[0])
        push(connection, "evt_2", item(2))
        scheduling.tick()
        waiting = webhook_runs(connection, Run.State.QUEUED)
    with registered(delivered_to()):
        carry(waiting[0])
        early = waiting[0].state
        due(waiting[0])
        second = carry(waiting[0])

    assert failed.state == Run.State.FAILED
    assert len(waiting) == 1
    assert waiting[0].not_before is None
    assert early == Run.State.QUEUED
    assert second.ok == 2


def test_the_wait_after_failed_runs_doubles_and_ends_with_a_good_one() -> None:
    with registered(delivered_to()) as pipeline, configured(BACKOFF_SECONDS=1, MAX_ATTEMPTS=1):
        connection = connected(pipeline)
        waits = []
        for state in ("failed", "failed", "cancelled", "succeeded"):
            now = timezone.now()
            Run.unscoped.create(
                tenant=connection.tenant, connection=connection, pipeline=pipeline.name, kind="webhook", state=state,
                finished_at=now,
            )  # fmt: skip
            made = deliveries._make(connection, hint=False)
            assert made is not None
            waits.append(round((made.not_before - now).total_seconds()) if made.not_before else 0)
            made.delete()

    assert waits == [4, 8, 16, 0]


def test_a_failed_webhook_run_is_retried_at_once_by_its_connections_next_run() -> None:
    def refuse(_: object) -> None:
        raise SourceChanged("The sender moved.")

    with registered(delivered_to(refuse)) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        failed = carry(webhook_runs(connection)[0])
    with registered(delivered_to()):
        again = carry(actions.retry(OPERATOR, failed, "mended", hint=False))

    assert again.ok == 1
    assert len(webhook_runs(connection)) == 2


def test_a_retry_is_refused_while_a_run_takes_the_deliveries_in() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        (run,) = webhook_runs(connection)
        Run.unscoped.filter(pk=run.pk).update(state=Run.State.RUNNING)
        other = Run.unscoped.create(
            tenant=connection.tenant, connection=connection, pipeline=pipeline.name, kind="webhook", state="failed"
        )

        with pytest.raises(ActionRefused):
            actions.retry(OPERATOR, other, hint=False)


def test_a_cancelled_webhook_run_leaves_its_deliveries_pending() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))
        (run,) = webhook_runs(connection)

        actions.cancel(OPERATOR, run)

    assert states(connection) == {"evt_1": "pending"}
    (next_run,) = webhook_runs(connection, Run.State.QUEUED)
    assert next_run.not_before is not None


def test_a_source_that_takes_no_deliveries_fails_the_run_and_keeps_them() -> None:
    with registered(over([item(1)])) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))

        run = carry(webhook_runs(connection)[0])

    assert (run.state, run.error_class) == (Run.State.FAILED, "ConfigurationError")
    assert states(connection) == {"evt_1": "pending"}


def test_a_webhook_run_moves_no_watermark() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "evt_1", item(1))

        carry(webhook_runs(connection)[0])

    assert watermarks(connection) == []


def test_a_body_above_the_limit_is_refused_before_it_is_stored() -> None:
    with registered(delivered_to()) as pipeline, configured(MAX_DELIVERY_BYTES=10):
        connection = connected(pipeline)

        with pytest.raises(PayloadTooLarge):
            actions.deliver(connection, "evt_1", b"x" * 11)

    assert states(connection) == {}


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
