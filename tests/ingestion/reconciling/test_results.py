"""What a check leaves behind: one row a period, its history, and nothing when it dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion import (
    Unverifiable,
    reconciling,
)
from ingestion.models import AuditEntry, Connection
from ingestion.reconciling import CheckHooks
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child, points_in
from tests.ingestion.periods import (
    Account,
    loaded,
    states,
    yesterday,
)
from tests.ingestion.reconciling.checks import check, remove, states_after

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
CRASHES = ["declared", "compared", "written"]


@pytest.mark.slow
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
        if point == "compared":
            remove(connection, "p1")
            reconciling.check(connection, yesterday())

    found = check(connection, CheckHooks(at=overtake))

    assert found["EUR"].state == "breach"


def test_every_seam_of_the_reconciler_is_a_crash_point_here() -> None:
    assert points_in(Path(str(reconciling.__file__)).parent.rglob("*.py")) == set(CRASHES)


@pytest.mark.parametrize("point", CRASHES)
@pytest.mark.slow
def test_a_check_that_dies_leaves_nothing_and_is_repeated(connection: Connection, point: str) -> None:
    def die() -> None:
        check(connection, CheckHooks(at=DyingAt(point)))

    assert in_child(die) == KILLED

    assert states(connection) == {}
    assert states_after(connection) == {"EUR": "matched", "JPY": "matched"}
