"""MariaDB's values that Python has no word for, and those whose sign it would lose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import FloatField, IntegerField, Model

from ingestion import Window
from integrations.databases import Rows, everything
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import context, keys, pages, values

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mariadb]


def lenient(legacy: Legacy, columns: str, *rows: str) -> None:
    legacy.make("odd", f"id INTEGER PRIMARY KEY, {columns}")
    legacy.say("SET sql_mode = 'ALLOW_INVALID_DATES'")
    legacy.say(f"INSERT INTO odd VALUES {', '.join(rows)}")


def test_a_time_keeps_its_sign(legacy: Legacy) -> None:
    lenient(legacy, "t TIME(2)", "(1, '-00:00:01')", "(2, '00:00:01')", "(3, '-12:30:00.25')", "(4, '00:00:00')")

    found = pages(Rows("legacy", everything, table="odd"))

    assert [row["t"] for row in values(found)] == ["-PT1S", "00:00:01", "-PT45000.25S", "00:00:00"]


@pytest.mark.parametrize("size", [1, 2])
def test_times_before_and_after_zero_are_two_keys(legacy: Legacy, size: int) -> None:
    lenient(legacy, "t TIME", "(1, '-00:00:01')", "(2, '00:00:01')", "(3, '-36:00:00')", "(4, '00:00:00')")

    found = pages(Rows("legacy", everything, table="odd", key=["t"], page_size=size))

    assert [row["id"] for row in values(found)] == [3, 1, 4, 2]
    assert len(set(keys(found))) == 4


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("DATE", "2026-02-31"), ("DATE", "2026-02-00"), ("DATE", "0000-05-01"), ("DATETIME", "2026-02-31 10:00:00"),
        ("DATETIME(3)", "2026-00-00 00:00:00"), ("DATETIME", "0000-00-00 10:00:00"),
    ],
)  # fmt: skip
def test_a_day_that_no_month_has_costs_its_row_alone(legacy: Legacy, kind: str, written: str) -> None:
    lenient(legacy, f"odd {kind}", "(1, NULL)", f"(2, '{written}')", "(3, '2026-01-01')")

    (page,) = pages(Rows("legacy", everything, table="odd"))

    assert keys([page]) == ["1", "3"]
    (refusal,) = page.refused
    assert (refusal.record.key, [error.path for error in refusal.error.errors]) == ("2", ["odd"])
    assert written in str(refusal.error)


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("window", [True, False], ids=["by its watermark", "by its key"])
def test_a_day_that_no_month_has_is_passed_on_the_way(legacy: Legacy, size: int, window: bool) -> None:
    days = ["2026-02-27 00:00:00", "2026-02-31 10:00:00", "2026-02-00 00:00:00", "2026-03-01 00:00:00"]
    lenient(legacy, "day DATETIME", *(f"({number}, '{day}')" for number, day in enumerate(days)))
    year = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    ordering: dict[str, Any] = {"watermark": "day"} if window else {"key": ["day"]}

    found = pages(Rows("legacy", everything, table="odd", page_size=size, **ordering), context(year))

    assert [row["id"] for row in values(found)] == [0, 3]
    assert len([one for page in found for one in page.refused]) == 2


FLOATS = [
    ("1234567", 1234567.0), ("1234570", 1234570.0), ("0.1", 0.1), ("-12.34", -12.34), ("16777215", 16777215.0),
    ("3.4028234e38", 3.4028235e38), ("1.17549435e-38", 1.1754944e-38), ("0.333333343", 0.33333334), ("0", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{}, {"columns": ["odd", "id"]}, {"table": "", "sql": "SELECT * FROM odd"}], ids=str
)
def test_a_float_keeps_every_digit_that_it_holds(legacy: Legacy, changes: dict[str, Any]) -> None:
    lenient(legacy, "odd FLOAT", "(100, NULL)", *(f"({at}, {written})" for at, (written, _) in enumerate(FLOATS)))

    found = pages(Rows("legacy", everything, **{"table": "odd", **changes}))

    assert [row["odd"] for row in values(found)] == [*(value for _, value in FLOATS), None]


def test_a_float_of_declared_digits_keeps_them_too(legacy: Legacy) -> None:
    lenient(legacy, "odd FLOAT(9, 2), `100%` FLOAT", "(1, 12345.67, 1234567)")

    found = pages(Rows("legacy", everything, table="odd"))

    assert values(found) == [{"id": 1, "odd": 12345.67, "100%": 1234567.0}]


class Measured(Model):  # noqa: DJ008  # nobody is shown one
    id: Any = IntegerField(primary_key=True)
    odd: Any = FloatField(null=True)

    class Meta:
        app_label = "oracle"
        db_table = "odd"
        managed = False


@pytest.mark.parametrize("columns", [[], ["odd"]], ids=str)
def test_a_queryset_gives_every_digit_of_a_float(legacy: Legacy, columns: list[str]) -> None:
    lenient(legacy, "odd FLOAT", "(1, 1234567)", "(2, 0.1)", "(3, NULL)")

    found = pages(Rows("legacy", everything, queryset=lambda ctx: Measured._base_manager.all(), columns=columns))

    assert [row["odd"] for row in values(found)] == [1234567.0, 0.1, None]
