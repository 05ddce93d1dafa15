"""Closed days are compared by count and sum, and a breach names the rows."""

from __future__ import annotations

import dataclasses
import logging
from datetime import timedelta
from decimal import Decimal

import pytest

from ingestion import (
    ConfigurationError,
    Periods,
    reconciling,
)
from ingestion.models import Connection, ReconciledPeriod
from ingestion.testing import registered
from tests.ingestion.periods import (
    PERIODS,
    Account,
    connected,
    loaded,
    noon,
    of,
    states,
    yesterday,
)
from tests.ingestion.reconciling.checks import check, remove, states_after

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_connections_of_one_account_both_match(account: Account, connection: Connection) -> None:
    second = connected(of(account), connection.tenant, "second")
    loaded(second)

    assert check(second)["EUR"].state == "matched"
    assert check(connection)["EUR"].state == "matched"


@pytest.mark.slow
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


@pytest.mark.slow
def test_rejected_records_explain_what_is_missing(account: Account, connection: Connection) -> None:
    account.put("p5", "7?", noon())
    run = loaded(connection)
    assert run.dead == 1

    row = check(connection)["EUR"]

    assert (row.state, row.cause, row.missing) == ("unverifiable", "rejected", ["p5"])


def test_rejected_records_do_not_explain_what_the_source_does_not_have(
    account: Account, connection: Connection
) -> None:
    account.put("p5", "7?", noon())
    account.put("p6", "3", noon())
    loaded(connection)
    del account.records["p6"]

    row = check(connection)["EUR"]

    assert (row.state, row.missing, row.extra) == ("breach", ["p5"], ["p6"])


@pytest.mark.slow
def test_rejected_records_do_not_explain_the_others(account: Account, connection: Connection) -> None:
    account.put("p5", "7?", noon())
    loaded(connection)
    remove(connection, "p1")

    assert check(connection)["EUR"].state == "breach"
