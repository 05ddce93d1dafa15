"""Rows at the border of two pages, under every order that a database may have: each is read once, or it is refused."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from ingestion import SourceChanged
from integrations.databases import Rows
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, at, context, keys, mine, orders, pages, source

pytestmark = [pytest.mark.every_database]
WORDS = ["a", "A", "b", "B", "\u00e9", "e", "E", "z", "Z"]


def words(legacy: Legacy, collation: str = "") -> None:
    legacy.make("words", f"word {{text}} {collation}, company {{text}}")
    legacy.insert("words", *((word, "acme") for word in WORDS))


def by_word(size: int) -> Rows:
    return Rows("legacy", mine, table="words", key=["word"], page_size=size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_words_that_the_database_may_take_for_one_are_all_read_or_refused(legacy: Legacy, size: int) -> None:
    words(legacy, "COLLATE NOCASE" if legacy.vendor == "sqlite" else "")

    found: list[str] = []
    with contextlib.suppress(SourceChanged):
        found = keys(pages(by_word(size)))

    refused = legacy.vendor != "postgresql" and size < 100
    assert sorted(found) == sorted(WORDS) or (refused and not found)


def test_a_border_between_words_that_are_one_to_the_database_is_refused(legacy: Legacy) -> None:
    if legacy.vendor == "postgresql":
        pytest.skip("its usual collations tell all words apart")
    words(legacy, "COLLATE NOCASE" if legacy.vendor == "sqlite" else "")

    with pytest.raises(SourceChanged, match="could be left out"):
        pages(by_word(1))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_words_that_the_database_tells_apart_are_read_whole(legacy: Legacy, size: int) -> None:
    words(legacy, {"mysql": "COLLATE utf8mb4_bin", "sqlite": "", "postgresql": 'COLLATE "C"'}[legacy.vendor])

    assert sorted(keys(pages(by_word(size)))) == sorted(WORDS)


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("equal", [49, 50, 51, 120])
def test_more_equal_watermarks_than_a_page_has_rows(legacy: Legacy, size: int, equal: int) -> None:
    orders(legacy, *range(equal), when=lambda number: DAY)
    orders(legacy, 1000, when=lambda number: DAY + timedelta(seconds=1))

    found = keys(pages(source(page_size=size)))

    assert found == [*(str(number) for number in range(equal)), "1000"]


def test_a_row_that_is_changed_while_pages_are_read_comes_again(legacy: Legacy) -> None:
    orders(legacy, *range(6))
    reading = source(page_size=2).extract(context(), None)

    found = keys([next(reading)])
    later = at(legacy, DAY + timedelta(hours=1))
    legacy.say("UPDATE orders SET updated_at = %s WHERE id = 0", [later])
    legacy.say("DELETE FROM orders WHERE id = 2")
    found += keys(list(reading))

    assert found == ["0", "1", "3", "4", "5", "0"]


@pytest.mark.parametrize("size", [1, 2, 10])
def test_decimal_and_float_keys_are_read_once_or_refused(legacy: Legacy, size: int) -> None:
    legacy.make("numbers", "n {real}, d DECIMAL(20, 10), company {text}")
    legacy.insert("numbers", *((number / 10, f"{number}.0000000001", "acme") for number in range(7)))

    for key in ("n", "d"):
        assert len(set(keys(pages(Rows("legacy", mine, table="numbers", key=[key], page_size=size))))) == 7
