"""What a page says beside its records that contradicts how its reading ends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion import ConfigurationError, HeldOff, SourceChanged, SourceFailed
from ingestion.models import Event, Tenant
from integrations.rest import Rest
from tests.integrations.rest.test_answers import PLAIN
from tests.integrations.rest.test_records import acme, connected, run
from tests.integrations.rest.worlds import World, context, ids, read, reply, rest

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


def test_a_preview_that_cannot_see_an_end_calls_no_page_the_only_one() -> None:
    world = World(lambda request: reply({"data": [{"id": 1}], "meta": {"next": "b"}}))

    page = declared({"style": "cursor", "next": "$.next_cursor"}).through(world.connect).preview(context())

    (note,) = [one for one in page.notes if "cannot be seen" in one]
    assert "There is 'next' at $.meta.next: correct the path" in note
    assert not any("This is the only page" in one or "nothing at $.next_cursor;" in one for one in page.notes)


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


ERRORS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "an ended session": ([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}], {"key": ""}, "Session expired"),
    "several": ([{"error": "a", "code": 1}, {"error": "b", "code": 2}], {"key": "id"}, "2 errors"),
    "under a path": ({"data": [{"errorcode": 7, "msg": "no"}]}, {"records": "$.data[*]", "key": ""}, "'no'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_in_place_of_records_are_no_records(name: str) -> None:
    body, changes, words = ERRORS[name]

    with pytest.raises(SourceFailed) as raised:
        read(rest(**{"records": "$", **changes}), World(lambda request: reply(body)))

    assert words in str(raised.value)


def test_too_many_calls_in_place_of_records_are_later() -> None:
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]

    with pytest.raises(HeldOff, match="TotalRequests"):
        read(rest(records="$", key=""), World(lambda request: reply(body)))


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"errorCode": "E1", "message": "a catalogue of errors"}, "errorCode"),
        ({"errorCode": "E1", "message": "a line of a log", "host": "web1"}, ""),
        ({"errorCode": 0, "message": "ok"}, ""),
        ({"message": "hello"}, ""),
    ],
)
def test_records_that_speak_of_errors_are_records(record: dict[str, Any], key: str) -> None:
    (page,) = read(rest(records="$", key=key), World(lambda request: reply([record])))

    assert len(page.records) == 1


def in_ties(request: Any) -> Any:
    """Three pages of a list that sorts by what rows share: four come twice, and four others never."""
    page = int(request.url.params.get("page", 1))
    rows = [{"id": number} for number in range(8 * (page - 1), 8 * (page - 1) + 10)] if page <= 3 else []
    return reply({"data": rows, "next": f"?page={page + 1}" if page < 3 else None})


@pytest.mark.parametrize("pagination", [{"style": "page"}, {"style": "next_url"}])
def test_records_that_came_twice_say_that_others_may_be_missing(pagination: dict[str, Any]) -> None:
    pages = read(declared(pagination), World(in_ties))

    notes = [note for page in pages for note in page.notes]
    assert len(set(ids(pages))) == 26
    assert ["4 records came on two pages" in note for note in notes] == [True]


def test_rows_read_again_on_purpose_are_no_remark() -> None:
    def answer(request: Any) -> Any:
        start = int(request.url.params["offset"])
        return reply({"data": [{"id": number} for number in range(start, min(start + 10, 25))]})

    pages = read(declared({"style": "offset", "limit": 10}), World(answer))

    assert [note for page in pages for note in page.notes] == []


@pytest.mark.parametrize("records", ["$.data[?@.kind=='a']", "$.data[0:5]", "$.result.data[?@.n > 1]"])
def test_a_filter_over_a_list_that_is_gone_finds_no_nothing(records: str) -> None:
    outer = {"result": {}} if "result" in records else {}

    with pytest.raises(SourceChanged, match="no 'data'"):
        read(rest(records=records), World(lambda request: reply({**outer, "items": [{"id": 1, "kind": "a"}]})))
    with pytest.raises(SourceChanged, match="Null stands"):
        read(rest(records="$.data[?@.kind=='a']"), World(lambda request: reply({"data": None})))
    read(rest(records=records, empty=["missing"]), World(lambda request: reply({**outer})))


def test_a_filter_that_matches_nothing_finds_no_records() -> None:
    (page,) = read(rest(records="$.data[?@.kind=='a']"), World(lambda request: reply({"data": [{"kind": "b"}]})))

    assert page.records == []


COUNTING: list[dict[str, Any]] = [
    {"style": "page"}, {"style": "offset"}, {"style": "since_id"}, {"style": "cursor", "empty_ends": True}]  # fmt: skip


@pytest.mark.parametrize("records", ["$.data[?@.kind=='a']", "$.data[1:]", "$.data[*].lines[*]"])
@pytest.mark.parametrize("pagination", COUNTING, ids=lambda paging: paging["style"])
def test_a_filter_goes_with_no_paging_that_an_empty_page_ends(records: str, pagination: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="chooses among a page's rows"):
        declared(pagination, records=records)


@pytest.mark.parametrize("pagination", [{"style": "page", "pages": "$.n"}, {"style": "cursor"}])
def test_a_page_of_which_nothing_is_chosen_is_no_end(pagination: dict[str, Any]) -> None:
    kinds = iter(["a", "b", "a"])

    def answer(request: Any) -> Any:
        page = int(request.url.params.get("page", request.url.params.get("cursor", 1)))
        after = page + 1 if page < 3 else None
        return reply({"data": [{"id": page, "kind": next(kinds)}], "n": 3, "next_cursor": after})

    assert ids(read(declared(pagination, records="$.data[?@.kind=='a']"), World(answer))) == ["1", "3"]


def test_pages_without_records_that_never_end_are_named_with_the_remedy() -> None:
    world = World(lambda request: reply({"data": [], "more": True}))

    with pytest.raises(SourceChanged, match="empty_ends"):
        read(declared({"style": "page", "more": "$.more"}, max_pages=5), world)


def test_a_number_of_pages_that_only_the_first_page_says_holds_for_the_others() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        return reply({"data": [{"id": number}], **({"n": 3} if number == 1 else {})})

    world = World(answer)

    assert ids(read(declared({"style": "page", "pages": "$.n"}), world)) == ["1", "2", "3"]
    assert len(world.asked) == 3
