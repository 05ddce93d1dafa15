"""Where a source ends, by whatever it says so with: shown, declared, or refused. Through whole runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingestion import SourceChanged
from ingestion.models import Run, Tenant, Watermark
from tests.integrations.rest.test_records import acme, connected, rows, run
from tests.integrations.rest.worlds import World, read, reply, rest

__all__ = ["acme"]
pytestmark = [pytest.mark.django_db]
ROWS = [{"id": number} for number in range(1, 8)]
SIZE = 3
ALL = {str(row["id"]) for row in ROWS}


def declared(**changes: Any) -> dict[str, Any]:
    return {"updated": "", "total": "", **changes}


def cursor_of(request: httpx.Request) -> int:
    return int(request.url.params.get("cursor", 0))


def by_cursor(end: Any, name: str = "next_cursor", *, more: Callable[[bool], Any] | None = None) -> Any:
    """Pages of three after a cursor; `end` is what stands at the last one (a function of the cursor asked with)."""

    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        going = at + SIZE < len(ROWS)
        body: dict[str, Any] = {"data": ROWS[at : at + SIZE]}
        last = end(at) if callable(end) else end
        if going or last is not MISSING:
            body[name] = at + SIZE if going else last
        if more is not None and more(going) is not MISSING:
            body["has_more"] = more(going)
        return reply(body)

    return answer


MISSING = object()
CURSORS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "null": ({}, by_cursor(None), "all"),
    "an empty text": ({}, by_cursor(""), "all"),
    "0, declared": ({"ends": [0]}, by_cursor(0), "all"),
    "-1, declared": ({"ends": [-1]}, by_cursor(-1), "all"),
    "the text 0, declared": ({"ends": ["0"]}, by_cursor("0"), "all"),
    "0, not declared": ({}, by_cursor(0), "read already"),
    "its own cursor, declared": ({"repeat_ends": True}, by_cursor(lambda at: at), "all"),
    "its own cursor, not declared": ({}, by_cursor(lambda at: at), "read already"),
    "nothing, declared": ({"absent_ends": True}, by_cursor(MISSING), "all"),
    "nothing, not declared": ({}, by_cursor(MISSING), '`pagination`: "absent_ends": true'),
    "renamed": ({}, by_cursor(None, "nextCursor"), "'nextCursor'"),
    "renamed where it may be absent": ({"absent_ends": True}, by_cursor(None, "next_page_token"), "'next_page_token'"),
    "a list": ({}, by_cursor(lambda at: [1]), "no cursor"),
    "has_more": ({"more": "$.has_more"}, by_cursor("x", more=lambda going: going), "all"),
    "has_more that is gone": ({"more": "$.has_more"}, by_cursor(MISSING, more=lambda going: going or MISSING), "cannot be seen"),
    "has_more as a text": ({"more": "$.has_more"}, by_cursor(None, more=lambda going: str(going).lower()), "more_values"),
    "has_more as a text, declared": (
        {"more": "$.has_more", "more_values": ["true"], "last_values": ["false"]},
        by_cursor(None, more=lambda going: str(going).lower()), "all"),
    "has_more as a number": ({"more": "$.has_more"}, by_cursor(None, more=int), "more_values"),
}  # fmt: skip


@pytest.mark.parametrize("name", CURSORS)
def test_a_cursor_ends_as_declared_or_the_run_fails(acme: Tenant, name: str) -> None:
    changes, answer, outcome = CURSORS[name]
    connection = connected(acme, **declared(pagination={"style": "cursor", **changes}))

    judge(run(connection, answer), acme, outcome)


def judge(made: Run, tenant: Tenant, outcome: str) -> None:
    if outcome == "all":
        assert made.state == "succeeded", made.error_message
        assert {key for _, key in rows(tenant)} == ALL
    else:
        assert (made.state, made.error_class) == ("failed", "SourceChanged")
        assert outcome in made.error_message
        assert not Watermark.unscoped.filter(connection=made.connection).exists()


def page_of(request: httpx.Request) -> int:
    return int(request.url.params["page"])


def by_page(**beside: Any) -> Any:
    """Pages of three by number; those past the end are empty, or as `past` says."""
    past = beside.pop("past", "empty")

    def answer(request: httpx.Request) -> httpx.Response:
        number = page_of(request)
        found = ROWS[SIZE * (number - 1) : SIZE * number]
        if not found and past == "last":
            found = ROWS[6:]
        if not found and isinstance(past, int):
            return reply({"error": "no such page"}, past)
        said = {name: value(number) if callable(value) else value for name, value in beside.items()}
        return reply({"data": found, **{name: value for name, value in said.items() if value is not MISSING}})

    return answer


PAGES: dict[str, tuple[dict[str, Any], dict[str, Any], Any, str]] = {
    "an empty page": ({}, {}, by_page(), "all"),
    "404": ({}, {}, by_page(past=404), "all"),
    "410, declared": ({"past_end": [410]}, {}, by_page(past=410), "all"),
    "400, not declared": ({}, {}, by_page(past=400), "answered 400"),
    "400 after its total": ({}, {"total": "$.count"}, by_page(past=400, count=7), "all"),
    "the last page for ever, declared": ({"clamped": True}, {}, by_page(past="last"), "all"),
    "the last page for ever, not declared": ({}, {}, by_page(past="last"), "clamped"),
    "the last page for ever, with a total": ({}, {"total": "$.count"}, by_page(past="last", count=7), "all"),
    "a number of pages": ({"pages": "$.pages"}, {}, by_page(pages=3), "all"),
    "a number of pages as a text": ({"pages": "$.pages"}, {}, by_page(pages="3"), "all"),
    "a broken number of pages": ({"pages": "$.pages"}, {}, by_page(pages=7 / 3), "all"),
    "a number of pages that is none": ({"pages": "$.pages"}, {}, by_page(pages="many"), "no number of pages"),
    "a number of pages that is gone": ({"pages": "$.pages"}, {}, by_page(), "cannot be seen"),
    "no pages, but records": ({"pages": "$.pages"}, {}, by_page(pages=0), "no number of pages"),
    "more as a truth": ({"more": "$.more"}, {}, by_page(more=lambda number: number < 3), "all"),
    "more as a text": ({"more": "$.more"}, {}, by_page(more="false"), "more_values"),
    "more that is renamed": ({"more": "$.more"}, {}, by_page(hasMore=lambda number: number < 3), "hasMore"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_page_numbers_end_as_declared_or_the_run_fails(acme: Tenant, name: str) -> None:
    changes, beside, answer, outcome = PAGES[name]
    connection = connected(acme, **declared(pagination={"style": "page", **changes}, **beside))

    judge(run(connection, answer), acme, outcome)


def by_link(link: Callable[[int], str | None]) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        header = link(at + SIZE) if at + SIZE < len(ROWS) else None
        return reply({"data": ROWS[at : at + SIZE]}, **({"link": header} if header else {}))

    return answer


LINKS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "double quotes": ({}, by_link(lambda at: f'<?cursor={at}>; rel="next"'), "all"),
    "single quotes": ({}, by_link(lambda at: f"<?cursor={at}>; rel='next'"), "all"),
    "no quotes": ({}, by_link(lambda at: f"<?cursor={at}>;rel=next"), "all"),
    "no angle brackets": ({}, by_link(lambda at: f'?cursor={at}; rel="next"'), "cannot be read"),
    "no semicolon": ({}, by_link(lambda at: f"<?cursor={at}> rel=next"), "cannot be read"),
    "garbage": ({}, by_link(lambda at: "next please"), "cannot be read"),
    "no header where there is always one": ({"absent_ends": False}, by_link(lambda at: None), "no Link header"),
}


@pytest.mark.parametrize("name", LINKS)
def test_links_are_read_or_the_run_fails(acme: Tenant, name: str) -> None:
    changes, answer, outcome = LINKS[name]
    connection = connected(acme, **declared(pagination={"style": "link_header", **changes}))

    judge(run(connection, answer), acme, outcome)


def by_address(end: Callable[[int], Any]) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        after = f"/things?cursor={at + SIZE}" if at + SIZE < len(ROWS) else end(at)
        return reply({"data": ROWS[at : at + SIZE], **({} if after is MISSING else {"paging": {"next": after}})})

    return answer


ADDRESSES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "null": ({}, by_address(lambda at: None), "all"),
    "a sign, declared": ({"ends": ["#"]}, by_address(lambda at: "#"), "all"),
    "itself, declared": ({"repeat_ends": True}, by_address(lambda at: f"/things?cursor={at}"), "all"),
    "itself, not declared": ({}, by_address(lambda at: f"/things?cursor={at}"), "read already"),
    "nothing, declared": ({"absent_ends": True}, by_address(lambda at: MISSING), "all"),
    "nothing, not declared": ({}, by_address(lambda at: MISSING), "cannot be seen"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_next_addresses_end_as_declared_or_the_run_fails(acme: Tenant, name: str) -> None:
    changes, answer, outcome = ADDRESSES[name]
    connection = connected(acme, **declared(pagination={"style": "next_url", "next": "$.paging.next", **changes}))

    judge(run(connection, answer), acme, outcome)


def since(request: httpx.Request, *, inclusive: bool) -> httpx.Response:
    after = int(request.url.params.get("after", 0))
    return reply({"data": [row for row in ROWS if row["id"] >= after + (0 if inclusive else 1)][:SIZE]})


@pytest.mark.parametrize(
    ("inclusive", "told", "outcome"), [(False, False, "all"), (True, True, "all"), (True, False, "inclusive")]
)
def test_an_inclusive_last_page_is_declared(acme: Tenant, inclusive: bool, told: bool, outcome: str) -> None:
    connection = connected(acme, **declared(pagination={"style": "since_id", "inclusive": told}))

    judge(run(connection, lambda request: since(request, inclusive=inclusive)), acme, outcome)


@pytest.mark.parametrize(("told", "outcome"), [(False, "all"), (True, "first three")])
def test_an_empty_page_with_a_next_cursor_is_no_end_unless_declared(acme: Tenant, told: bool, outcome: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        part = {0: ROWS[:3], 1: [], 2: [], 3: ROWS[3:]}[at]
        return reply({"data": part, "next_cursor": at + 1 if at < 3 else None})

    made = run(connected(acme, **declared(pagination={"style": "cursor", "empty_ends": told})), answer)

    assert made.state == "succeeded"
    assert len(rows(acme)) == (7 if outcome == "all" else 3)


def by_offset(total: int, least: int = 1) -> World:
    """300 rows whose offsets are rounded down to multiples of `least`."""

    def answer(request: httpx.Request) -> httpx.Response:
        at, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        at -= at % least
        return reply({"data": [{"id": number} for number in range(at, min(at + limit, total))], "count": total})

    return World(answer)


@pytest.mark.parametrize("proof", ["", "$.count"])
@pytest.mark.slow
def test_an_offset_that_is_rounded_down_ends_by_itself_and_says_what_helps(acme: Tenant, proof: str) -> None:
    world = by_offset(300, least=100)
    paging = {"style": "offset", "limit": 100}

    failed = run(connected(acme, **declared(pagination=paging, total=proof)), world.answer)
    mended = run(connected(acme, "again", **declared(pagination={**paging, "overlap": 0}, total=proof)), world.answer)

    assert (failed.state, failed.error_class, failed.read) == ("failed", "SourceChanged", 100)
    assert '"overlap": 0' in failed.error_message
    assert (mended.state, mended.ok) == ("succeeded", 300)


@pytest.mark.slow
@pytest.mark.parametrize("least", [2, 7, 10, 50, 99])
@pytest.mark.parametrize("proof", ["", "$.count"])
def test_an_offset_that_is_rounded_to_less_than_a_page_is_read_or_refused_within_a_few_calls(
    acme: Tenant, least: int, proof: str
) -> None:
    world = by_offset(300, least)
    calls: list[httpx.Request] = []

    def counted(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return world.answer(request)

    made = run(connected(acme, **declared(pagination={"style": "offset", "limit": 100}, total=proof)), counted)

    assert len(calls) < 30
    if made.state == "succeeded":
        assert len(rows(acme)) == 300
    else:
        assert '"overlap": 0' in made.error_message


def test_an_address_that_names_its_own_page_ends_also_with_a_key_in_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        at = int(request.url.params.get("at", 0))
        after = at + SIZE if at + SIZE < len(ROWS) else at
        return reply({"data": ROWS[at : at + SIZE], "next": f"https://api.example.com/things?at={after}&api_key=k-123"})

    auth = {"kind": "api_key", "name": "api_key", "place": "query"}
    source = rest(pagination={"style": "next_url", "repeat_ends": True}, auth=auth)

    pages = read(source, World(answer), secret={"key": "k-123"})

    assert [len(page.records) for page in pages] == [3, 3, 1]


@pytest.mark.parametrize("key", ["", "&api_key=k-123"])
def test_an_address_that_names_its_own_page_is_no_end_of_a_page_that_says_that_more_follow(key: str) -> None:
    own = f"https://api.example.com/things?at=0{key}"
    world = World(lambda request: reply({"data": ROWS[:1], "next": own, "has_more": True}))
    auth = {"kind": "api_key", "name": "api_key", "place": "query"}
    source = rest(params={"at": "0"}, pagination={"style": "next_url", "repeat_ends": True}, auth=auth)

    with pytest.raises(SourceChanged, match="'has_more' is true"):
        read(source, world, secret={"key": "k-123"})


def test_half_a_character_as_the_next_page_is_said(acme: Tenant) -> None:
    made = run(connected(acme, **declared()), lambda request: reply(b'{"data": [{"id": 1}], "next": "\\ud800"}'))

    assert (made.state, made.error_class) == ("failed", "SourceChanged")
    assert "half a character" in made.error_message
