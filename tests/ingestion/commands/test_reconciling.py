"""`ingest reconcile`, `resync`, `list reconciliations`, `show reconciliation` and what `health` says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion.models import Connection
from ingestion.testing import make_tenant, registered
from tests.app.oracle import Wide
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.periods import Account, connected, loaded, noon, of, yesterday

pytestmark = pytest.mark.django_db
NAMED = ("--tenant", "acme", "--pipeline", "app.oracle")


@pytest.fixture
def connection() -> Iterator[Connection]:
    account = Account()
    account.put("p1", "10.50", noon())
    account.put("p2", "2.50", noon(), "JPY")
    account.put("p3", "1.00", noon(1))
    with registered(of(account)) as pipeline:
        found = connected(pipeline, make_tenant("acme"))
        loaded(found)
        yield found


@pytest.fixture
def broken(connection: Connection) -> Connection:
    Wide.objects.for_tenant(connection.tenant).filter(external_id="p1").delete()
    return connection


def test_yesterday_is_checked_when_no_period_is_named(connection: Connection) -> None:
    rows = asked("reconcile", *NAMED)["reconciliations"]

    assert [(one["group"], one["state"]) for one in rows] == [("EUR", "matched"), ("JPY", "matched")]


def test_a_breach_is_exit_code_3_and_says_what_to_do(broken: Connection) -> None:
    answer = ingest("reconcile", *NAMED, "--day", yesterday().start.date().isoformat(), "--json")

    assert answer.code == 3
    (row,) = (one for one in answer.document["reconciliations"] if one["state"] == "breach")
    assert (row["group"], row["missing"]) == ("EUR", ["p1"])
    assert f"ingest resync {row['id']}" in answer.error


def test_a_stretch_is_checked_in_periods(connection: Connection) -> None:
    stretch = ("--from", yesterday(3).start.isoformat(), "--to", yesterday().end.isoformat())

    by_day = asked("reconcile", *NAMED, *stretch)["reconciliations"]
    whole = asked("reconcile", *NAMED, *stretch, "--period", "1w")["reconciliations"]

    assert len({one["start"] for one in by_day}) == 4
    assert [(one["group"], one["declared_count"]) for one in whole] == [("EUR", 2), ("JPY", 1)]


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "2d"),
        ("--day", "2026-01-01", "--from", "2d", "--to", "1d"),
        ("--from", "1d", "--to", "2d"),
        ("--from", "2d", "--to", "1d", "--period", "1s"),
    ],
)
def test_asked_wrongly(connection: Connection, words: tuple[str, ...]) -> None:
    assert ingest("reconcile", *NAMED, *words).code == 2


def test_what_is_no_date_is_refused(connection: Connection) -> None:
    assert "no date like" in ingest("reconcile", *NAMED, "--day", "yesterday").error


def test_an_open_day_is_refused(connection: Connection) -> None:
    answer = ingest("reconcile", *NAMED, "--day", yesterday(-1).start.date().isoformat())

    assert answer.code == 1
    assert "not closed yet" in answer.error


def test_a_resync_mends_and_the_next_check_says_so(broken: Connection) -> None:
    ingest("reconcile", *NAMED)
    (row,) = asked("list", "reconciliations", "--state", "breach")["reconciliations"]

    run = asked("resync", row["id"], "--reason", "sent late")["runs"][0]

    assert (run["kind"], run["state"], run["ok"]) == ("backfill", "succeeded", 1)
    assert {one["state"] for one in asked("reconcile", *NAMED)["reconciliations"]} == {"matched"}


def test_reconciliations_are_listed_and_shown_by_tenant(broken: Connection) -> None:
    ingest("reconcile", *NAMED)
    make_tenant("globex")
    (row,) = asked("list", "reconciliations", "--tenant", "acme", "--state", "breach")["reconciliations"]

    assert asked("show", "reconciliation", row["id"])["reconciliation"]["missing"] == ["p1"]
    assert asked("list", "reconciliations", "--tenant", "globex")["reconciliations"] == []
    assert ingest("show", "reconciliation", row["id"], "--tenant", "globex").code == 2
    assert ingest("resync", row["id"], "--tenant", "globex", "--reason", "x").code == 2


def test_health_shows_breaches(broken: Connection) -> None:
    ingest("reconcile", *NAMED)

    (row,) = ingest("health", "--json").document["breaches"]

    assert (row["tenant"], row["group"], row["state"]) == ("acme", "EUR", "breach")


def test_a_pipeline_that_cannot_says_what_it_needs() -> None:
    with registered(of(Account(), None)) as pipeline:
        connected(pipeline, make_tenant("acme"))

        answer = ingest("reconcile", *NAMED)

    assert answer.code == 1
    assert "periods=Periods(" in answer.error
