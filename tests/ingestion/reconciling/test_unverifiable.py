"""What proves nothing: runs in the way, sources that cannot say, outages."""

from __future__ import annotations

import dataclasses

import pytest

from ingestion import (
    CredentialError,
    ErrorBudget,
    Pipeline,
    SourceChanged,
    Transient,
    Unverifiable,
    actions,
)
from ingestion.models import Connection, Run
from ingestion.reconciling.checking import MOST_GROUPS
from ingestion.testing import registered
from tests.ingestion.periods import (
    Account,
    connected,
    loaded,
    noon,
    of,
    states,
)
from tests.ingestion.reconciling.checks import check, overlapping, remove
from tests.ingestion.runs import OPERATOR, carry, new_tenant

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def test_a_source_that_cannot_say_is_unverifiable_with_its_reason(account: Account, connection: Connection) -> None:
    account.raises.append(Unverifiable("Figures are kept for 30 days."))

    row = check(connection)[""]

    assert (row.state, row.cause, row.reason) == ("unverifiable", "silent", "Figures are kept for 30 days.")


@pytest.mark.slow
def test_a_column_of_too_many_values_is_no_group(account: Account, connection: Connection) -> None:
    """The account has two groups of its own."""
    for number in range(MOST_GROUPS - 2):
        account.put(f"g{number}", "1", noon(), f"G{number}")
    loaded(connection)
    most = check(connection)
    account.put("one more", "1", noon(), "ONE")

    (row,) = {(row.state, row.cause, row.reason) for row in check(connection).values()}

    assert len(most) == MOST_GROUPS
    assert {row.state for row in most.values()} == {"matched"}
    assert row[:2] == ("unverifiable", "fault")
    assert row[2].startswith(f"There are {MOST_GROUPS + 1} groups")


def test_a_changed_source_is_unverifiable(account: Account, connection: Connection) -> None:
    check(connection)
    account.raises.append(SourceChanged("No currency."))

    assert {row.cause for row in check(connection).values()} == {"fault"}
    assert states(connection) == {"EUR": "unverifiable", "JPY": "unverifiable"}


def test_a_run_under_way_over_the_period_proves_nothing(connection: Connection) -> None:
    remove(connection, "p1")
    run = overlapping(connection)

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing) == ("unverifiable", "busy", ["p1"])
    assert str(run.pk) in row.reason


def test_a_run_that_ended_meanwhile_proves_nothing(account: Account, connection: Connection) -> None:
    run = actions.run_now(OPERATOR, connection, wake=False)
    account.meanwhile.append(lambda: (carry(run), remove(connection, "p1"))[1])

    row = check(connection)["EUR"]

    assert (row.state, row.cause) == ("unverifiable", "busy")


def test_a_queued_run_over_another_time_is_not_in_the_way(connection: Connection) -> None:
    actions.run_now(OPERATOR, connection, wake=False)
    remove(connection, "p1")

    assert check(connection)["EUR"].state == "breach"


@pytest.mark.parametrize(
    ("missing", "dead_letters", "state"),
    [(1, 1, "unverifiable"), (2, 2, "unverifiable"), (2, 1, "breach"), (-1, 1, "breach"), (1, 0, "breach")],
)
def test_letters_explain_no_more_than_their_number_where_the_source_names_no_ids(
    account: Account, missing: int, dead_letters: int, state: str
) -> None:
    unnamed = dataclasses.replace(account, names_ids=False)
    with registered(of(unnamed, error_budget=ErrorBudget(1))) as pipeline:
        connection = connected(pipeline)
        for number in range(dead_letters):
            unnamed.put(f"bad{number}", "1?", noon())
        loaded(connection)
        for number in range(dead_letters):
            del unnamed.records[f"bad{number}"]
        for number in range(missing):
            unnamed.put(f"late{number}", "1.00", noon())
        for key in ["p1", "p2"][: max(0, -missing)]:
            del unnamed.records[key]

        checked = check(connection)

    assert checked["EUR"].state == state


def test_what_was_not_read_yet_is_unverifiable(pipeline: Pipeline) -> None:
    connection = connected(pipeline)

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing_count) == ("unverifiable", "unread", 2)


def test_a_period_that_was_read_in_part_is_unverifiable(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    actions.rewind(OPERATOR, connection, noon(), "read up to noon")

    row = check(connection)["EUR"]

    assert (row.state, row.cause) == ("unverifiable", "unread")


def test_a_transient_error_writes_nothing(account: Account, connection: Connection) -> None:
    for error in (Transient("503"), ConnectionResetError("reset"), TimeoutError()):
        account.raises[:] = [error]
        with pytest.raises(Transient):
            check(connection)

    assert states(connection) == {}
    connection.refresh_from_db()
    assert not connection.is_paused


def test_a_refused_credential_pauses_the_connection(account: Account, connection: Connection) -> None:
    account.raises.append(CredentialError("401"))

    with pytest.raises(CredentialError):
        check(connection)

    connection.refresh_from_db()
    assert connection.paused_reason == "The source refused the credential."


def test_a_run_of_another_tenant_is_not_in_the_way(account: Account, connection: Connection) -> None:
    remove(connection, "p1")
    other = connected(of(account), new_tenant())
    actions.run_now(OPERATOR, other, wake=False)

    assert check(connection)["EUR"].state == "breach"
    assert Run.unscoped.filter(connection=other).count() == 1
