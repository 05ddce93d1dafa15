"""One row that Python has no word for is one letter; rows dated far ahead are told and not left in silence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingestion import ConfigurationError
from integrations.databases import Rows
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, context, keys, mine, orders, pages, source, values

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("date", "infinity"), ("date", "10000-01-01"), ("timestamptz", "-infinity"), ("timestamptz", "0044-03-15 BC"),
        ("timestamp", "infinity"), ("time", "24:00"), ("timetz", "24:00+02"), ("interval", "2000000000 days"),
    ],
)  # fmt: skip
def test_a_value_beyond_pythons_dates_is_one_rows_fault(legacy: Legacy, kind: str, written: str) -> None:
    legacy.make("odd", f"id INTEGER PRIMARY KEY, company TEXT, odd {kind}")
    for number, value in ((1, None), (2, written), (3, None)):
        legacy.say("INSERT INTO odd VALUES (%s, 'acme', %s)", [number, value])

    (page,) = pages(Rows("legacy", of=mine, table="odd"))

    assert [record.key for record in page.records] == ["1", "3"]
    (refusal,) = page.refused
    assert (refusal.record.key, [error.path for error in refusal.error.errors]) == ("2", ["odd"])
    assert written.split()[0].split("+")[0][:5] in refusal.error.errors[0].message


@pytest.mark.postgres
def test_a_watermark_without_a_beginning_is_passed_on_the_way(legacy: Legacy) -> None:
    orders(legacy, 1, 2, 3)
    legacy.say("UPDATE orders SET updated_at = '-infinity' WHERE id IN (2, 3)")

    found = pages(source(page_size=1), context(window=None))
    first = context(window=type(context().window)(datetime(1970, 1, 1, tzinfo=UTC), DAY.replace(year=2027)))  # type: ignore[misc]
    windowed = pages(source(page_size=1), first)

    assert [one.record.key for page in found for one in page.refused] == ["2", "3"]
    assert (keys(windowed), [one.record.key for page in windowed for one in page.refused]) == (["1"], ["2", "3"])


@pytest.mark.mariadb
def test_a_time_of_more_than_a_day_is_the_duration_that_it_is(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, company VARCHAR(10), t TIME")
    legacy.say("INSERT INTO odd VALUES (1, 'acme', '12:30:00'), (2, 'acme', '838:59:59'), (3, 'acme', '-01:00:00')")

    found = pages(Rows("legacy", of=mine, table="odd"))

    assert [row["t"] for row in values(found)] == ["12:30:00", "P34DT82799S", "-PT3600S"]


@pytest.mark.mariadb
def test_a_date_of_zeros_is_null_and_costs_nobody_anything(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, company VARCHAR(10), d DATE, m DATETIME")
    legacy.say("SET sql_mode = ''")
    legacy.say("INSERT INTO odd VALUES (1, 'acme', '0000-00-00', '0000-00-00'), (2, 'acme', '2026-01-01', NULL)")

    found = pages(Rows("legacy", of=mine, table="odd"))

    assert [(row["d"], row["m"]) for row in values(found)] == [(None, None), ("2026-01-01", None)]


def test_rows_dated_far_ahead_are_told_in_every_run(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 3, when=lambda number: datetime(2099, 1, 1, tzinfo=UTC))

    found = pages(source())

    assert keys(found) == ["1", "2"]
    (note,) = found[0].notes
    assert note.startswith("1 row will not be read before the time of its ")
    assert "3 has 2099-01-01" in note
    assert "Mend it there" in note


def test_several_rows_dated_far_ahead_are_told_as_several(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 3, 4, when=lambda number: datetime(2099, 1, 1, tzinfo=UTC))

    (note,) = pages(source())[0].notes

    assert note.startswith("2 rows will not be read before the time of their ")
    assert ", for one. Mend them there" in note


@pytest.mark.slow
def test_to_look_far_ahead_may_take_too_long_and_ends_no_run(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 3, when=lambda number: datetime(2099, 1, 1, tzinfo=UTC))
    endless = {
        "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c)",
        "mysql": "SLEEP(30)",
        "postgresql": "(SELECT 1 FROM pg_sleep(30))",
    }[legacy.vendor]
    slow = f"SELECT id, company, updated_at, CASE WHEN id = 3 THEN {endless} ELSE 0 END AS slow FROM orders"

    found = pages(source(table="", sql=slow, timeout=0.5))

    assert keys(found) == ["1", "2"]
    (note,) = found[0].notes
    assert note.startswith("Whether rows are dated far ahead was not found out")


def test_milliseconds_among_seconds_are_told(legacy: Legacy) -> None:
    legacy.make("events", "id INTEGER PRIMARY KEY, company {text}, at BIGINT")
    seconds = int(DAY.timestamp())
    legacy.insert("events", (1, "acme", seconds), (2, "acme", seconds * 1000))

    found = pages(source(table="events", watermark="at", bound=lambda moment: int(moment.timestamp())))

    assert keys(found) == ["1"]
    assert "2 has" in found[0].notes[0]
    assert "unit" in found[0].notes[0]


def test_nothing_is_told_of_what_a_backfill_leaves_to_the_live_runs(legacy: Legacy) -> None:
    orders(legacy, 1)
    orders(legacy, 3, when=lambda number: datetime(2099, 1, 1, tzinfo=UTC))

    assert [page.notes for page in pages(source(), context(backfill=True))] == [[]]


def seconds_of(moment: datetime) -> int:
    return int(moment.timestamp())


def milliseconds_of(moment: datetime) -> int:
    return seconds_of(moment) * 1000


def test_a_run_that_reads_nothing_tells_of_rows_far_ahead_too(legacy: Legacy) -> None:
    legacy.make("events", "id INTEGER PRIMARY KEY, company {text}, at BIGINT")
    legacy.insert("events", (1, "acme", milliseconds_of(DAY)))

    (page,) = pages(source(table="events", watermark="at", bound=seconds_of))

    assert page.records == []
    assert "1 has" in page.notes[0]
    assert "another unit" in page.notes[0]


@pytest.mark.parametrize("at", [seconds_of(DAY), 7], ids=["seconds", "a counter"])
def test_numbers_that_no_window_reaches_are_told(legacy: Legacy, at: int) -> None:
    legacy.make("events", "id INTEGER PRIMARY KEY, company {text}, at BIGINT")
    legacy.insert("events", (1, "acme", at))

    (page,) = pages(source(table="events", watermark="at", bound=milliseconds_of))

    assert page.records == []
    assert f"No row has a 'at' of 2000 or later, so no change will be read: 1 has {at}" in page.notes[0]


def test_a_run_that_finds_nothing_new_tells_nothing(legacy: Legacy) -> None:
    orders(legacy, 1, when=lambda number: datetime(2025, 6, 1, tzinfo=UTC))

    assert pages(source()) == []


@pytest.mark.sqlite
def test_days_that_are_written_as_text_are_days(legacy: Legacy) -> None:
    legacy.make("daily", "id INTEGER PRIMARY KEY, company TEXT, day DATE")
    legacy.insert("daily", (1, "acme", "2026-02-01"))

    with pytest.raises(ConfigurationError, match="holds days"):
        pages(source(table="daily", watermark="day"))
    assert keys(pages(source(table="daily", watermark="day", bound=lambda moment: moment.date()))) == ["1"]
