"""A closed day is held against its source: matched, breach or unverifiable, whatever happens meanwhile."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion import (
    ConfigurationError,
    CredentialError,
    Periods,
    Pipeline,
    SourceChanged,
    Transient,
    Unverifiable,
    actions,
    reconciling,
)
from ingestion.clock import db_now_plus, read_db_now
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, Connection, ReconciledPeriod, Run
from ingestion.reconciling import Seams
from ingestion.testing import registered
from tests.app.oracle import Wide
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child, points_in
from tests.ingestion.periods import (
    DAY,
    PERIODS,
    Account,
    connected,
    loaded,
    noon,
    of,
    states,
    verdicts,
    yesterday,
)
from tests.ingestion.runs import OPERATOR, carry, new_tenant

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

CRASHES = ["declared", "judged", "written"]


@pytest.fixture
def account() -> Account:
    found = Account()
    found.put("p1", "10.50", noon())
    found.put("p2", "2.50", noon())
    found.put("p3", "500", noon(), "JPY")
    found.put("before", "99", noon(1))
    found.put("today", "99", yesterday().end)
    return found


@pytest.fixture
def pipeline(account: Account) -> Iterator[Pipeline]:
    with registered(of(account)) as value:
        yield value


@pytest.fixture
def connection(pipeline: Pipeline) -> Connection:
    found = connected(pipeline)
    loaded(found)
    return found


def check(connection: Connection, seams: Seams | None = None) -> dict[str, ReconciledPeriod]:
    reconciling.check(connection, yesterday(), seams=seams)
    return verdicts(connection)


def remove(connection: Connection, *keys: str) -> None:
    Wide.objects.for_tenant(connection.tenant).filter(external_id__in=keys).delete()


def test_equal_figures_match_by_group(connection: Connection) -> None:
    found = check(connection)

    assert {group: (row.state, row.declared_count, row.declared_sum, row.stored_sum) for group, row in found.items()} == {
        "EUR": ("matched", 2, "13", "13"), "JPY": ("matched", 1, "500", "500"),
    }  # fmt: skip


def test_an_empty_day_is_matched_and_seen(connection: Connection) -> None:
    reconciling.check(connection, yesterday(5))

    row = ReconciledPeriod.objects.for_tenant(connection.tenant).get(start=yesterday(5).start)
    assert (row.group, row.state, row.declared_count, row.stored_count) == ("", "matched", 0, 0)


def test_a_breach_names_what_is_missing_extra_and_differing(
    account: Account, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    account.put("p4", "1", noon())
    del account.records["p1"]
    account.put("p2", "3.00", noon())

    with caplog.at_level(logging.WARNING, "ingestion"):
        row = check(connection)["EUR"]

    assert row.state == "breach"
    assert (row.missing, row.extra) == (["p4"], ["p1"])
    assert row.differing == [{"id": "p2", "declared": "3", "stored": "2.5"}]
    assert (row.missing_count, row.extra_count, row.differing_count, row.difference) == (1, 1, 1, "9")
    assert states(connection)["JPY"] == "matched"
    (line,) = [one for one in caplog.records if getattr(one, "event", "") == "breach"]
    assert line.tenant_id == connection.tenant_id  # type: ignore[attr-defined]


def test_named_ids_are_sorted_and_bounded(account: Account, connection: Connection) -> None:
    for number in range(reconciling.SHOWN + 20):
        account.put(f"n{number:04}", "1", noon())

    row = check(connection)["EUR"]

    assert row.missing_count == reconciling.SHOWN + 20
    assert row.missing == [f"n{number:04}" for number in range(reconciling.SHOWN)]


def test_many_rows_are_compared_piece_by_piece(account: Account, connection: Connection) -> None:
    for number in range(6000):
        account.put(f"n{number:04}", "0.001", noon() + timedelta(seconds=number // 7))
    loaded(connection)
    del account.records["n5999"]

    row = check(connection)["EUR"]

    assert (row.state, row.extra, row.missing_count, row.stored_count) == ("breach", ["n5999"], 0, 6002)


def test_the_tolerance_is_an_amount_and_counts_have_none(account: Account) -> None:
    with registered(of(account, dataclasses.replace(PERIODS, tolerance=Decimal("0.05")))) as pipeline:
        connection = connected(pipeline)
        loaded(connection)
        account.put("p2", "2.55", noon())
        within = check(connection)["EUR"].state
        account.put("p2", "2.56", noon())
        beyond = check(connection)["EUR"].state
        account.put("p2", "2.50", noon())
        account.put("p0", "0", noon())
        one_more = check(connection)["EUR"].state

    assert (within, beyond, one_more) == ("matched", "breach", "breach")


@pytest.mark.parametrize("tolerance", [0.01, Decimal(-1), Decimal("NaN"), Decimal("Infinity"), "1%"])
def test_a_tolerance_that_is_no_amount_is_refused(tolerance: Decimal) -> None:
    with pytest.raises(ConfigurationError):
        Periods("moment", tolerance=tolerance)


def test_rows_the_source_no_longer_counts_are_left_out(account: Account, connection: Connection) -> None:
    account.put("p1", "10.50", noon(), gone=True)
    loaded(connection)

    assert check(connection)["EUR"].state == "matched"


def test_without_an_amount_rows_are_only_counted(account: Account) -> None:
    with registered(of(account, Periods("moment", group="line"))) as pipeline:
        connection = connected(pipeline)
        loaded(connection)
        account.put("p2", "9999", noon())
        matched = check(connection)["EUR"].state
        remove(connection, "p1")
        row = check(connection)["EUR"]

    assert matched == "matched"
    assert (row.state, row.missing, row.differing) == ("breach", ["p1"], [])


def test_a_group_that_vanished_on_both_sides_is_matched_again(account: Account, connection: Connection) -> None:
    remove(connection, "p3")
    assert check(connection)["JPY"].state == "breach"
    del account.records["p3"]

    assert check(connection)["JPY"].state == "matched"


def test_two_connections_of_one_account_both_match(account: Account, connection: Connection) -> None:
    second = connected(of(account), connection.tenant, "second")
    loaded(second)

    assert check(second)["EUR"].state == "matched"
    assert check(connection)["EUR"].state == "matched"


def test_rows_of_another_tenant_never_count(account: Account, connection: Connection) -> None:
    other = connected(of(account))
    loaded(other)
    remove(other, "p3")

    assert check(other)["JPY"].missing == ["p3"]
    assert check(connection)["JPY"].state == "matched"
    assert set(ReconciledPeriod.objects.for_tenant(other.tenant).values_list("connection", flat=True)) == {other.pk}


def test_a_source_that_names_no_ids_is_compared_by_its_figures(account: Account) -> None:
    with registered(of(dataclasses.replace(account, names_ids=False))) as pipeline:
        connection = connected(pipeline)
        loaded(connection)
        matched = states_after(connection)
        remove(connection, "p1")
        row = check(connection)["EUR"]

    assert matched == {"EUR": "matched", "JPY": "matched"}
    assert (row.state, row.missing, row.difference) == ("breach", [], "-10.5")


def states_after(connection: Connection) -> dict[str, str]:
    check(connection)
    return states(connection)


def test_a_source_that_cannot_say_is_unverifiable_with_its_reason(account: Account, connection: Connection) -> None:
    account.raises.append(Unverifiable("Figures are kept for 30 days."))

    row = check(connection)[""]

    assert (row.state, row.cause, row.reason) == ("unverifiable", "silent", "Figures are kept for 30 days.")


def test_a_changed_source_is_unverifiable(account: Account, connection: Connection) -> None:
    check(connection)
    account.raises.append(SourceChanged("No currency."))

    assert {row.cause for row in check(connection).values()} == {"fault"}
    assert states(connection) == {"EUR": "unverifiable", "JPY": "unverifiable"}


def test_rejected_records_explain_what_is_missing(account: Account, connection: Connection) -> None:
    account.put("p5", "7?", noon())
    run = loaded(connection)
    assert run.dead == 1

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing) == ("unverifiable", "rejected", ["p5"])


def test_rejected_records_do_not_explain_the_others(account: Account, connection: Connection) -> None:
    account.put("p5", "7?", noon())
    loaded(connection)
    remove(connection, "p1")

    assert check(connection)["EUR"].state == "breach"


def overlapping(connection: Connection) -> Run:
    """A queued run over a window that the period lies in."""
    actions.rewind(OPERATOR, connection, yesterday(1).start, "once more")
    return actions.run_now(OPERATOR, connection, hint=False)


def test_a_run_under_way_over_the_period_proves_nothing(connection: Connection) -> None:
    remove(connection, "p1")
    run = overlapping(connection)

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing) == ("unverifiable", "busy", ["p1"])
    assert str(run.pk) in row.reason


def test_a_run_that_ended_meanwhile_proves_nothing(account: Account, connection: Connection) -> None:
    run = actions.run_now(OPERATOR, connection, hint=False)
    account.meanwhile.append(lambda: (carry(run), remove(connection, "p1"))[1])

    row = check(connection)["EUR"]

    assert (row.state, row.cause) == ("unverifiable", "busy")


def test_a_queued_run_over_another_time_is_not_in_the_way(connection: Connection) -> None:
    actions.run_now(OPERATOR, connection, hint=False)
    remove(connection, "p1")

    assert check(connection)["EUR"].state == "breach"


def test_what_was_not_read_yet_is_unverifiable(pipeline: Pipeline) -> None:
    connection = connected(pipeline)

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing_count) == ("unverifiable", "unread", 2)


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


def test_checking_again_updates_the_row_and_keeps_the_history(account: Account, connection: Connection) -> None:
    first = check(connection)["EUR"]
    remove(connection, "p1")
    check(connection)
    check(connection)
    loaded(connection)

    last = check(connection)["EUR"]

    assert (last.pk, last.state, last.missing_count) == (first.pk, "matched", 0)
    history = AuditEntry.objects.for_tenant(connection.tenant).filter(action="reconcile").order_by("pk")
    changes = [(one.data["before"], one.data["after"]) for one in history if one.data["reconciliation"] == first.pk]
    assert changes == [("", "matched"), ("matched", "breach"), ("breach", "matched")]


def test_a_breach_stays_one_until_a_check_finds_it_matched(account: Account, connection: Connection) -> None:
    remove(connection, "p1")
    check(connection)
    account.raises.append(Unverifiable("Not today."))

    row = check(connection)["EUR"]

    assert (row.state, row.missing, row.reason) == ("breach", ["p1"], "Not today.")


def test_a_check_that_began_earlier_never_overwrites_a_later_one(account: Account, connection: Connection) -> None:
    def overtake(point: str) -> None:
        if point == "judged":
            remove(connection, "p1")
            reconciling.check(connection, yesterday())

    found = check(connection, Seams(at=overtake))

    assert found["EUR"].state == "breach"


def test_every_seam_of_the_reconciler_is_a_crash_point_here() -> None:
    assert points_in(Path(str(reconciling.__file__)).parent.rglob("*.py")) == set(CRASHES)


@pytest.mark.parametrize("point", CRASHES)
def test_a_check_that_dies_leaves_nothing_and_is_repeated(connection: Connection, point: str) -> None:
    def die() -> None:
        check(connection, Seams(at=DyingAt(point)))

    assert in_child(die) == KILLED

    assert states(connection) == {}
    assert states_after(connection) == {"EUR": "matched", "JPY": "matched"}


def test_an_open_period_is_refused(connection: Connection) -> None:
    with pytest.raises(ActionRefused, match="not closed"):
        reconciling.check(connection, yesterday(-1))


def test_a_pipeline_without_periods_is_refused(account: Account) -> None:
    with registered(of(account, None)) as pipeline, pytest.raises(ActionRefused, match="periods="):
        reconciling.check(connected(pipeline), yesterday())


def test_a_turn_is_taken_once_and_checks_the_days_that_are_due(account: Account, connection: Connection) -> None:
    Connection.unscoped.exclude(pk=connection.pk).update(next_check=db_now_plus(9999))

    turns = [len(reconciling.take_turns()) for _ in range(2)]
    counts = [reconciling.carry(connection.pk) for _ in range(2)]

    assert turns == [1, 0]
    assert counts == [3, 0]
    assert account.asked == [yesterday(0), yesterday(1), yesterday(2)]
    assert reconciling.look(connection, read_db_now() + timedelta(hours=21)) != []


def test_a_paused_connection_has_no_turn(connection: Connection) -> None:
    actions.pause(OPERATOR, connection, "later")

    assert connection.pk not in [one.pk for one in reconciling.take_turns()]
    assert reconciling.carry(connection.pk) == 0


def test_a_day_that_was_in_the_way_of_a_run_is_due_again_soon(account: Account, connection: Connection) -> None:
    remove(connection, "p1")
    run = overlapping(connection)
    reconciling.carry(connection.pk)
    assert reconciling.look(connection) == [yesterday()]
    carry(run)

    reconciling.carry(connection.pk)

    assert states(connection)["EUR"] == "matched"
    assert reconciling.look(connection) == []


def test_a_turn_that_meets_an_outage_ends_and_says_so(
    account: Account, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    account.raises.append(Transient("503"))

    assert reconciling.carry(connection.pk) == 0

    assert len(account.asked) == 1
    assert [one.levelname for one in caplog.records if getattr(one, "event", "") == "reconcile"] == ["WARNING"]


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


def test_a_run_of_another_tenant_is_not_in_the_way(account: Account, connection: Connection) -> None:
    remove(connection, "p1")
    other = connected(of(account), new_tenant())
    actions.run_now(OPERATOR, other, hint=False)

    assert check(connection)["EUR"].state == "breach"
    assert Run.unscoped.filter(connection=other).count() == 1
