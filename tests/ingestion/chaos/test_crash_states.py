"""Actions and runs killed in every state that they leave behind on their way: see `sweeps`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ingestion import Context, Json, Page, Record, Transient, actions, artifacts, scheduling
from ingestion.database.clock import db_now_plus
from ingestion.models import Artifact, Connection, Event, Run, RunArtifact
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.sweeps import sweep
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    counts,
    dead_letters,
    due,
    effects,
    events,
    expire,
    finish,
    item,
    new_tenant,
    over,
    queued,
    rows,
    watermarks,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

RECORDS = [item(1), item(2, amount="much"), item(3, amount="-1.00"), item(4), item(5)]
GOOD = {"rec_0001": "1.00", "rec_0004": "4.00", "rec_0005": "5.00"}


def assert_run_is_exact(run: Run) -> None:
    finish(run)

    assert rows(run.tenant) == GOOD
    assert effects(run) == sorted(GOOD)
    assert counts(run) == (5, 3, 0, 2)
    assert [(one.source_id, one.stage, one.times_seen) for one in dead_letters(run.tenant)] == [
        ("rec_0002", "validate", 1),
        ("rec_0003", "load", 1),
    ]
    assert watermarks(run.connection) == [run.window_end]
    assert [name for name in events(run) if name in Run.TERMINAL] == ["partial"]
    assert run.active_key is None


def test_a_run_killed_anywhere_is_finished_exactly() -> None:
    with registered(over(RECORDS, page=3)) as pipeline:
        sweep(lambda: queued(pipeline), carry, assert_run_is_exact, least=14)


def test_a_run_over_its_error_budget_killed_anywhere_counts_its_rejects_once() -> None:
    from ingestion import ErrorBudget

    pipeline = over([item(1), *(item(n, amount="much") for n in range(2, 6))], error_budget=ErrorBudget(0.5, 2))

    def check(run: Run) -> None:
        finish(run)
        assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
        assert counts(run) == (4, 0, 0, 4)
        assert [one.times_seen for one in dead_letters(run.tenant)] == [1, 1, 1, 1]
        assert rows(run.tenant) == {}
        assert watermarks(run.connection) == []

    with registered(pipeline):
        sweep(lambda: queued(pipeline), carry, check, least=6)


def test_a_run_killed_while_it_answers_a_transient_error_is_finished_exactly() -> None:
    class Once(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            yield from super().extract(ctx, checkpoint)
            if Run.unscoped.get(pk=ctx.run_id).attempts == 0:
                raise Transient("503")

    def check(run: Run) -> None:
        finish(run)
        assert counts(run) == (2, 2, 0, 0)
        assert (run.state, run.attempts) == (Run.State.SUCCEEDED, 1)

    with registered(over([], source=Once([item(1), item(4)], page_size=1))) as pipeline:
        sweep(lambda: queued(pipeline), carry, check, least=14)


def test_a_replay_killed_anywhere_loads_each_letter_once_and_counts_each_attempt() -> None:
    broken = over([item(n, amount="much") for n in range(1, 4)])

    def prepare() -> Run:
        tenant = new_tenant()
        with registered(broken):
            carry(queued(broken, tenant))
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        return run

    def check(run: Run) -> None:
        finish(run)
        assert run.state == Run.State.SUCCEEDED
        assert counts(run) == (3, 3, 0, 0)
        assert {one.status for one in dead_letters(run.tenant)} == {"replayed"}
        assert all(1 <= one.replay_attempts <= 2 for one in dead_letters(run.tenant))
        assert len(effects(run)) == len(rows(run.tenant)) == 3

    with registered(over([], transform=lambda value, ctx: Entry(external_id=value.id, amount=1), schema=Lenient)):
        sweep(prepare, carry, check, least=9)


def test_a_replay_action_killed_anywhere_holds_all_letters_or_none() -> None:
    broken = over([item(n, amount="much") for n in range(1, 4)])

    def prepare() -> Any:
        return carry(queued(broken, new_tenant())).tenant

    def check(tenant: Any) -> None:
        held = {one.replay_run_id for one in dead_letters(tenant)}
        replays = Run.unscoped.filter(tenant=tenant, kind=Run.Kind.REPLAY)
        assert len(held) == 1
        assert held == ({run.pk for run in replays} or {None})

    with registered(broken):
        sweep(prepare, lambda tenant: actions.replay(OPERATOR, actions.Selection(tenant), wake=False), check, least=2)


def test_a_tick_killed_anywhere_makes_one_run_of_each_due_instant() -> None:
    def prepare() -> Connection:
        connection = actions.connect(OPERATOR, new_tenant(), "app.ticking")
        Connection.unscoped.exclude(pk=connection.pk).update(next_due=None)
        Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-1), config={"records": 1, "page": 1})
        connection.refresh_from_db()
        return connection

    def check(connection: Connection) -> None:
        scheduling.tick()
        (run,) = Run.unscoped.filter(connection=connection)
        assert run.due_key == f"{connection.pk}:{connection.next_due.isoformat()}"  # type: ignore[union-attr]
        assert Event.unscoped.filter(run=run, name="queued").count() == 1
        carry(run)
        assert run.state == Run.State.SUCCEEDED

    sweep(prepare, lambda connection: scheduling.tick(), check, least=8)


def test_an_upload_killed_anywhere_is_taken_once_when_it_is_sent_again() -> None:
    data = b"\n".join(json.dumps(item(n)).encode() for n in (1, 4))

    def check(connection: Connection) -> None:
        received = actions.upload(OPERATOR, connection, "two.jsonl", data, wake=False)
        (run,) = Run.unscoped.filter(connection=connection)
        assert received.run == run
        assert len(RunArtifact.unscoped.filter(run=run)) == 1
        (artifact,) = Artifact.unscoped.filter(tenant=connection.tenant)
        assert artifacts.read(artifact) == data
        finish(run)
        assert counts(run) == (2, 2, 0, 0)

    with registered(over([], source=Lines())) as pipeline:
        sweep(
            lambda: actions.connect(OPERATOR, new_tenant(), pipeline.name),
            lambda connection: actions.upload(OPERATOR, connection, "two.jsonl", data, wake=False),
            check,
            least=4,
        )


def test_a_cancel_or_pause_killed_anywhere_is_done_or_can_be_done_again() -> None:
    def act(run: Run) -> None:
        actions.pause(OPERATOR, run.connection, "repairs")
        actions.cancel(OPERATOR, run, "not wanted")

    def check(run: Run) -> None:
        run.refresh_from_db()
        connection = Connection.unscoped.get(pk=run.connection_id)
        if not connection.is_paused:
            actions.pause(OPERATOR, connection, "repairs")
        if run.state == Run.State.QUEUED:
            actions.cancel(OPERATOR, run, "not wanted")
        expire(run)
        due(run)
        carry(run)
        assert run.state == Run.State.CANCELLED
        assert events(run).count("cancelled") == 1

    with registered(over(RECORDS)) as pipeline:
        sweep(lambda: queued(pipeline), act, check, least=5)


@dataclass(frozen=True)
class Lines:
    """The lines of the run's file."""

    def takes_files(self) -> bool:
        return True

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        if checkpoint is None:
            lines = ctx.read(ctx.inbox[0]).splitlines()
            yield Page([Record(json.loads(line)["id"], line) for line in lines], 1)


class Lenient(over([]).schema):  # type: ignore[misc]
    """Takes any amount, as a mended pipeline would."""

    amount: str  # type: ignore[assignment]
