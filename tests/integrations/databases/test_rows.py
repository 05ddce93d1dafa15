"""Reading another database: every row of the window once, and only those of its tenant."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingestion import (
    ConfigurationError,
    Window,
)
from integrations.databases import Rows, everything
from tests.ingestion.runs import over
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, YEAR, context, keys, orders, pages, source

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def test_rows_of_the_window_are_read_oldest_change_first(legacy: Legacy) -> None:
    orders(legacy, 3, 1, 2)
    orders(legacy, 4, when=lambda n: YEAR.end)
    orders(legacy, 5, when=lambda n: YEAR.start)
    orders(legacy, 6, when=lambda n: YEAR.start - timedelta(microseconds=1))

    assert keys(pages(source())) == ["5", "1", "2", "3"]


def test_the_first_window_has_no_beginning(legacy: Legacy) -> None:
    orders(legacy, 1, when=lambda n: datetime(1901, 1, 1, tzinfo=UTC))
    first = Window(datetime(1970, 1, 1, tzinfo=UTC), YEAR.end)

    assert keys(pages(source(), context(first))) == ["1"]


def test_a_tenant_gets_its_own_rows_only(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 3, company="globex")

    assert keys(pages(source())) == ["1", "2"]
    assert keys(pages(source(), context(tenant="globex"))) == ["3"]
    assert keys(pages(source(), context(tenant="' OR 1=1 --"))) == []
    assert keys(pages(source(of=everything))) == ["1", "2", "3"]
    assert keys(pages(source(of=lambda ctx: {"company": ["globex", "x"]}))) == ["3"]
    assert keys(pages(source(of=lambda ctx: {"company": []}))) == []
    assert keys(pages(source(of=lambda ctx: {"company": None}))) == []


def test_rows_of_which_no_column_says_whose_they_are_are_shown_to_nobody(legacy: Legacy) -> None:
    orders(legacy, 1)
    reading, other = source(of=lambda ctx: {}), context(tenant="globex")

    for look in (reading.preview, reading.test, lambda ctx: list(reading.extract(ctx, None))):
        with pytest.raises(ConfigurationError, match="globex"):
            look(other)


def test_everything_is_somebody_s() -> None:
    with pytest.raises(ConfigurationError, match="Name those they belong to"):
        over([], source=source(of=everything))


def test_whose_rows_they_are_must_be_said() -> None:
    with pytest.raises(TypeError):
        Rows(using="legacy", table="orders")  # type: ignore[call-arg]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_many_rows_with_one_watermark_are_each_read_once(legacy: Legacy, size: int) -> None:
    orders(legacy, *range(1, 30), when=lambda n: DAY + timedelta(seconds=n // 10))

    found = pages(source(page_size=size))

    assert keys(found) == [str(number) for number in range(1, 30)]
    assert max(len(page.records) for page in found) <= size


@pytest.mark.parametrize("size", [1, 2, 5])
def test_reading_goes_on_after_any_page(legacy: Legacy, size: int) -> None:
    orders(legacy, *range(1, 8), when=lambda n: DAY + timedelta(microseconds=n // 3))
    every = pages(source(page_size=size))

    for number, page in enumerate(every):
        rest = pages(source(page_size=size), checkpoint=json.loads(json.dumps(page.checkpoint)))

        assert keys(rest) == keys(every[number + 1 :])


def test_microseconds_are_not_lost_between_pages(legacy: Legacy) -> None:
    orders(legacy, *range(1, 6), when=lambda n: DAY + timedelta(microseconds=6 - n))

    assert keys(pages(source(page_size=1))) == ["5", "4", "3", "2", "1"]


def test_without_a_watermark_all_rows_are_read_by_key(legacy: Legacy) -> None:
    orders(legacy, *range(1, 8))

    assert keys(pages(source(watermark="", page_size=3))) == [str(number) for number in range(1, 8)]
