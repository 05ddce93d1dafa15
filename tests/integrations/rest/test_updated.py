"""What orders a record's states: times in any unit, none, and ones that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion import actions
from ingestion.core import registry
from ingestion.models import Tenant
from integrations.rest.models import RestRecord
from integrations.rest.schema import Anything
from integrations.rest.versions import version_of
from tests.ingestion.runs import OPERATOR, dead_letters
from tests.integrations.rest.configured import config, preview
from tests.integrations.rest.test_records import DECLARED, acme, connected, rows, run
from tests.integrations.rest.worlds import World, context, reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]
SECONDS = 1_767_225_600
"""2026-01-01."""


def states(tenant: Tenant, *updates: Any, **declared: Any) -> list[Any]:
    """What is stored of one record after each of these times of change; each state has its number."""
    connection, stored = connected(tenant, updated="at", total="", pagination={"style": "none"}, **declared), []
    for number, at in enumerate(updates):
        run(connection, lambda request, at=at, number=number: reply({"data": [{"id": 1, "at": at, "n": number}]}))
        stored.append({key: row["n"] for (_, key), row in rows(tenant).items()}.get("1"))
    return stored


UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_a_source_may_change_the_unit_of_its_times(acme: Tenant, unit: str) -> None:
    later = [SECONDS, (SECONDS + 1) * UNITS[unit], SECONDS + 2, (SECONDS + 1) * UNITS[unit]]

    assert states(acme, *later) == [0, 1, 2, 2]


@pytest.mark.parametrize("unit", UNITS)
def test_a_time_is_the_same_version_in_every_unit(unit: str) -> None:
    number = SECONDS * UNITS[unit]

    assert version_of({"at": number}, "at") == version_of({"at": "2026-01-01T00:00:00Z"}, "at") == SECONDS * 10**6


@pytest.mark.parametrize("numbers", [range(1, 5), range(9 * 10**8, 9 * 10**8 + 4)])
def test_versions_that_count_grow(numbers: range) -> None:
    versions = [version_of({"at": number}, "at") for number in numbers]

    assert versions == sorted(set(versions), key=lambda version: version or 0)


BORDERS = [946_684_800 * 10**power for power in (0, 3, 6, 9)] + [4_102_444_800 * 10**3, 8 * 10**12, 9 * 10**12, 10**18]


@pytest.mark.parametrize("border", BORDERS)
def test_a_declared_counter_keeps_its_unit_whatever_it_passes(border: int) -> None:
    numbers = [border // 10, border - 128, border - 64, border, border + 64, border + 128, border * 8]

    versions = [version_of({"at": number}, "at", unit="counter") for number in numbers]

    assert versions == sorted(set(versions), key=lambda version: version or 0)
    assert max(filter(None, versions)) < 2**63


def test_every_step_of_a_declared_counter_counts_and_an_undeclared_one_is_met_again() -> None:
    steps = [version_of({"at": 20_260_101_123_000 + step}, "at", unit="counter") for step in range(5)]

    assert steps == sorted(set(steps), key=lambda version: version or 0)
    assert version_of({"at": 1234}, "at", unit="counter") == version_of({"at": 1234}, "at")


YEAR_5000 = 95_617_584_000


@pytest.mark.parametrize(
    "at", [946_684_800_000 - 1, 4_102_444_800, 10**13, *(YEAR_5000 * unit for unit in UNITS.values())]
)
@pytest.mark.slow
def test_a_number_that_may_be_several_things_is_a_letter_that_asks_which(acme: Tenant, at: int) -> None:
    assert states(acme, SECONDS, at, SECONDS + 2) == [0, 0, 2]

    (dead_letter,) = dead_letters(acme)
    assert "updated_unit" in str(dead_letter.errors)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.slow
def test_a_number_is_a_time_that_may_lie_in_the_future_too(acme: Tenant, unit: str, declared: bool) -> None:
    far = (SECONDS + 20 * 365 * 86_400) * UNITS[unit]
    told = {"updated_unit": unit} if declared else {}

    assert states(acme, SECONDS * UNITS[unit], far, (SECONDS + 2) * UNITS[unit], **told) == [0, 0, 2]

    (dead_letter,) = dead_letters(acme)
    assert "lies in the future" in str(dead_letter.errors)


def test_a_declared_unit_reads_times_of_any_year() -> None:
    numbers = [-86_400_000, 0, 900_000_000_000, SECONDS * 1000, YEAR_5000 * 1000]

    assert [version_of({"at": number}, "at", unit="milliseconds") for number in numbers] == [1000 * n for n in numbers]


def test_fractions_of_seconds_order_times_of_before_1970_too() -> None:
    times = ["1955-11-05T06:00:00.25Z", "1955-11-05T06:00:00.75Z", "1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z"]

    versions = [version_of({"at": at}, "at") for at in times]

    assert versions == sorted(set(versions))


def test_a_preview_says_that_the_times_cannot_be_told() -> None:
    body = [{"id": 1, "at": SECONDS}, {"id": 2, "at": YEAR_5000 * 1000}]
    declared = config(key="id", updated="at")

    page = preview(World(lambda request: reply(body)), declared)

    assert ["updated_unit" in note for note in page.notes if note.startswith("Records will be")] == [True]


def test_a_counter_takes_no_times(acme: Tenant) -> None:
    assert states(acme, 7, "2026-01-01T00:00:00Z", 8, updated_unit="counter") == [0, 0, 2]

    (dead_letter,) = dead_letters(acme)
    assert "no number" in str(dead_letter.errors)


@pytest.mark.parametrize("at", ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59", "2099-01-01"])
@pytest.mark.slow
def test_a_time_far_in_the_future_is_a_letter_and_freezes_nothing(acme: Tenant, at: str) -> None:
    assert states(acme, "2026-01-01", at, "2026-01-02") == [0, 0, 2]

    (dead_letter,) = dead_letters(acme)
    assert "lies in the future" in str(dead_letter.errors)


def test_what_changed_while_a_run_went_on_for_days_lies_in_no_future() -> None:
    began = datetime.now(UTC) - timedelta(days=3)
    ctx = context(now=began, config=config(key="id", updated="at"))
    changed = Anything.model_validate_json(f'{{"id": 1, "at": "{began + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}}')

    row = registry.get("rest.records").transform(changed, ctx)

    assert row["version"] == version_of(changed.value, "at")


def test_a_record_without_a_time_opens_no_way_for_an_older_one(acme: Tenant) -> None:
    assert states(acme, "2026-02-01", None, "2026-01-01") == [0, 0, 0]


@pytest.mark.every_database
def test_without_updated_records_change_again_and_forget_their_versions(acme: Tenant) -> None:
    changes = {"total": "", "pagination": {"style": "none"}}
    connection = connected(acme, updated="at", **changes)
    source = {"data": [{"id": 1, "at": "2026-02-01", "n": 1}]}
    run(connection, lambda request: reply(source))

    actions.configure(OPERATOR, connection, {"rest": {**DECLARED, **changes, "updated": ""}})
    connection.refresh_from_db()
    source["data"][0]["n"] = 2
    made = run(connection, lambda request: reply(source))

    assert (made.ok, made.skip_reasons, rows(acme)["shop", "1"]["n"]) == (1, {}, 2)
    assert RestRecord.objects.for_tenant(acme).get().version is None
