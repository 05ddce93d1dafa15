"""`JsonPages`: a reading ends, and each of its limits is one that a page reaches and does not pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion import Context, Json, JsonPages, SourceChanged
from ingestion.core.context import TenantRef
from ingestion.core.records import Page
from ingestion.database.clock import read_db_now

pytestmark = pytest.mark.django_db


def read(following: Any, checkpoint: Json = None, most: int = 50) -> tuple[list[Page], list[Json]]:
    """The pages over cursors that follow one another as `following` says, and what was asked for."""
    asked: list[Json] = []

    def fetch(ctx: Context, cursor: Json) -> tuple[bytes, Json]:
        asked.append(cursor)
        assert len(asked) <= most, "it does not end"
        return json.dumps({"data": [{"id": len(asked)}]}).encode(), following(cursor)

    ctx = Context(TenantRef(1, "acme"), "app.pages", 0, read_db_now())
    return list(JsonPages(fetch).extract(ctx, checkpoint)), asked


RINGS: dict[str, dict[Any, Any]] = {
    "itself": {None: "A", "A": "A"},
    "two": {None: "A", "A": "B", "B": "A"},
    "three, not the first": {None: "A", "A": "B", "B": "C", "C": "D", "D": "B"},
}


@pytest.mark.parametrize("ring", RINGS)
def test_cursors_in_a_ring_are_refused_before_a_page_is_read_three_times(ring: str) -> None:
    asked: list[Any] = []

    def following(cursor: Any) -> Any:
        asked.append(cursor)
        return RINGS[ring][cursor]

    with pytest.raises(SourceChanged, match="had before; it would never end"):
        read(following)

    assert set(asked) == set(RINGS[ring])
    assert max(asked.count(cursor) for cursor in asked) <= 2


def test_cursors_that_are_objects_are_the_same_in_any_order_of_members() -> None:
    with pytest.raises(SourceChanged, match="would never end"):
        read(lambda cursor: {"a": 1, "b": 2} if cursor is None else {"b": 2, "a": 1})


@pytest.mark.parametrize("cursor", [0, False, "", [], {}])
def test_a_cursor_that_is_nothing_but_not_null_names_a_page(cursor: Json) -> None:
    pages, asked = read(lambda last: cursor if last is None else None)

    assert (len(pages), asked) == (2, [None, cursor])


def test_a_reading_that_goes_on_does_not_take_its_place_for_a_ring() -> None:
    pages, _ = read(lambda cursor: None if cursor == 4 else (cursor or 0) + 1)

    again, asked = read(lambda cursor: None if cursor == 4 else (cursor or 0) + 1, pages[1].checkpoint)

    assert (len(pages), asked, len(again)) == (5, [2, 3, 4], 3)
