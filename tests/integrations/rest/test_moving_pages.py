"""Records that come and go while pages are read."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from integrations.rest import Offset, PageNumber
from tests.integrations.rest.worlds import World, ids, read, reply, rest


def moving(change: Any, when: int) -> World:
    """A source by page or offset whose rows are changed before its answer number `when`."""
    rows = list(range(1, 41))
    calls = iter(range(1, 1000))

    def answer(request: httpx.Request) -> httpx.Response:
        if next(calls) == when:
            change(rows)
        asked = request.url.params
        start = int(asked["offset"]) if "offset" in asked else 10 * (int(asked["page"]) - 1)
        page = rows[start : start + int(asked.get("limit", 10))]
        if not page and start:
            return (
                reply({"detail": "Invalid page."}, 404) if "page" in asked else reply({"data": [], "count": len(rows)})
            )
        return reply({"data": [{"id": one} for one in page], "count": len(rows)})

    return World(answer)


def deleted(*numbers: int) -> Any:
    def change(rows: list[int]) -> None:
        rows[:] = [row for row in rows if row not in numbers]

    return change


def added(*numbers: int) -> Any:
    return lambda rows: rows.__setitem__(slice(0, 0), numbers)


CHANGES = {
    "one row is deleted": (deleted(3), {3}),
    "many rows are deleted": (deleted(*range(1, 10)), set(range(1, 10))),
    "the row at the boundary is deleted": (deleted(10, 11), {10, 11}),
    "all rows read so far are deleted": (deleted(*range(1, 21)), set(range(1, 21))),
    "the last rows are deleted": (deleted(*range(31, 41)), set(range(31, 41))),
    "one row is added": (added(99), {99}),
    "many rows are added": (added(*range(100, 113)), set(range(100, 113))),
}


@pytest.mark.parametrize("when", [2, 3, 4])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("total", ["", "$.count"])
def test_offsets_lose_no_row_that_stays(change: str, when: int, total: str) -> None:
    make, touched = CHANGES[change]

    pages = read(rest(pagination=Offset(limit=10), total=total), moving(make, when))

    assert set(range(1, 41)) - touched - set(map(int, ids(pages))) == set()


@pytest.mark.parametrize("when", [2, 3, 4])
@pytest.mark.parametrize("change", CHANGES)
def test_page_numbers_with_a_total_lose_no_row_that_stays(change: str, when: int) -> None:
    make, touched = CHANGES[change]

    pages = read(rest(pagination=PageNumber(), total="$.count"), moving(make, when))

    assert set(range(1, 41)) - touched - set(map(int, ids(pages))) == set()


def test_offsets_without_overlap_do_lose_one() -> None:
    """The negative control, and what the docs admit."""
    pages = read(rest(pagination=Offset(limit=10, overlap=0)), moving(deleted(3), 2))

    assert set(range(1, 41)) - {3} - set(map(int, ids(pages))) == {11}


def test_a_deletion_with_an_addition_is_seen_by_offsets_but_not_by_page_numbers() -> None:
    def swap(rows: list[int]) -> None:
        rows.remove(3)
        rows.append(99)

    by_offsets = read(rest(pagination=Offset(limit=10), total="$.count"), moving(swap, 2))
    by_numbers = read(rest(pagination=PageNumber(), total="$.count"), moving(swap, 2))

    assert "11" in ids(by_offsets)
    assert "11" not in ids(by_numbers)  # it stands in the docs


def test_a_total_that_moved_is_noted_and_not_judged() -> None:
    pages = read(rest(pagination=Offset(limit=10), total="$.count"), moving(deleted(3), 2))

    assert sum(page.declares["count"] for page in pages) == sum(len(page.records) for page in pages)
    assert any("the count says nothing" in note for note in pages[-1].notes)
