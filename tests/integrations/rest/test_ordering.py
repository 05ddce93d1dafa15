"""What orders a connection's rows may change, and a version that no source can have meant may be stored."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import actions
from ingestion.models import Connection, Event, Run, Tenant
from integrations.rest.models import RestRecord
from tests.ingestion.runs import OPERATOR
from tests.integrations.rest.test_records import DECLARED, acme, connected, rows, run
from tests.integrations.rest.worlds import reply

__all__ = ["acme"]
pytestmark = [pytest.mark.every_database, pytest.mark.django_db]
PLAIN = {"total": "", "pagination": {"style": "none"}}
SECONDS = 1_767_225_600
"""2026-01-01."""


def load(connection: Connection, **record: Any) -> Run:
    return run(connection, lambda request: reply({"data": [{"id": 1, **record}]}))


def ordered(connection: Connection, **changes: Any) -> Connection:
    """The connection with other words on what orders its rows."""
    actions.configure(OPERATOR, connection, {"rest": {**DECLARED, **PLAIN, **changes}})
    connection.refresh_from_db()
    return connection


def name(tenant: Tenant) -> Any:
    return rows(tenant)["shop", "1"]["name"]


def notes(made: Run) -> list[str]:
    own = Event.objects.for_tenant(made.tenant_id).filter(run=made, name="note")
    return [text for text in own.values_list("text", flat=True) if "cannot be compared" in text]


CHANGES = {
    "a time, then a counter": ({"updated": "at"}, {"updated": "revision"}),
    "a counter in milliseconds, then a time": ({"updated": "ms", "updated_unit": "counter"}, {"updated": "ms"}),
    "seconds, then wrongly milliseconds": (
        {"updated": "s", "updated_unit": "seconds"},
        {"updated": "s", "updated_unit": "milliseconds"},
    ),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=list(CHANGES))
@pytest.mark.slow
def test_what_comes_after_another_member_or_unit_orders_is_taken_and_told(
    acme: Tenant, before: dict[str, str], after: dict[str, str]
) -> None:
    connection = connected(acme, **PLAIN, **before)
    load(connection, at="2026-01-01", revision=7, ms=SECONDS * 1000, s=SECONDS, name="before")
    newer = {"at": "2026-01-02", "revision": 8, "ms": SECONDS * 1000 + 1, "s": SECONDS + 1}

    made = load(ordered(connection, **after), **newer, name="newer")

    assert (made.ok, made.skip_reasons, name(acme)) == (1, {}, "newer")
    assert len(notes(made)) == 1
    older = {"at": "2026-01-01", "revision": 7, "ms": SECONDS * 1000, "s": SECONDS}
    made = load(connection, **older, name="older")
    assert (made.skip_reasons, name(acme), notes(made)) == ({"stale": 1}, "newer", [])


def test_a_version_that_no_source_can_have_meant_is_no_newer_one(acme: Tenant) -> None:
    connection = connected(acme, **PLAIN, updated="at")
    load(connection, at="2026-01-01", name="of 2999")
    RestRecord.objects.for_tenant(acme).update(version=32_472_144_000 * 10**6)

    made = load(connection, at="2026-01-02", name="mended")

    assert (made.ok, name(acme), len(notes(made))) == (1, "mended", 1)


def test_a_counter_may_be_larger_than_any_time(acme: Tenant) -> None:
    connection = connected(acme, **PLAIN, updated="n", updated_unit="counter")
    load(connection, n=SECONDS * 1000, name="newer")

    made = load(connection, n=SECONDS * 1000 - 1, name="older")

    assert (made.skip_reasons, name(acme)) == ({"stale": 1}, "newer")


def test_rows_whose_order_nobody_named_are_compared_as_before(acme: Tenant) -> None:
    connection = connected(acme, **PLAIN, updated="at")
    load(connection, at="2026-01-02", name="newer")
    RestRecord.objects.for_tenant(acme).update(ordered_by=None)

    assert load(connection, at="2026-01-01", name="older").skip_reasons == {"stale": 1}
