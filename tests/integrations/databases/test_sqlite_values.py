"""SQLite stores whatever is written: each value arrives as it is, or costs its one row, and none becomes null."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, models
from django.test.utils import isolate_apps

from ingestion import ConfigurationError, Page, SourceChanged
from integrations.databases import Rows, everything
from integrations.databases.sessions import open_session
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, keys, pages, values

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


def read(legacy: Legacy, kind: str, *written: Any, **changes: Any) -> Page:
    legacy.make("odd", f"id INTEGER PRIMARY KEY, odd {kind}")
    for number, value in enumerate(written, 1):
        legacy.say("INSERT INTO odd VALUES (%s, %s)", [number, value])
    (page,) = pages(Rows(**{"using": "legacy", "of": everything, "table": "odd", **changes}))
    return page


@pytest.mark.parametrize(
    ("kind", "written", "arrives"),
    [
        ("DATETIME", 1796000000000, 1796000000000), ("timestamp", 1796000000.5, 1796000000.5), ("DATE", 20000, 20000),
        ("DATE", "2026-11-30 00:00:00", "2026-11-30 00:00:00"), ("TIME", "12:00:00+02:00", "12:00:00+02:00"),
        ("TIME", "5:30", "05:30:00"), ("DATE", "2026-11-30", "2026-11-30"), ("bool", 1, True), ("bool", None, None),
        ("DATETIME", "2026-11-30 05:00:00", "2026-11-30T05:00:00Z"), ("TIMESTAMP", None, None),
        ("DATETIME", "2026-11-30T05:00:00+02:00", "2026-11-30T03:00:00Z"),
        ("DATETIME", "2026-11-30 05:00:00.123456789+00:00", "2026-11-30T05:00:00.123456789Z"),
        ("DATETIME", "2026-11-30 05:00:00.123456000", "2026-11-30T05:00:00.123456Z"),
        ("TIME", "05:00:00.1234567", "05:00:00.1234567"),
    ],
)  # fmt: skip
def test_a_value_arrives_as_what_is_written(legacy: Legacy, kind: str, written: Any, arrives: Any) -> None:
    page = read(legacy, kind, written)

    assert [row["odd"] for row in values([page])] == [arrives]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("DATETIME", "soon"), ("DATETIME", ""), ("timestamp", "2026-02-31 00:00:00"), ("DATE", "2026-02-31"),
        ("DATE", "tomorrow"), ("DATETIME", "2026-11-30 25:00:00"), ("TIME", "25:00"), ("bool", 2), ("bool", "yes"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_costs_its_row_alone(legacy: Legacy, kind: str, written: Any) -> None:
    page = read(legacy, kind, None, written, None)

    assert keys([page]) == ["1", "3"]
    (refusal,) = page.refused
    assert (refusal.record.key, [error.path for error in refusal.error.errors]) == ("2", ["odd"])
    assert str(written) in str(refusal.error)


def test_a_select_s_columns_are_read_as_their_tables_declare_them(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, odd DATETIME")
    legacy.say("INSERT INTO odd VALUES (1, '2026-11-30 05:00:00'), (2, 'soon'), (3, 1796000000000)")
    sql = "SELECT id, odd AS moment, CAST(odd AS TEXT) AS words FROM odd WHERE '%' = '%'"

    (page,) = pages(Rows("legacy", everything, sql=sql))

    assert [(row["moment"], row["words"]) for row in values([page])] == [
        ("2026-11-30T05:00:00Z", "2026-11-30 05:00:00"),
        (1796000000000, "1796000000000"),
    ]
    assert [error.path for error in page.refused[0].error.errors] == ["moment"]


def test_moments_in_milliseconds_are_a_watermark_with_a_bound(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, updated_at DATETIME")
    moments = [int(DAY.timestamp() * 1000) + number for number in range(7)]
    legacy.insert("odd", *enumerate(moments))
    bound = lambda moment: int(moment.timestamp() * 1000)  # noqa: E731

    found = pages(Rows("legacy", everything, table="odd", watermark="updated_at", bound=bound, page_size=2))

    assert [row["updated_at"] for row in values(found)] == moments


def test_a_text_that_is_not_utf_8_costs_its_row_alone(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, words TEXT")
    legacy.say("INSERT INTO odd VALUES (1, 'é'), (2, CAST(x'80' AS TEXT)), (3, NULL)")

    (page,) = pages(Rows("legacy", everything, table="odd"))

    assert [(row["id"], row["words"]) for row in values([page])] == [(1, "é"), (3, None)]
    (refusal,) = page.refused
    assert (refusal.record.key, [error.code for error in refusal.error.errors]) == ("2", ["charset"])
    assert "words: The text is not UTF-8: x'80'" in str(refusal.error)
    assert refusal.record.body == b'{"id":2,"words":{"base64":"gA=="}}'


@pytest.mark.parametrize("ordering", [{"key": ["words"]}, {"watermark": "words"}], ids=["key", "watermark"])
def test_a_text_that_is_not_utf_8_and_orders_the_rows_names_its_column(
    legacy: Legacy, ordering: dict[str, Any]
) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, words TEXT")
    legacy.say("INSERT INTO odd VALUES (1, CAST(x'323032362d303580' AS TEXT))")

    with pytest.raises(SourceChanged, match="'words'"):
        pages(Rows("legacy", everything, table="odd", bound=lambda moment: moment.isoformat(), **ordering))


def test_a_moment_that_leaves_time_in_utc_costs_its_row_alone(legacy: Legacy) -> None:
    page = read(legacy, "DATETIME", "0001-01-01 00:00:00", "2026-01-01 00:00:00", zone=ZoneInfo("Europe/Berlin"))

    assert keys([page]) == ["2"]
    assert "0001-01-01" in str(page.refused[0].error)


def test_two_columns_of_one_name_are_told(legacy: Legacy) -> None:
    read(legacy, "TEXT", "a")

    with pytest.raises(ConfigurationError, match="Two columns are named 'odd'"):
        pages(Rows("legacy", everything, table="odd", columns=["odd", "odd"]))


def test_nothing_is_left_in_the_file_by_the_question_for_types(legacy: Legacy) -> None:
    read(legacy, "DATETIME", "2026-11-30 05:00:00")

    with legacy.connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        assert cursor.fetchall() == []


@isolate_apps("tests.app")
def odd_rows() -> Any:
    class Odd(models.Model):  # noqa: DJ008  # it has no name, and nobody sees it
        moment = models.DateTimeField(null=True)
        day = models.DateField(null=True)
        price = models.DecimalField(null=True, max_digits=5, decimal_places=2)
        token = models.UUIDField(null=True)
        wait = models.DurationField(null=True)

        class Meta:
            app_label = "app"
            db_table = "odd"

    return Odd._base_manager.all()


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("moment", "soon"), ("moment", 1796000000000), ("moment", "2026-02-31 00:00:00"), ("day", "2026-02-31"),
        ("day", "2026-11-30 00:00:00"), ("price", "much"), ("token", "x"), ("wait", "long"),
    ],
)  # fmt: skip
def test_a_queryset_s_field_that_cannot_be_read_costs_its_row_alone(legacy: Legacy, column: str, written: Any) -> None:
    kinds = "moment datetime, day date, price decimal, token char(32), wait bigint"
    legacy.make("odd", f"id INTEGER PRIMARY KEY, {kinds}")
    legacy.say("INSERT INTO odd (id, moment) VALUES (1, '2026-11-30 05:00:00')")
    legacy.say(f"INSERT INTO odd (id, {column}) VALUES (2, %s)", [written])

    (page,) = pages(Rows("legacy", lambda ctx: {"id__gt": 0}, queryset=lambda ctx: odd_rows()))

    assert [(row["id"], row["moment"]) for row in values([page])] == [(1, "2026-11-30T05:00:00Z")]
    assert [error.path for error in page.refused[0].error.errors] == [column]


def test_a_session_whose_question_of_types_failed_still_refuses_to_write(legacy: Legacy) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY")
    with open_session("legacy", 5, None) as opened:
        with pytest.raises(OperationalError, match=r"syntax error|incomplete"):
            opened.reader("(SELECT", ["id"])

        with pytest.raises(OperationalError, match="readonly"):
            opened.execute("CREATE TABLE written (id INTEGER)")
