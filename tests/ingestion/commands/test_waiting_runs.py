"""What a command in the foreground does with runs that wait, and that it answers for each that it executed."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from ingestion import CredentialError, HeldOff, Pipeline, SourceChanged, actions
from ingestion.management.verbs import inline_execution
from ingestion.management.verbs.output import Output
from ingestion.models import Connection, Run
from ingestion.running import claims
from ingestion.testing import Records, make_tenant, registered
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import Answer, ingest
from tests.ingestion.inbox import Inbox
from tests.ingestion.received import Letterbox, connected, push
from tests.ingestion.runs import item, over

pytestmark = pytest.mark.django_db
ACME = ("--tenant", "acme", "--pipeline", "app.payments")
PUSHED = ("--tenant", "acme", "--pipeline", "app.oracle")
NOBODY = 2**22 + 1
"""One above the largest process id of Linux."""
WEEK = ("--from", "2026-01-01", "--to", "2026-01-04", "--reason", "late")


@dataclasses.dataclass(frozen=True)
class Uploaded(Inbox):
    def is_fed(self) -> bool:
        return True


@dataclasses.dataclass(frozen=True)
class Pushed(Letterbox):
    def is_fed(self) -> bool:
        return True


@pytest.fixture
def connection() -> Connection:
    return actions.connect(actions.Actor(), make_tenant("acme"), "app.payments")


@pytest.fixture
def pushed() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def reading(source: object) -> Pipeline:
    return dataclasses.replace(payments, source=source)  # type: ignore[arg-type]


def begun(run: Run, **columns: object) -> Run:
    """`run` as a process has claimed it, with `columns` in its row."""
    assert claims.claim(run.pk) is not None
    Run.unscoped.filter(pk=run.pk).update(**columns)
    run.refresh_from_db()
    return run


def killed(run: Run) -> Run:
    return begun(run, worker_pid=NOBODY)


def queued(connection: Connection) -> Run:
    return actions.run_now(actions.Actor(), connection, wake=False)


def cancelled(connection: Connection) -> Run:
    run = queued(connection)
    actions.cancel(actions.Actor(), run)
    run.refresh_from_db()
    return run


def told(answer: Answer) -> list[tuple[str, int]]:
    """State and loaded rows of each run in the answer's table."""
    return [(run["state"], run["ok"]) for run in answer.document["runs"]]


def test_ingest_run_shows_the_run_that_it_resumed_and_its_own(connection: Connection) -> None:
    killed(queued(connection))

    answer = ingest("run", *ACME, "--json")

    assert (answer.code, told(answer)) == (0, [("succeeded", 2), ("succeeded", 0)])


def test_the_exit_code_is_the_worst_of_the_runs_that_were_executed(connection: Connection) -> None:
    bad = [{"id": "a", "amount": "x"}, {"id": "b", "amount": "1.00", "currency": "EUR"}]
    with registered(reading(Records(bad))):
        first = queued(connection)
        answer = ingest("run", *ACME)

    assert answer.code == 3
    assert f"Run {first.pk} is partial" in answer.error


def test_a_failed_earlier_run_is_answered_for(connection: Connection) -> None:
    earlier = queued(connection)
    with registered(reading(Records([], error=SourceChanged("moved")))):
        answer = ingest("retry", cancelled(connection).pk)

    assert answer.code == 1
    assert f"Run {earlier.pk} failed: SourceChanged: moved" in answer.error


@pytest.mark.every_database
def test_a_run_that_is_held_off_again_keeps_another_over_its_window_from_being_made(connection: Connection) -> None:
    waiting = queued(connection)
    with registered(reading(Records([], error=HeldOff("shop asked to be left alone", retry_after=600)))):
        first, second = ingest("run", *ACME), ingest("run", *ACME)

    assert Run.unscoped.count() == 1
    for answer in (first, second):
        assert answer.code == 1
        assert f"Run {waiting.pk} is queued again, for an attempt failed: HeldOff" in answer.error
        assert "No other run was made: it would read the same window." in answer.error


def test_a_run_that_is_refused_after_others_were_executed_hides_none_of_them(connection: Connection) -> None:
    earlier = queued(connection)
    with registered(reading(Records([], error=CredentialError("the key was refused")))):
        answer = ingest("run", *ACME)

    assert answer.code == 1
    assert f"Run {earlier.pk} failed: CredentialError: the key was refused" in answer.error
    assert "No other run was made. acme · app.payments is paused" in answer.error


@pytest.mark.every_database
def test_ingest_run_takes_deliveries_in_where_the_source_is_fed_and_answers_for_it(pushed: Connection) -> None:
    push(pushed, "evt_1", item(1))

    answer = ingest("run", *PUSHED, "--json")
    again = ingest("run", *PUSHED)

    assert (answer.code, told(answer)) == (0, [("succeeded", 1)])
    assert (again.code, "finds nothing by itself" in again.error) == (1, True)


def test_deliveries_without_a_run_get_one(pushed: Connection) -> None:
    push(pushed, "evt_1", item(1))
    Run.unscoped.all().delete()

    assert told(ingest("run", *PUSHED, "--json")) == [("succeeded", 1)]


def test_deliveries_of_another_tenant_are_left_alone(pushed: Connection) -> None:
    theirs = connected(over([], source=Pushed()), make_tenant("globex"))
    push(theirs, "evt_1", item(1))

    answer = ingest("run", *PUSHED)

    assert (answer.code, "finds nothing by itself" in answer.error) == (1, True)
    assert Run.objects.for_tenant(theirs.tenant).get().state == "queued"


def test_a_fed_connection_whose_run_is_at_work_elsewhere_is_not_refused(pushed: Connection) -> None:
    push(pushed, "evt_1", item(1))
    begun(Run.unscoped.get(), host="elsewhere")

    answer = ingest("run", *PUSHED)

    assert (answer.code, "is running on elsewhere" in answer.error) == (4, True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "pay_1", "amount": "1.00"}')
    return path


@pytest.fixture
def waiting(connection: Connection, file: Path) -> Iterator[Run]:
    """A run over `file` that was queued and that nobody executed."""
    with registered(reading(Uploaded())):
        yield actions.upload(actions.Actor(), connection, file.name, file.read_bytes(), wake=False).run


def test_uploading_a_file_again_executes_its_run_that_is_queued(waiting: Run, file: Path) -> None:
    answer = ingest("upload", file, *ACME, "--json")

    assert (answer.code, told(answer), Run.unscoped.count()) == (0, [("succeeded", 1)], 1)


@pytest.mark.every_database
def test_uploading_a_file_again_goes_on_with_its_run_whose_process_died(waiting: Run, file: Path) -> None:
    killed(waiting)

    answer = ingest("upload", file, *ACME, "--json")

    assert (answer.code, told(answer), Run.unscoped.count()) == (0, [("succeeded", 1)], 1)


def test_uploading_a_file_again_that_another_process_is_at_work_on_is_not_done_yet(waiting: Run, file: Path) -> None:
    begun(waiting, host="elsewhere")

    answer = ingest("upload", file, *ACME)

    assert (answer.code, answer.error) == (4, f"Run {waiting.pk} ({file.name}) is running on elsewhere.")


def test_ingest_run_executes_uploads_that_wait(waiting: Run) -> None:
    assert told(ingest("run", *ACME, "--json")) == [("succeeded", 1)]


@pytest.fixture
def backfill(connection: Connection) -> Iterator[Run]:
    """Of three shards, of which the first one's process was killed."""
    with registered(reading(Records([{"id": "a", "amount": "1.00", "at": "2026-01-02T00:00:00Z"}], time="at"))):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        parent = actions.backfill(
            actions.Actor(), connection, start, start + timedelta(days=3), reason="late", wake=False
        )
        killed(parent.shards.earliest("pk"))
        yield parent


@pytest.mark.slow
@pytest.mark.every_database
def test_a_backfill_whose_process_died_goes_on_when_it_is_retried(backfill: Run) -> None:
    answer = ingest("retry", backfill.pk, "--tenant", "acme", "--json")

    assert (answer.code, told(answer)) == (0, [("succeeded", 1)])
    assert answer.document["shards"] == {"succeeded": 3}


@pytest.mark.slow
def test_a_backfill_whose_process_died_goes_on_when_it_is_asked_for_again(backfill: Run) -> None:
    answer = ingest("backfill", *ACME, *WEEK)

    assert answer.code == 0, answer.error
    assert f"Run {backfill.pk} is this backfill" in answer.out
    assert Run.unscoped.filter(parent=None).count() == 1


@pytest.mark.parametrize("other", [("--to", "2026-01-03"), ("--shard", "12h"), ("--config", "limit=5")])
def test_another_backfill_is_made_beside_one_that_waits(backfill: Run, other: tuple[str, str]) -> None:
    ingest("backfill", *ACME, *WEEK, *other, "--queue")

    assert Run.unscoped.filter(parent=None).count() == 2


def test_a_backfill_that_was_stopped_names_the_command_that_goes_on_with_it(backfill: Run) -> None:
    with pytest.raises(CommandError) as unfinished:
        inline_execution.answer([], {"queue": False}, Output(StringIO(), as_json=False), further_runs=[backfill])

    assert unfinished.value.returncode == 4
    assert f"No worker hears of them: manage.py ingest retry {backfill.pk} goes on with them." in str(unfinished.value)


def test_a_backfill_that_is_at_work_elsewhere_is_not_retried(backfill: Run) -> None:
    Run.unscoped.filter(worker_pid=NOBODY).update(host="elsewhere")

    answer = ingest("retry", backfill.pk)

    assert (answer.code, "shards of it are at work" in answer.error) == (1, True)


def test_a_backfill_of_another_tenant_is_not_gone_on_with(backfill: Run) -> None:
    theirs = actions.connect(actions.Actor(), make_tenant("globex"), "app.payments")

    ingest("backfill", "--tenant", "globex", "--pipeline", "app.payments", *WEEK, "--queue")

    assert Run.unscoped.filter(connection=theirs, parent=None).count() == 1
    assert Run.unscoped.get(worker_pid=NOBODY).state == "running"


def test_a_backfill_of_uploads_is_told_to_upload_again_and_not_to_rewind(waiting: Run) -> None:
    answer = ingest("backfill", *ACME, *WEEK)

    assert (answer.code, "upload it again (--again)" in answer.error) == (1, True)
    assert "rewind" not in answer.error


def test_with_a_tick_and_ingest_run_in_cron_nothing_is_overdue(connection: Connection) -> None:
    Connection.unscoped.update(next_due=timezone.now() - timedelta(hours=1))
    before = ingest("run", *ACME), ingest("status")

    after = ingest("tick"), ingest("run", *ACME), ingest("status")

    assert [answer.code for answer in (*before, *after)] == [0, 1, 0, 0, 0]
    assert "overdue" in before[1].error
