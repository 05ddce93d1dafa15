"""Columns that a database orders otherwise than it compares them: refused by name, and else noticed at every page."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ingestion import ConfigurationError, SourceChanged, Transient
from integrations.databases import Rows
from integrations.databases.reading import Cursor, CursorRow, RowSpan, remaining_span
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import context, keys, mine, pages


def mariadb(kind: str, codes: list[Any], remedy: str) -> Any:
    return pytest.param(kind, codes, remedy, marks=pytest.mark.mariadb)


def postgres(kind: str, codes: list[Any], remedy: str) -> Any:
    return pytest.param(kind, codes, remedy, marks=pytest.mark.postgres)


CASES = [
    mariadb("ENUM('z', 'm', 'a', 'b', 'c', 'y')", ["z", "m", "a", "b", "c", "y"], "CAST(code AS CHAR)"),
    mariadb("SET('z', 'm', 'a')", ["z", "m", "a", "z,a"], "CAST(code AS CHAR)"),
    mariadb("BIT(4)", [1, 2, 8, 9], "CAST(code AS UNSIGNED)"),
    mariadb("FLOAT", [0.1, 0.2, 0.3], "CAST(code AS DOUBLE)"),
    postgres("REAL", [0.1, 0.2, 0.3], "CAST(code AS DOUBLE PRECISION)"),
    postgres("INTERVAL", ["1 month", "31 days", "1 day", "25 hours", "2 days"], "CAST(code AS TEXT)"),
]
EMOJI = ["\U0001f600", "\U0001f601", "\U0001f602"]
LOOSE = [
    ("utf8mb4_general_ci", EMOJI),
    ("utf8mb4_general_ci", ["b", *EMOJI[:2]]),
    ("utf8mb4_unicode_ci", ["a", "a\u200d", "a\u0001"]),
    ("utf8mb4_general_ci", ["\u00df", "s", "a"]),
]


def coded(legacy: Legacy, kind: str, codes: Sequence[Any]) -> None:
    legacy.make("coded", f"code {kind}, company {{text}}, id INTEGER")
    legacy.insert("coded", *((code, "acme", number) for number, code in enumerate(codes)))


def by_code(size: int, **changes: Any) -> Rows:
    return Rows(**{"using": "legacy", "of": mine, "table": "coded", "key": ["code"], "page_size": size, **changes})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("kind", "codes", "remedy"), CASES)
def test_a_type_that_is_ordered_otherwise_than_compared_is_refused_with_its_remedy_which_reads_every_row(
    legacy: Legacy, kind: str, codes: Sequence[Any], remedy: str
) -> None:
    coded(legacy, kind, codes)
    cast = by_code(2, table="", sql=f"SELECT {remedy} AS code, company FROM coded")
    own_select = by_code(2, table="", sql="SELECT code, company FROM coded")

    for refused in (by_code(2), own_select, by_code(2, key=["id"], watermark="code")):
        with pytest.raises(ConfigurationError, match="ordered by 'code'") as raised:
            pages(refused)
        assert remedy in str(raised.value)
        with pytest.raises(ConfigurationError, match="ordered by 'code'"):
            refused.preview(context())
    assert len(set(keys(pages(cast)))) == len(codes)
    assert len(keys(pages(by_code(2, key=["id"])))) == len(codes)


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize(("collation", "codes"), LOOSE)
def test_texts_that_a_collation_takes_for_one_are_all_read_or_refused(
    legacy: Legacy, collation: str, codes: list[str], size: int
) -> None:
    coded(legacy, f"VARCHAR(10) COLLATE {collation}", codes)
    found: list[str] = []

    with contextlib.suppress(SourceChanged):
        for page in by_code(size).extract(context(None), None):
            found += keys([page])
        assert sorted(found) == sorted(codes)


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("collation", "codes"), LOOSE[:3])
def test_a_border_between_texts_of_one_weight_is_refused_and_its_remedy_reads_every_row(
    legacy: Legacy, collation: str, codes: list[str]
) -> None:
    coded(legacy, f"VARCHAR(10) COLLATE {collation}", codes)
    cast = "SELECT CAST(code AS BINARY) AS code, company FROM coded"

    with pytest.raises(SourceChanged, match="could be left out"):
        pages(by_code(2))

    assert keys(pages(by_code(2, table="", sql=cast))) == sorted(code.encode().hex() for code in codes)


class Asked:
    """A database of which only is known what it gives when it is asked for keys after one, or from the start."""

    def __init__(self, keys_after: Callable[[Any], Sequence[Any]]) -> None:
        self.keys_after = keys_after

    def page(self, span: RowSpan, after: Cursor | None, most: int) -> Sequence[CursorRow]:
        found = self.keys_after(after[0] if after else None)
        return [CursorRow({"id": key}, (key,)) for key in list(found)[:most]]

    def any_null(self, span: RowSpan, columns: Sequence[str]) -> bool:
        return False

    def has_similar_rows(self, span: RowSpan) -> bool:
        return False


def walked(rows: Asked, size: int, after: Cursor | None = None) -> list[str]:
    reading = Rows("legacy", mine, table="t", page_size=size)
    return keys(list(reading._pages(rows, RowSpan("all"), after, context(None))))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize(
    "behind",
    [
        lambda key: range(4),  # every row again, whatever was asked
        lambda key: range(key, 4),  # the last row of a page again
        lambda key: range((key + 1) % 4, 4),  # round and round
    ],
    ids=["all", "last", "circle"],
)
@pytest.mark.timeout(20)
def test_rows_that_come_again_end_the_walk(behind: Callable[[int], Sequence[int]], size: int) -> None:
    with pytest.raises(SourceChanged, match="for ever"):
        walked(Asked(lambda key: range(4) if key is None else behind(key)), size)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_rows_that_are_left_out_behind_a_page_end_the_walk(size: int) -> None:
    rows = Asked(lambda key: range(4) if key is None else [] if key == size - 1 else range(key + 1, 4))

    with pytest.raises(SourceChanged, match="gives nothing"):
        walked(rows, size)


def test_a_walk_that_goes_on_notices_that_its_last_row_comes_again() -> None:
    with pytest.raises(SourceChanged, match="again after it was passed"):
        walked(Asked(lambda key: range(key, 4)), 7, after=(3,))


def test_a_row_that_goes_while_its_border_is_looked_at_is_no_fault() -> None:
    answers = iter([[0, 1], [], [0], []])  # the page, what is behind it, the page again, and what comes next

    assert walked(Asked(lambda key: next(answers)), 1) == ["0"]


def test_a_border_that_moves_at_every_look_is_left_for_later() -> None:
    looks = itertools.count(0, 10)

    with pytest.raises(Transient, match="read again later"):
        walked(Asked(lambda key: [look := next(looks), look + 1]), 1)


@pytest.mark.timeout(20)
def test_a_key_that_is_no_number_is_the_same_key_again() -> None:
    with pytest.raises(SourceChanged, match="again"):
        walked(Asked(lambda key: [float("nan")]), 1)


def test_a_page_is_looked_for_from_where_the_last_one_ended_and_not_from_the_windows_beginning() -> None:
    window = RowSpan("window", 1, 9)

    assert remaining_span(window, "changed", ["changed", "id"], (5, 2)) == RowSpan("window", None, 9)
    assert remaining_span(window, "changed", ["changed", "id"], None) == window
    assert remaining_span(window, "changed", ["id", "changed"], (2, 5)) == window
