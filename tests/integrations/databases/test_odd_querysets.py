"""A moment that Python has no word for orders a queryset's rows too: it is one letter, and those behind it are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from ingestion import Window
from integrations.databases import Rows
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import context, pages, values

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
FROM_THE_BEGINNING = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@isolate_apps("tests.app")
def odd_rows() -> Any:
    class Odd(models.Model):  # noqa: DJ008  # it has no name, and nobody sees it
        day = models.DateTimeField(null=True)

        class Meta:
            app_label = "app"
            db_table = "odd"

    return Odd._base_manager.all()


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("ordering", [{"key": ["day"]}, {"watermark": "day"}], ids=["key", "watermark"])
def test_a_moment_beyond_python_is_passed_on_the_way(legacy: Legacy, ordering: dict[str, Any], size: int) -> None:
    legacy.make("odd", "id INTEGER PRIMARY KEY, day {time}")
    if legacy.vendor == "mysql":
        legacy.say("SET sql_mode = 'ALLOW_INVALID_DATES'")
    bad = "-infinity" if legacy.vendor == "postgresql" else "2026-02-31 00:00:00"
    for number, day in enumerate(["2026-01-01 00:00:00", bad, "2026-05-01 00:00:00"]):
        legacy.say("INSERT INTO odd VALUES (%s, %s)", [number, day])
    every = lambda ctx: {"id__gte": 0}  # noqa: E731
    reading = Rows("legacy", every, queryset=lambda ctx: odd_rows(), page_size=size, **ordering)

    found = pages(reading, context(FROM_THE_BEGINNING))

    assert [row["id"] for row in values(found)] == [0, 2]
    assert [error.path for page in found for one in page.refused for error in one.error.errors] == ["day"]
