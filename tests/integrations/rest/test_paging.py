"""Every paging style: the whole source once, from any interruption, and an end whatever the source does."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from ingestion import SourceChanged
from integrations.rest import Cursor, LinkHeader, NextUrl, NoPages, Offset, PageNumber, Rest, SinceId
from integrations.rest.paging.links import link_target
from tests.integrations.rest.pages import ROWS
from tests.integrations.rest.worlds import World, context, ids, read, reply, rest, resumed

ALL = [str(row["id"]) for row in ROWS]


def slice_of(request: httpx.Request, start: int, size: int) -> dict[str, Any]:
    return {"data": ROWS[start : start + size], "count": len(ROWS)}


def by_page(request: httpx.Request) -> httpx.Response:
    number = int(request.url.params["page"])
    if number > 3:
        return reply({"detail": "Invalid page."}, 404)
    return reply(slice_of(request, 10 * (number - 1), 10))


def by_offset(request: httpx.Request) -> httpx.Response:
    return reply(slice_of(request, int(request.url.params["offset"]), min(10, int(request.url.params["limit"]))))


def by_cursor(request: httpx.Request) -> httpx.Response:
    at = int(request.url.params.get("cursor", "c0")[1:])
    after = f"c{at + 10}" if at + 10 < len(ROWS) else None
    return reply({**slice_of(request, at, 10), "meta": {"next": after}})


def by_next_url(request: httpx.Request) -> httpx.Response:
    at = int(request.url.params.get("at", 0))
    after = f"/things?at={at + 10}" if at + 10 < len(ROWS) else None
    return reply({**slice_of(request, at, 10), "next": after})


def by_link(request: httpx.Request) -> httpx.Response:
    at = int(request.url.params.get("at", 0))
    link = f'<https://api.example.com/things?at=0>; rel="first", <?at={at + 10}>; title="a, b"; rel="next"'
    headers = {"link": link} if at + 10 < len(ROWS) else {"link": '<?at=0>; rel="first"'}
    return reply(slice_of(request, at, 10), **headers)


def by_id(request: httpx.Request) -> httpx.Response:
    at = int(request.url.params.get("after", 0))
    return reply({**slice_of(request, at, 10), "has_more": at + 10 < len(ROWS)})


STYLES = {
    "none": (rest(pagination=NoPages()), lambda request: reply(slice_of(request, 0, 100))),
    "page, by empty page": (rest(pagination=PageNumber()), by_page),
    "page, by total": (rest(pagination=PageNumber(), total="$.count"), by_page),
    "offset": (rest(pagination=Offset(limit=50)), by_offset),
    "offset, by total": (rest(pagination=Offset(), total="$.count"), by_offset),
    "offset, trusting": (rest(pagination=Offset(overlap=0)), by_offset),
    "cursor": (rest(pagination=Cursor(next="$.meta.next"), total="$.count"), by_cursor),
    "next url": (rest(pagination=NextUrl()), by_next_url),
    "link": (rest(pagination=LinkHeader()), by_link),
    "since id": (rest(pagination=SinceId()), by_id),
    "since id, by more": (rest(pagination=SinceId(more="$.has_more")), by_id),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_record_is_read(style: str) -> None:
    declared, answer = STYLES[style]

    pages = read(declared, World(answer))

    assert list(dict.fromkeys(ids(pages))) == ALL
    assert pages[-1].checkpoint["done"]


@pytest.mark.parametrize("style", STYLES)
def test_a_reading_goes_on_from_any_page(style: str) -> None:
    declared, answer = STYLES[style]

    for number, found in resumed(declared, World(answer)):
        assert list(dict.fromkeys(found)) == ALL, f"interrupted after page {number}"


@pytest.mark.parametrize("style", ["page, by total", "offset, by total", "cursor"])
def test_the_declared_total_is_what_arrived(style: str) -> None:
    declared, answer = STYLES[style]

    pages = read(declared, World(answer))

    assert sum(page.declares["count"] for page in pages) == sum(len(page.records) for page in pages)


def test_a_total_above_what_arrived_does_not_add_up() -> None:
    """A source that stops before its end: the run must not close."""
    declared = rest(pagination=Cursor(), total="$.count")
    pages = read(declared, World(lambda request: reply({"data": ROWS[:10], "count": 23, "next_cursor": None})))

    assert sum(page.declares["count"] for page in pages) - sum(len(page.records) for page in pages) == 13


def test_a_total_in_a_header_counts_too() -> None:
    world = World(lambda request: reply(ROWS, X_Total_Count="23"))

    (page,) = read(rest(records="$", total_header="X-Total-Count"), world)

    assert page.declares["count"] == 23


def forever(style: str) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        rows = ROWS[:10]
        asked = len(world.asked)
        match style:
            case "the same cursor":
                return reply({"data": rows, "next_cursor": "again"})
            case "cycling cursors":
                return reply({"data": [{"id": asked}], "next_cursor": ["a", "b", "c"][asked % 3]})
            case "new cursors, same page":
                return reply({"data": rows, "next_cursor": f"c{asked}"})
            case "next url is itself":
                return reply({"data": rows, "next": "/things"})
            case _:
                return reply({"data": rows, "more": True, "has_more": True})

    world = World(answer)
    return world


ENDLESS = {
    "the same cursor": (Cursor(), 3),
    "cycling cursors": (Cursor(), 5),
    "new cursors, same page": (Cursor(), 3),
    "next url is itself": (NextUrl(), 3),
    "pages are ignored": (PageNumber(), 3),
    "offsets are ignored": (Offset(), 3),
    "since is ignored": (SinceId(), 3),
}


@pytest.mark.parametrize("style", ENDLESS)
def test_a_source_that_never_ends_is_found_out(style: str) -> None:
    pagination, calls = ENDLESS[style]
    world = forever(style)

    with pytest.raises(SourceChanged, match=r"never end|same as the two before|does not know the parameter"):
        read(rest(pagination=pagination), world)

    assert len(world.asked) <= calls


def test_a_source_that_never_ends_with_new_records_meets_the_limit_also_when_resumed() -> None:
    world = World(lambda request: reply({"data": [{"id": len(world.asked)}], "next_cursor": str(len(world.asked))}))
    declared = rest(pagination=Cursor(), max_pages=5)
    reading = declared.through(world.connect)
    pages = reading.extract(context(), None)
    checkpoint = [next(pages) for _ in range(4)][-1].checkpoint

    with pytest.raises(SourceChanged, match="max_pages"):
        list(reading.extract(context(), checkpoint))
    assert len(world.asked) == 5


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.net/things?page=2",
        "http://api.example.com/things?page=2",
        "https://api.example.com:8443/things?page=2",
        "https://user:word@api.example.com/things?page=2",
        "//evil.example.net/things",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://api.example.com.evil.net/",
        "https://[::1",
    ],
)
@pytest.mark.parametrize("style", ["next url", "link"])
def test_a_next_page_on_another_origin_is_not_followed(target: str, style: str) -> None:
    world = World(lambda request: reply({"data": ROWS[:2], "next": target}, link=f'<{target}>; rel="next"'))

    with pytest.raises(SourceChanged, match="next page"):
        read(rest(pagination=NextUrl() if style == "next url" else LinkHeader()), world)

    assert len(world.asked) == 1


def test_an_inner_address_is_followed_on_our_own_origin_when_that_is_declared() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply(
            {"data": ROWS[:2], "next": None if "page" in request.url.params else "http://inner:8000/things?page=2"}
        )

    world = World(answer)

    read(rest(pagination=NextUrl(keep_origin=True)), world)

    assert str(world.asked[-1].url) == "https://api.example.com/things?page=2"


def test_a_page_larger_or_smaller_than_the_others_changes_nothing() -> None:
    sizes = iter([3, 7, 1, 12])
    rows = iter(ROWS)
    taken: dict[str, list[Any]] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        number = request.url.params["page"]
        if number not in taken:
            taken[number] = [row for _, row in zip(range(next(sizes, 0)), rows, strict=False)]
        return reply({"data": taken[number], "count": 23})

    assert ids(read(rest(pagination=PageNumber(), total="$.count"), World(answer))) == ALL


def test_a_changed_declaration_begins_again() -> None:
    declared, answer = STYLES["cursor"]
    first = next(iter(declared.through(World(answer).connect).extract(context(), None)))
    other: Rest = rest(pagination=Cursor(next="$.meta.next"), total="$.count", params={"expand": "all"})

    assert ids(read(other, World(answer), first.checkpoint)) == ALL


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", ""),
        ('<a>; rel="next"', "a"),
        ("<a>;rel=next", "a"),
        ('<a>; rel="prev next"', "a"),
        ('<a?x=1,2;3>; title="; rel=next, <no>"; REL="Next"', "a?x=1,2;3"),
        ('<p>; rel="prev", <n>; rel="next"; type="text/html"', "n"),
        ('<n>; rel="nextish"', ""),
        ('<n>; anchor="#x"; rel = "next"', "n"),
        ("<n> rel=next", ""),
        ("garbage", ""),
        ("<" * 9000, ""),
        ("<n>" + "; a  " * 3000, ""),
        ('<n>; t="' + "\\" * 9000, ""),
    ],
)
def test_link_headers_are_read_whatever_they_hold(header: str, target: str) -> None:
    started = time.process_time()

    assert link_target(header, "next") == target
    assert time.process_time() - started < 5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_list_whose_pages_begin_with_the_record_they_were_asked_after_may_be_short(count: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("after", 0))
        return reply({"data": [{"id": number} for number in range(1, count + 1) if number >= after][:2]})

    pages = read(rest(pagination=SinceId(inclusive=True)), World(answer))

    assert list(dict.fromkeys(ids(pages))) == [str(number) for number in range(1, count + 1)]
