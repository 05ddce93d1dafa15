"""Which periods are due to be checked, and when."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from ingestion import (
    Pipeline,
    Transient,
    Window,
    actions,
    reconciling,
)
from ingestion.core.errors import ActionRefused, CredentialError
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.models import Connection, ReconciledPeriod
from ingestion.testing import registered
from tests.ingestion.periods import (
    DAY,
    LAG,
    Account,
    connected,
    of,
    states,
    yesterday,
)
from tests.ingestion.reconciling.checks import check, overlapping, remove
from tests.ingestion.runs import OPERATOR, carry

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def test_an_open_period_is_refused(connection: Connection) -> None:
    with pytest.raises(ActionRefused, match="not closed"):
        reconciling.check(connection, yesterday(-1))


def test_a_period_is_closed_once_the_lag_after_its_end_is_over(pipeline: Pipeline) -> None:
    day = yesterday()

    with pytest.raises(ActionRefused, match="not closed"):
        reconciling.require_closed(day, pipeline, day.end + LAG - timedelta(microseconds=1))

    reconciling.require_closed(day, pipeline, day.end + LAG)


def test_a_period_of_no_length_is_refused(connection: Connection) -> None:
    start = yesterday().start

    with pytest.raises(ActionRefused, match="no period"):
        reconciling.check(connection, Window(start, start))


def test_a_pipeline_without_periods_is_refused(account: Account) -> None:
    with registered(of(account, None)) as pipeline, pytest.raises(ActionRefused, match="periods="):
        reconciling.check(connected(pipeline), yesterday())


def test_a_turn_is_taken_once_and_checks_the_days_that_are_due(account: Account, connection: Connection) -> None:
    Connection.unscoped.exclude(pk=connection.pk).update(next_check=db_now_plus(9999))

    turns = [len(reconciling.take_due_connections()) for _ in range(2)]
    counts = [reconciling.check_due_periods(connection.pk) for _ in range(2)]

    assert turns == [1, 0]
    assert counts == [3, 0]
    assert account.asked == [yesterday(0), yesterday(1), yesterday(2)]
    assert reconciling.due_periods(connection, read_db_now() + timedelta(hours=21)) != []


def test_a_paused_connection_has_no_turn(connection: Connection) -> None:
    actions.pause(OPERATOR, connection, "later")

    assert connection.pk not in [one.pk for one in reconciling.take_due_connections()]
    assert reconciling.check_due_periods(connection.pk) == 0


@pytest.mark.slow
def test_a_day_that_was_in_the_way_of_a_run_is_due_again_soon(account: Account, connection: Connection) -> None:
    remove(connection, "p1")
    run = overlapping(connection)
    reconciling.check_due_periods(connection.pk)
    assert reconciling.due_periods(connection) == [yesterday()]
    carry(run)

    reconciling.check_due_periods(connection.pk)

    assert states(connection)["EUR"] == "matched"
    assert reconciling.due_periods(connection) == []


def test_a_turn_that_meets_an_outage_ends_and_says_so(
    account: Account, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    account.raises.append(Transient("503"))

    assert reconciling.check_due_periods(connection.pk) == 0

    assert len(account.asked) == 1
    assert [one.levelname for one in caplog.records if getattr(one, "event", "") == "reconcile"] == ["WARNING"]


def test_a_turn_whose_credential_is_refused_says_that_the_connection_is_paused(
    account: Account, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    account.raises.append(CredentialError("401"))

    assert reconciling.check_due_periods(connection.pk) == 0

    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "reconcile"]
    assert (line.levelname, line.connection_id) == ("ERROR", connection.pk)  # type: ignore[attr-defined]
    assert line.getMessage().endswith("(CredentialError: 401); the connection is paused.")


def test_nothing_is_asked_of_the_source_inside_a_transaction(account: Account, connection: Connection) -> None:
    from django.db import connection as database

    account.meanwhile.append(lambda: seen.append(database.in_atomic_block))
    seen: list[bool] = []

    check(connection)

    assert seen == [False]


def test_a_period_of_another_length(connection: Connection) -> None:
    window = dataclasses.replace(yesterday(), start=yesterday(6).start)

    reconciling.check(connection, window)

    row = ReconciledPeriod.objects.for_tenant(connection.tenant).get(start=window.start, group="EUR")
    assert (row.state, row.declared_count, row.end - row.start) == ("matched", 3, 7 * DAY)
