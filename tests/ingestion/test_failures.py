"""Failures are answered by class: who must act decides what the engine does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from rq.timeouts import JobTimeoutException

from ingestion import (
    Context,
    CountsAgree,
    CredentialError,
    ErrorBudget,
    SourceChanged,
    SumAgrees,
    Transient,
    actions,
)
from ingestion.core.errors import ActionRefused
from ingestion.models import Event, Run
from ingestion.running.closing import backoff
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.halting import Halting
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    counts,
    dead_letters,
    due,
    events,
    item,
    items,
    load,
    new_tenant,
    over,
    queued,
    rows,
    watermarks,
)

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def failing(error: Exception, records: list[dict[str, Any]] | None = None) -> Any:
    return over([], source=Records(records or items(3), page_size=2, error=error))


def test_a_transient_error_is_tried_again_later_from_the_checkpoint() -> None:
    with registered(failing(Transient("503"))) as pipeline:
        run = carry(queued(pipeline))

        assert (run.state, run.attempts, counts(run), run.checkpoint) == (Run.State.QUEUED, 1, (3, 3, 0, 0), 3)
        assert run.not_before is not None
        assert run.active_key is None
        assert carry(run).attempts == 1, "it is not due yet"

    with registered(over(items(3))):
        due(run)
        carry(run)
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (3, 3, 0, 0))
    assert events(run).count("retry") == 1


@pytest.mark.slow
def test_a_run_fails_when_its_attempts_are_used_up() -> None:
    with registered(failing(Transient("503 Service Unavailable"))) as pipeline, configured(MAX_ATTEMPTS=3):
        run = queued(pipeline)
        for _ in range(5):
            due(run)
            carry(run)

    assert (run.state, run.attempts, run.error_class) == (Run.State.FAILED, 2, "Transient")
    assert "503" in run.error_message
    assert events(run).count("retry") == 2
    assert watermarks(run.connection) == []


def test_the_wait_doubles_and_honours_the_source_up_to_the_cap() -> None:
    with configured(BACKOFF_SECONDS=5, BACKOFF_CAP_SECONDS=600):
        waits = [backoff(failed, None) for failed in range(12)]

        assert all(5 * 2**failed * 0.75 <= wait <= 5 * 2**failed * 1.25 for failed, wait in enumerate(waits[:6]))
        assert max(waits) <= 600
        assert backoff(0, retry_after=120) == 120
        assert backoff(0, retry_after=10**9) == 600
        assert backoff(0, retry_after=-5) > 0


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError("slow")], ids=lambda e: type(e).__name__)
def test_a_network_error_of_the_source_is_transient(error: Exception) -> None:
    run = load(failing(error))

    assert (run.state, run.attempts) == (Run.State.QUEUED, 1)


def test_a_refused_credential_fails_the_run_and_pauses_the_connection() -> None:
    run = load(failing(CredentialError("401")))

    run.connection.refresh_from_db()
    assert (run.state, run.error_class) == (Run.State.FAILED, "CredentialError")
    note = Event.unscoped.get(run=run, name="note")
    assert note.text == "The connection is paused: nothing of it runs until somebody resumes it."
    assert run.connection.is_paused
    assert watermarks(run.connection) == []
    with registered(over(items(1))), pytest.raises(ActionRefused, match="paused"):
        actions.run_now(OPERATOR, run.connection, wake=False)


def test_a_changed_source_stops_before_the_watermark(caplog: pytest.LogCaptureFixture) -> None:
    run = load(failing(SourceChanged("no field `amount`")))

    assert [record.levelname for record in caplog.records if getattr(record, "event", "") == "failed"] == ["ERROR"]
    assert (run.state, run.error_class, run.traceback) == (Run.State.FAILED, "SourceChanged", "")
    assert watermarks(run.connection) == []
    assert run.watermark_after is None


def test_our_own_bug_fails_the_run_and_keeps_the_traceback() -> None:
    def transform(value: Any, ctx: Context) -> Entry:
        raise RuntimeError("our bug")

    run = load(over(items(2), transform=transform))

    assert (run.state, run.error_class) == (Run.State.FAILED, "RuntimeError")
    assert "our bug" in run.traceback
    assert dead_letters(run.tenant) == []


def test_too_many_rejects_fail_the_run_before_the_page_is_loaded() -> None:
    given = [*items(10), *(item(n, amount="much") for n in range(11, 31))]

    run = load(over(given, page=10, error_budget=ErrorBudget(ratio=0.4, at_least=15)))

    assert (run.state, run.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert counts(run) == (20, 10, 0, 10)
    assert len(dead_letters(run.tenant)) == 10
    assert watermarks(run.connection) == []


def test_rejects_of_the_database_itself_break_the_budget_too() -> None:
    given = [item(n, amount="-1.00") for n in range(1, 11)]

    run = load(over(given, page=5, error_budget=ErrorBudget(ratio=0.5, at_least=5)))

    assert (run.state, run.error_class, counts(run)) == (Run.State.FAILED, "ErrorBudgetExceeded", (5, 0, 0, 5))


@pytest.mark.parametrize(
    ("budget", "read", "allowed"),
    [
        (ErrorBudget(), 10, "at most half of a run of fewer than 200 records"),
        (ErrorBudget(), 200, "at most half of a run of at least 200 records"),
        (ErrorBudget(0.05), 10, "at most half of a run of fewer than 200 records"),
        (ErrorBudget(0.05), 200, "at most 5 % of a run of at least 200 records"),
        (ErrorBudget(0.96), 10, "at most 96 % of a run of fewer than 200 records"),
        (ErrorBudget(0.1, 1), 10, "at most 10 % of a run"),
        (ErrorBudget(0.0, 5), 10, "none of a run of at least 5 records"),
    ],
)
def test_a_broken_budget_says_what_it_allows_of_how_large_a_run(budget: ErrorBudget, read: int, allowed: str) -> None:
    message = budget.breach(read, read)

    assert message == f"{read} of {read} records were rejected; the error budget allows {allowed}."


def test_few_rejects_are_within_the_budget() -> None:
    run = load(over([*items(9), item(10, amount="much")], error_budget=ErrorBudget(ratio=0.2, at_least=5)))

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (10, 9, 0, 1))
    assert watermarks(run.connection) == [run.window_end]


@pytest.mark.parametrize(
    ("check", "declared", "state"),
    [
        (CountsAgree(), {"count": Decimal(3)}, Run.State.SUCCEEDED),
        (CountsAgree(), {"count": Decimal(4)}, Run.State.FAILED),
        (SumAgrees("amount"), {"amount": Decimal("6.00")}, Run.State.SUCCEEDED),
        (SumAgrees("amount"), {"amount": Decimal("6.01")}, Run.State.FAILED),
    ],
)
def test_a_run_that_disagrees_with_its_source_moves_no_watermark(check: Any, declared: Any, state: Run.State) -> None:
    source = Records(items(3), page_size=2, declares=declared)

    run = load(over([], source=source, reconciliations=(check,)))

    assert run.state == state
    assert run.error_class == ("" if state == Run.State.SUCCEEDED else "ReconciliationError")
    assert watermarks(run.connection) == ([run.window_end] if state == Run.State.SUCCEEDED else [])


def test_control_totals_hold_across_a_resume() -> None:
    source = Halting(items(6), page_size=2, declares={"amount": Decimal(21), "count": Decimal(6)})
    with registered(over([], source=source, reconciliations=(SumAgrees("amount"), CountsAgree()))) as pipeline:
        run = carry(queued(pipeline))
        due(run)
        carry(run)

    assert (run.state, run.error_message, counts(run)) == (Run.State.SUCCEEDED, "", (6, 6, 0, 0))


@pytest.mark.parametrize(
    "error",
    [
        JobTimeoutException(),
        OperationalError(2013, "Lost connection"),
        OperationalError(1213, "Deadlock"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_records_fault_never_becomes_a_dead_letter(error: BaseException) -> None:
    def transform(value: Any, ctx: Context) -> Entry:
        if value.id == "rec_0002":
            raise error
        return Entry(external_id=value.id, amount=1)

    run = load(over(items(4), transform=transform))

    assert dead_letters(run.tenant) == []
    assert counts(run) == (0, 0, 0, 0)
    assert run.state == (Run.State.FAILED if isinstance(error, MemoryError) else Run.State.QUEUED)


@pytest.mark.parametrize("error", [InterfaceError("connection already closed"), OperationalError(2006, "gone away")])
def test_a_destination_that_loses_its_connection_is_tried_again_and_loads_once(error: Exception) -> None:
    from tests.app.oracle import Counted

    broken = [error, error]

    class Losing(Counted):
        def load(self, ctx: Context, ready: Any) -> Any:
            loaded = super().load(ctx, ready)
            if broken:
                raise broken.pop()
            return loaded

    run = load(over(items(4), page=2, destination=Losing()))

    assert (run.state, counts(run), run.attempts) == (Run.State.SUCCEEDED, (4, 4, 0, 0), 0)
    assert len(rows(run.tenant)) == 4
    assert dead_letters(run.tenant) == []


def test_a_database_that_stays_away_queues_the_run_for_another_attempt() -> None:
    from tests.app.oracle import Counted

    class Gone(Counted):
        def load(self, ctx: Context, ready: Any) -> Any:
            raise OperationalError(2006, "gone away")

    run = load(over(items(4), destination=Gone()))

    assert (run.state, run.error_class, run.attempts) == (Run.State.QUEUED, "DestinationUnavailable", 1)
    assert (counts(run), dead_letters(run.tenant)) == ((0, 0, 0, 0), [])


def test_an_error_text_no_database_takes_is_kept_readable() -> None:
    run = load(failing(SourceChanged("bad \0 byte and half \ud800 pair")))

    assert run.state == Run.State.FAILED
    assert "bad \\0 byte" in run.error_message


def test_a_failed_run_is_retried_over_the_same_window() -> None:
    tenant = new_tenant()
    failed = load(failing(SourceChanged("?")), tenant)

    with registered(over(items(3))):
        again = carry(actions.retry(OPERATOR, failed, wake=False))

    assert (again.window_start, again.window_end) == (failed.window_start, failed.window_end)
    assert (again.state, counts(again)) == (Run.State.SUCCEEDED, (3, 0, 3, 0))
