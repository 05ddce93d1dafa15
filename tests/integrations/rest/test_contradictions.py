"""What a page says beside its records that contradicts how its reading ends."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import SourceChanged
from ingestion.models import Event, Tenant
from integrations.rest import Rest
from tests.integrations.rest.test_answers import PLAIN
from tests.integrations.rest.test_records import acme, connected, run
from tests.integrations.rest.worlds import World, ids, read, reply, rest

__all__ = ["acme"]
LAST: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no cursor, and has_more": ({"style": "cursor"}, {"next_cursor": None, "has_more": True}, "'has_more' is true"),
    "no cursor, and more as a text": ({"style": "cursor"}, {"next_cursor": "", "meta": {"hasMore": "true"}}, "$.meta.hasMore"),
    "no address, and not the last": ({"style": "next_url"}, {"next": None, "last": False}, "'last' is false"),
    "no Link, and has_more": ({"style": "link_header"}, {"has_more": True}, "'has_more'"),
    "no Link, and an address in the page": ({"style": "link_header"}, {"next": "/things?page=2"}, "'next'"),
    "as many pages as were read, and not done": ({"style": "page", "pages": "$.n"}, {"n": 1, "done": False}, "'done' is false"),
    "no pages, and not the last": ({}, {"isLast": False}, "'isLast' is false"),
}  # fmt: skip


def declared(pagination: dict[str, Any], **values: Any) -> Rest:
    return rest(**values, **({"pagination": pagination} if pagination else {}))


@pytest.mark.parametrize("name", LAST)
def test_an_end_that_the_page_itself_contradicts_is_none(name: str) -> None:
    pagination, beside, words = LAST[name]

    with pytest.raises(SourceChanged) as raised:
        read(declared(pagination), World(lambda request: reply({"data": [{"id": 1}], **beside})))

    assert words in str(raised.value)


@pytest.mark.parametrize("name", [name for name, (pagination, *_) in LAST.items() if pagination])
def test_a_member_that_says_something_else_is_declared(name: str) -> None:
    pagination, beside, _ = LAST[name]
    places = ["$.has_more", "$.meta.hasMore", "$.last", "$.done"]
    told = [{"at": place, "otherwise": "success"} for place in places]
    more = {"absent_ends": True} if pagination["style"] == "link_header" else {}

    pages = read(
        declared({**pagination, **more}, signals=told), World(lambda request: reply({"data": [{"id": 1}], **beside}))
    )

    assert ids(pages) == ["1"]


@pytest.mark.parametrize(
    ("beside", "changes"),
    [
        ({"next_cursor": None, "has_more": False}, {}),
        ({"next_cursor": None, "has_more": True, "total": 1}, {"total": "$.total"}),
        ({"next_cursor": None, "last": True, "done": True}, {}),
        ({"next_cursor": None, "last": "2026-01-01", "more": "yes, call us"}, {}),
    ],
)
def test_what_agrees_is_an_end(beside: dict[str, Any], changes: dict[str, Any]) -> None:
    pages = read(
        declared({"style": "cursor"}, **changes), World(lambda request: reply({"data": [{"id": 1}], **beside}))
    )

    assert ids(pages) == ["1"]


def test_an_empty_page_is_an_end_whatever_it_says() -> None:
    world = World(
        lambda request: reply({"data": [{"id": 1}] if request.url.params["page"] == "1" else [], "has_more": True})
    )

    assert ids(read(declared({"style": "page"}), world)) == ["1"]


def test_a_part_of_a_list_is_no_list() -> None:
    world = World(lambda request: reply([{"id": 1}], 206, Content_Range="0-0/30"))

    with pytest.raises(SourceChanged, match="206"):
        read(rest(records="$"), world)
    assert ids(read(rest(records="$", pagination={"style": "none", "first_only": True}), world)) == ["1"]


def test_a_number_of_pages_is_named_where_no_pagination_is_declared() -> None:
    (page,) = read(rest(), World(lambda request: reply({"data": [{"id": 1}], "meta": {"last_page": 3}})))

    assert any("3 pages ('last_page')" in note for note in page.notes)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "noted"),
    [
        ({"message": "API rate limit exceeded", "data": []}, True),
        ({"message": "No records found", "data": []}, False),
        ({"msg": "Request successful", "data": []}, False),
        ({"message": "hello", "data": [{"id": 1}]}, False),
    ],
)
def test_what_an_answer_without_records_says_is_noted(acme: Tenant, body: Any, noted: bool) -> None:
    made = run(connected(acme, **PLAIN), lambda request: reply(body))

    assert made.state == "succeeded"
    assert [body["message"] in event.text for event in Event.unscoped.filter(run=made, name="note")] == [True] * noted
