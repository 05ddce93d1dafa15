"""What a source promised of its own pages, and what then came: an end that contradicts it is no success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingestion.models import Tenant, Watermark
from integrations.rest.source import Configured
from tests.integrations.rest.configured import config
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import World, context, reply

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]
PLAIN: dict[str, Any] = {"updated": "", "total": "", "pagination": {"style": "none"}}
ROWS = [{"id": number} for number in range(1, 13)]


def numbered(missing: Callable[[int], httpx.Response | None], **beside: Any) -> Any:
    """Three pages of one record each, by number; where `missing` answers, that comes instead."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        said = {name: value(number) if callable(value) else value for name, value in beside.items()}
        return missing(number) or reply({"data": [{"id": number}] if number <= 3 else [], **said})

    return answer


def gone(status: int, at: int = 2) -> Callable[[int], httpx.Response | None]:
    return lambda number: reply(b"" if status == 204 else {}, status) if number == at else None


def going(number: int) -> bool:
    return number < 3


PROMISED: dict[str, tuple[dict[str, Any], Any]] = {
    **{
        f"page {page} of three answers {status}": ({"style": "page", "pages": "$.n", "past_end": [status]}, numbered(gone(status, page), n=3))
        for status in (204, 400, 404, 410) for page in (2, 3)
    },
    "the number of pages stands on the first page alone": (
        {"style": "page", "pages": "$.n"}, numbered(gone(404), n=lambda number: 3 if number == 1 else None)),
    "more is true, then 404": ({"style": "page", "more": "$.more"}, numbered(gone(404), more=going)),
    "more is true, then 204": ({"style": "page", "more": "$.more"}, numbered(gone(204), more=going)),
    "three pages, and the first one for ever": (
        {"style": "page", "pages": "$.n", "clamped": True}, numbered(lambda number: reply({"data": [{"id": 1}], "n": 3}))),
    "offset, more is true, then 404": (
        {"style": "offset", "limit": 3, "overlap": 0, "past_end": [404], "more": "$.more"},
        lambda request: reply({"data": ROWS[:3], "more": True}) if request.url.params["offset"] == "0" else reply({}, 404)),
    "offset, more is true on an empty page": (
        {"style": "offset", "limit": 3, "overlap": 0, "more": "$.more"},
        lambda request: reply({"data": ROWS[:3] if request.url.params["offset"] == "0" else [], "more": True})),
    "a cursor, then 204": (
        {"style": "cursor"}, lambda request: reply(b"", 204) if "cursor" in request.url.params else reply({"data": ROWS[:1], "next_cursor": "b"})),
    "an address, then 204": (
        {"style": "next_url"}, lambda request: reply(b"", 204) if request.url.params else reply({"data": ROWS[:1], "next": "?p=2"})),
    "a Link, then 204": (
        {"style": "link_header"},
        lambda request: reply(b"", 204) if request.url.params else reply({"data": ROWS[:1]}, Link='<?p=2>; rel="next"')),
    "the last id, more is true, then 204": (
        {"style": "since_id", "more": "$.more"},
        lambda request: reply(b"", 204) if "after" in request.url.params else reply({"data": ROWS[:1], "more": True})),
}  # fmt: skip


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_page_that_does_not_come_fails_the_run(acme: Tenant, name: str) -> None:
    pagination, answer = PROMISED[name]
    connection = connected(acme, **{**PLAIN, "pagination": pagination})

    made = run(connection, answer)

    assert (made.state, made.error_class) == ("failed", "SourceChanged"), made.error_message
    assert "so this is no end" in made.error_message
    assert not Watermark.unscoped.filter(connection=connection).exists()


@pytest.mark.parametrize("status", [404, 204])
def test_pages_that_went_away_while_they_were_read_are_asked_for_once_more(acme: Tenant, status: int) -> None:
    """The page before says by then that it is the last one, so nothing is missing."""
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(int(request.url.params["page"]))
        if asked[-1] == 3:
            return reply(b"" if status == 204 else {}, status)
        return reply({"data": [{"id": asked[-1]}], "n": 2 if 3 in asked else 3})

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "page", "pages": "$.n"}}), answer)

    assert made.state == "succeeded", made.error_message
    assert asked == [1, 2, 3, 2]


@pytest.mark.parametrize("grown", [4, 2])
def test_a_number_of_pages_that_changes_meanwhile_counts_as_it_says_last(acme: Tenant, grown: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        return reply({"data": [{"id": number}], "n": 3 if number == 1 else grown})

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "page", "pages": "$.n"}}), answer)

    assert (made.state, made.ok) == ("succeeded", grown), made.error_message


def test_a_last_page_that_leaves_the_number_of_pages_out_ends_although_it_was_larger_before(acme: Tenant) -> None:
    """It was deleted meanwhile; the page after it, which was there once, answers 404 in every run."""
    said = {1: 3, 2: None}
    pagination = {"style": "page", "pages": "$.n", "absent_ends": True}

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        return reply({}, 404) if number == 3 else reply({"data": [{"id": number}], "n": said[number]})

    made = run(connected(acme, **{**PLAIN, "pagination": pagination}), answer)

    assert (made.state, made.ok) == ("succeeded", 2), made.error_message


def test_an_empty_page_between_others_is_passed_by(acme: Tenant) -> None:
    answer = numbered(lambda number: reply({"data": [], "n": 3}) if number == 2 else None, n=3)

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "page", "pages": "$.n"}}), answer)

    assert (made.state, made.ok) == ("succeeded", 2), made.error_message


@pytest.mark.parametrize("style", ["cursor", "next_url", "link_header"])
def test_a_named_last_page_that_is_always_empty_is_declared(acme: Tenant, style: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params:
            return reply(b"", 204)
        return reply({"data": ROWS[:1], "next_cursor": "b", "next": "?p=2"}, Link='<?p=2>; rel="next"')

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": style, "empty_ends": True}}), answer)

    assert (made.state, made.ok) == ("succeeded", 1), made.error_message


def newest_first(request: httpx.Request, size: int) -> httpx.Response:
    after = int(request.url.params.get("after", 0))
    return reply({"data": [row for row in reversed(ROWS) if row["id"] > after][:size]})


@pytest.mark.parametrize("size", [2, 5, 11])
def test_paging_by_the_last_id_over_a_list_of_newest_first_fails(acme: Tenant, size: int) -> None:
    connection = connected(acme, **{**PLAIN, "pagination": {"style": "since_id"}})

    made = run(connection, lambda request: newest_first(request, size))

    assert (made.state, made.error_class) == ("failed", "SourceChanged")
    assert "newest records first" in made.error_message


def test_newest_first_is_right_where_the_parameter_asks_for_older_ones(acme: Tenant) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        before = int(request.url.params.get("after", 99))
        return reply({"data": [row for row in reversed(ROWS) if row["id"] < before][:5]})

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "since_id"}}), answer)

    assert (made.state, made.ok) == ("succeeded", 12), made.error_message


def circle(request: httpx.Request) -> httpx.Response:
    at = next((int(value) for name, value in request.url.params.items() if name in ("cursor", "page", "offset")), 0)
    first = at // 2 % 2 * 2 if "offset" in request.url.params else at % 2 * 2
    return reply({"data": ROWS[first : first + 2], "next_cursor": at + 1, "next": f"?cursor={at + 1}"})


@pytest.mark.parametrize(
    "pagination",
    [{"style": "cursor"}, {"style": "next_url"}, {"style": "page"}, {"style": "offset", "overlap": 0, "limit": 2}],
)
def test_pages_that_only_hold_what_was_read_already_fail_the_run(acme: Tenant, pagination: dict[str, Any]) -> None:
    connection = connected(acme, **{**PLAIN, "pagination": pagination})

    made = run(connection, circle)

    assert (made.state, made.error_class) == ("failed", "SourceChanged"), made.error_message
    assert "read already" in made.error_message
    assert not Watermark.unscoped.filter(connection=connection).exists()


def test_one_page_that_only_holds_what_was_read_already_is_noted(acme: Tenant) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("cursor", 0))
        return reply({"data": [ROWS[:2], ROWS[2:4], ROWS[:2]][at], "next_cursor": at + 1 if at < 2 else None})

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "cursor"}}), answer)

    assert made.state == "succeeded", made.error_message
    assert any("Page 3 holds only records that this run had read already" in message for message in notes(made))


def notes(made: Any) -> list[str]:
    return [event.text for event in made.events.all()]


@pytest.mark.parametrize("name", ["has_more", "hasMore", "has_next", "hasNextPage", "more", "isTruncated"])
@pytest.mark.parametrize("around", [False, True])
def test_a_page_that_says_that_more_follow_is_refused_where_no_pagination_is_declared(
    acme: Tenant, name: str, around: bool
) -> None:
    said = {"meta": {name: True}} if around else {name: True}
    connection = connected(acme, **PLAIN)

    made = run(connection, lambda request: reply({"data": ROWS[:1], **said}))

    assert (made.state, made.error_class) == ("failed", "SourceChanged")
    assert repr(name) in made.error_message
    assert "first_only" in made.error_message
    assert not Watermark.unscoped.filter(connection=connection).exists()


HINTS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "a cursor": ({"next_cursor": "abc"}, {}, "'next_cursor'"),
    "an address": ({"links": {"next": "/things?page=2"}}, {}, "'next'"),
    "a token": ({"meta": {"nextPageToken": "abc"}}, {}, "'nextPageToken'"),
    "a Link header": ({}, {"Link": '</things?page=2>; rel="next"'}, "Link header"),
    "a total": ({"total": 250}, {}, "'total' says 250"),
}


@pytest.mark.parametrize("name", HINTS)
def test_what_may_lead_to_more_pages_is_named_on_run_and_preview_where_no_pagination_is_declared(
    acme: Tenant, name: str
) -> None:
    beside, headers, words = HINTS[name]
    page = {"data": ROWS[:1], **beside}

    made = run(connected(acme, **PLAIN), lambda request: reply(page, **headers))
    world = World(lambda request: reply(page, **headers))
    shown = Configured(world.connect).preview(context(config=config(**PLAIN, records="$.data[*]", key="id")))

    assert made.state == "succeeded"
    for said in (notes(made), shown.notes):
        assert any(words in note and "no pagination is declared" in note for note in said)


def test_only_the_first_page_may_be_wanted(acme: Tenant) -> None:
    page = {"data": ROWS[:1], "has_more": True, "next_cursor": "abc", "total": 9}

    made = run(
        connected(acme, **{**PLAIN, "pagination": {"style": "none", "first_only": True}}), lambda request: reply(page)
    )

    assert (made.state, made.ok) == ("succeeded", 1), made.error_message
    assert not any("pagination" in note for note in notes(made))


def test_a_page_that_is_all_there_is_needs_no_word(acme: Tenant) -> None:
    page = {"data": ROWS[:3], "has_more": False, "next_cursor": None, "next": "", "total": 3, "prev_cursor": "x"}

    made = run(connected(acme, **PLAIN), lambda request: reply(page))

    assert (made.state, made.ok, len(rows(acme))) == ("succeeded", 3, 3), made.error_message
    assert not any("pagination" in note for note in notes(made))


LINKS: dict[str, tuple[str, int]] = {
    "a comma and rel within a quoted title": (
        '<https://api.example.com/x?a=1,2>; title="x, y; rel=next"; rel=prev, </things?page=2>;Rel="last Next"', 2),
    "rel within the title of the only link": ('</things?page=2>; title="; rel=next"; rel="prev"', 1),
    "two rels, of which the first counts": ('</things?page=2>; rel="prev"; rel="next"', 1),
    "several relations in single quotes": ("</things?page=2>; rel='last next'", 2),
    "an escaped quote in the title": ('</things?page=9>; title="a\\"; rel=next"; rel=prev, </things?page=2>; rel=next', 2),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_a_link_header_is_read_parameter_by_parameter(acme: Tenant, name: str) -> None:
    header, pages = LINKS[name]

    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        return reply({"data": [{"id": page}]}, **({"Link": header} if page == 1 else {}))

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "link_header"}}), answer)

    assert made.state == "succeeded", made.error_message
    assert {key for _, key in rows(acme)} == {str(number) for number in range(1, pages + 1)}


@pytest.mark.parametrize("code", ["ThrottlingException", "com.amazonaws.x.v2#ThrottlingException", "rate limit", 429])
def test_too_many_calls_are_no_end_of_the_pages(acme: Tenant, code: Any) -> None:
    """Although a declaration takes 400 for the end."""
    answer = numbered(lambda number: reply({"code": code, "message": "x"}, 400) if number == 2 else None)

    made = run(connected(acme, **{**PLAIN, "pagination": {"style": "page", "past_end": [400]}}), answer)

    assert (made.state, made.error_class) == ("queued", "HeldOff"), made.error_message
