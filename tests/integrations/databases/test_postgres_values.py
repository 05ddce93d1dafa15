"""PostgreSQL's values that Python would change: months of intervals, numbers in JSON, what stands in arrays."""

from __future__ import annotations

import pytest

from ingestion import ConfigurationError
from integrations.databases import Rows, everything
from integrations.databases.postgres_values import interval_with_months
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import keys, pages, values

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def one_row(legacy: Legacy, kind: str, written: str) -> Rows:
    legacy.make("odd", f"id INTEGER PRIMARY KEY, odd {kind}")
    legacy.say(f"INSERT INTO odd VALUES (1, {written}), (2, NULL)")
    return Rows("legacy", everything, table="odd")


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("1 month", "P1M"), ("1 year", "P1Y"), ("14 months -3 days", "P1Y2M-3D"), ("-1 month -01:30:00", "P-1MT-1H-30M"),
        ("1 month 00:00:00.5", "P1MT0.5S"), ("3 days", "P3D"), ("00:01:30", "00:01:30"), ("-1 hour", "-PT3600S"),
    ],
)  # fmt: skip
def test_an_interval_keeps_its_months(legacy: Legacy, written: str, arrives: str) -> None:
    reading = one_row(legacy, "INTERVAL", f"'{written}'")

    assert [row["odd"] for row in values(pages(reading))] == [arrives, None]


def test_an_interval_with_months_is_the_same_to_the_database(legacy: Legacy) -> None:
    one_row(legacy, "INTERVAL", "'-1 year -2 months +3 days -04:05:06.7'")

    with legacy.connection.cursor() as cursor:
        cursor.execute("SELECT odd::text FROM odd WHERE id = 1")
        (written,) = cursor.fetchone()
        cursor.execute("SELECT odd::text = (%s::interval)::text FROM odd WHERE id = 1", [interval_with_months(written)])
        assert cursor.fetchone() == (True,)


def test_only_an_interval_with_months_is_written_in_iso_8601() -> None:
    assert [interval_with_months(written) for written in ("1 day 00:00:01", "-1 days", "00:00:00")] == [None] * 3
    assert interval_with_months("-2 years -1 mons +5 days +00:00:10.25") == "P-2Y-1M5DT10.25S"


def test_json_arrives_digit_by_digit(legacy: Legacy) -> None:
    written = '{"n": 12345678901234567.890, "big": 1e400}'

    found = pages(one_row(legacy, "JSON", f"'{written}'"))

    assert written.encode() in found[0].records[0].body


def test_json_with_a_name_twice_costs_its_row_alone(legacy: Legacy) -> None:
    (page,) = pages(one_row(legacy, "JSON", """'{"a": [{"b": 1, "b": 2}]}'"""))

    assert [[fault.path for fault in one.error.errors] for one in page.refused] == [["odd.a.0.b"]]


@pytest.mark.parametrize(
    ("kind", "written", "place"),
    [
        ("DOUBLE PRECISION[]", "'{1.5, NaN}'", "odd.1"), ("DATE[]", "'{2026-01-01, infinity}'", "odd.1"),
        ("REAL[][]", "'{{1, 2}, {3, -Infinity}}'", "odd.1.1"),
    ],
)  # fmt: skip
def test_what_stands_in_an_array_costs_its_row_alone(legacy: Legacy, kind: str, written: str, place: str) -> None:
    (page,) = pages(one_row(legacy, kind, written))

    assert keys([page]) == ["2"]
    assert [error.path for error in page.refused[0].error.errors] == [place]


def test_datetimes_in_an_array_have_their_zone(legacy: Legacy) -> None:
    found = pages(one_row(legacy, "TIMESTAMP[]", "'{2026-01-01 12:00:00}'"))

    assert values(found)[0]["odd"] == ["2026-01-01T12:00:00Z"]


def test_a_column_without_a_form_in_json_is_named(legacy: Legacy) -> None:
    with pytest.raises(ConfigurationError, match="The column 'odd' has no form in JSON"):
        pages(one_row(legacy, "INT4RANGE", "'[1,5)'"))
