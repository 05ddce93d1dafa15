"""`ingest run`, `retry`, `cancel`, and what every verb has in common."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ingestion import Pipeline, SourceChanged, Transient, actions
from ingestion.management.commands.ingest import Command
from ingestion.management.verbs.exit_codes import Exit
from ingestion.models import Connection, Run, Tenant
from ingestion.running import claims
from ingestion.testing import Records, make_tenant, registered, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest

pytestmark = pytest.mark.django_db
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
ACME = ("--tenant", "acme", "--pipeline", "app.payments")


@pytest.fixture
def acme() -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def connection(acme: Tenant) -> Connection:
    return actions.connect(actions.Actor(), acme, "app.payments")


@pytest.fixture
def partial() -> Iterator[None]:
    both = [{"id": "a", "amount": "x"}, {"id": "b", "amount": "1.00", "currency": "EUR"}]
    with registered(dataclasses.replace(payments, source=Records(both))):
        yield


def failing(error: Exception) -> AbstractContextManager[Pipeline]:
    return registered(dataclasses.replace(payments, source=Records([], error=error)))


def test_run_executes_here_and_shows_the_counts(connection: Connection) -> None:
    answer = ingest("run", *ACME)

    assert answer.code == 0
    assert "succeeded" in answer.out
    run = Run.objects.for_tenant(connection.tenant).get()
    assert (run.state, run.ok, run.kind) == (Run.State.SUCCEEDED, 2, Run.Kind.MANUAL)


def test_run_with_json_writes_one_document(connection: Connection) -> None:
    (run,) = asked("run", *ACME)["runs"]

    assert (run["tenant"], run["pipeline"], run["state"], run["ok"]) == ("acme", "app.payments", "succeeded", 2)


def test_run_with_dead_letters_exits_with_3_and_says_where_they_are(connection: Connection, partial: None) -> None:
    answer = ingest("run", *ACME)

    assert answer.code == 3
    assert "1 of 2 records was rejected" in answer.error
    assert re.search(r"The first: .*(amount|much).* \(dead letter \d+\)\.", answer.error)
    assert "ingest list dead-letters --run" in answer.error


def test_run_over_its_error_budget_names_the_first_rejection(connection: Connection) -> None:
    with registered(dataclasses.replace(payments, source=Records([{"id": "a", "amount": "x"}]))):
        answer = ingest("run", *ACME)

    assert "ErrorBudgetExceeded: " in answer.error
    assert re.search(r"not moved\. The first: .*amount.* \(dead letter \d+\)\. See: manage\.py", answer.error)


def test_run_that_fails_exits_with_1_and_its_reason(connection: Connection) -> None:
    with failing(SourceChanged("no list under 'data'")):
        answer = ingest("run", *ACME, "--json")

    assert answer.code == 1
    assert "SourceChanged: no list under 'data'" in answer.error
    assert (answer.document["error"], answer.document["runs"][0]["state"]) == (answer.error, "failed")


def test_run_that_must_be_tried_again_exits_with_1_and_says_when(connection: Connection) -> None:
    with failing(Transient("503")):
        answer = ingest("run", *ACME)

    assert answer.code == 1
    assert "is queued again, for an attempt failed: Transient: 503. No worker hears of it: " in answer.error
    assert "manage.py ingest run --tenant acme --pipeline app.payments goes on with it from " in answer.error


def test_help_and_reference_name_every_exit_code() -> None:
    table = re.findall(r"^\| (\d) \|", REFERENCE.read_text(), re.MULTILINE)

    assert table == [str(code.value) for code in Exit]
    assert re.findall(r"\b(\d) [a-z]", Command.help) == table


def test_run_with_queue_leaves_it_to_the_workers(connection: Connection) -> None:
    (run,) = asked("run", *ACME, "--queue")["runs"]

    assert run["state"] == "queued"


def test_run_of_a_busy_connection_stays_queued(connection: Connection) -> None:
    busy = actions.run_now(actions.Actor(), connection, wake=False)
    claims.claim(busy.pk)

    answer = ingest("run", *ACME)

    assert (answer.code, "is queued" in answer.error) == (4, True)


def test_config_is_laid_over_for_this_run_as_json_or_text(connection: Connection) -> None:
    ingest("run", *ACME, "--config", "limit=5", "--config", "mode=fast")

    assert Run.objects.for_tenant(connection.tenant).get().params == {"config": {"limit": 5, "mode": "fast"}}


def test_a_missing_connection_says_how_to_make_it(acme: Tenant) -> None:
    answer = ingest("run", *ACME)

    assert answer.code == 2
    assert "manage.py ingest connect --tenant acme --pipeline app.payments" in answer.error


def test_an_unknown_pipeline_is_a_usage_error_with_a_suggestion(acme: Tenant) -> None:
    answer = ingest("run", "--tenant", "acme", "--pipeline", "app.payment")

    assert (answer.code, "Did you mean 'app.payments'" in answer.error) == (2, True)


def test_an_unknown_tenant_is_a_usage_error_with_a_suggestion(acme: Tenant) -> None:
    answer = ingest("run", "--tenant", "acmee", "--pipeline", "app.payments")

    assert (answer.code, "Did you mean 'acme'" in answer.error) == (2, True)


def test_what_cannot_be_done_now_is_refused_without_a_traceback(connection: Connection) -> None:
    actions.pause(actions.Actor(), connection, "bank holiday")

    answer = ingest("run", *ACME, "--json")

    assert answer.code == 1
    assert "is paused (bank holiday)" in answer.error
    assert answer.document == {"error": answer.error}


def test_retry_runs_a_failed_run_again(connection: Connection) -> None:
    with failing(SourceChanged("moved")):
        ingest("run", *ACME)
    failed = Run.objects.for_tenant(connection.tenant).get()

    (again,) = asked("retry", failed.pk)["runs"]

    assert (again["state"], again["id"] != failed.pk) == ("succeeded", True)


def test_a_run_of_another_tenant_is_not_there(acme: Tenant) -> None:
    theirs = run_pipeline(payments, make_tenant("globex"))

    for words in (("retry", theirs.pk), ("cancel", theirs.pk), ("show", "run", theirs.pk)):
        answer = ingest(*words, "--tenant", "acme")

        assert (answer.code, answer.error) == (2, f"There is no run {theirs.pk} of tenant acme.")


def test_cancel_ends_a_queued_run_at_once(connection: Connection) -> None:
    run = actions.run_now(actions.Actor(), connection, wake=False)

    (cancelled,) = asked("cancel", run.pk, "--reason", "wrong month")["runs"]

    assert cancelled["state"] == "cancelled"


def test_cancel_tells_that_a_running_run_stops_later(connection: Connection) -> None:
    run = actions.run_now(actions.Actor(), connection, wake=False)
    claims.claim(run.pk)

    answer = ingest("cancel", run.pk)

    assert (answer.code, "next batch boundary" in answer.out) == (0, True)


def test_cancel_of_an_ended_run_is_refused(connection: Connection) -> None:
    answer = ingest("cancel", run_pipeline(payments, connection.tenant).pk)

    assert (answer.code, "has ended already" in answer.error) == (1, True)


@pytest.mark.parametrize("words", [("run",), ("nonsense",), ("list",), ("cancel", "seven"), ("replay", "--since", "x")])
def test_what_is_asked_wrongly_is_refused(words: tuple[str, ...]) -> None:
    assert ingest(*words).code != 0


def test_a_run_that_finds_no_slot_says_so_and_stays_queued(acme: Tenant, connection: Connection) -> None:
    busy = actions.connect(actions.Actor(), acme, "app.payments", "busy")
    assert claims.claim(actions.run_now(actions.Actor(), busy, wake=False).pk) is not None

    answer = ingest("run", *ACME)

    assert answer.code == 4
    assert "the tenant's budget is full: 1 of its runs are running" in answer.error
