"""Every paging style: the whole source once, from any interruption, and an end whatever the source does."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from ingestion import CredentialError, IngestionError, SourceChanged, Transient
from integrations.rest import Cursor, LinkHeader, NextUrl, NoPages, Offset, PageNumber, Rest, SinceId
from integrations.rest.paging.links import link
from tests.integrations.rest.worlds import World, context, ids, read, reply, rest, resumed

ROWS = [{"id": number, "name": f"thing {number}"} for number in range(1, 24)]
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
    pages = read(declared, World(lambda request: reply({"data": ROWS[:10], "count": 23})))

    assert sum(page.declares["count"] for page in pages) - sum(len(page.records) for page in pages) == 13


def test_a_total_in_a_header_counts_too() -> None:
    world = World(lambda request: reply(ROWS, X_Total_Count="23"))

    (page,) = read(rest(records="$", total_header="X-Total-Count"), world)

    assert page.declares["count"] == 23


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

    with pytest.raises(SourceChanged, match=r"never end|same as the two before"):
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


def test_null_elements_are_no_records_but_noted() -> None:
    world = World(lambda request: reply({"data": [{"id": 1}, None, {"id": 2}], "count": 3}))

    (page,) = read(rest(total="$.count"), world)

    assert ids([page]) == ["1", "2"]
    assert "1 null elements" in page.notes[0]
    assert page.declares["count"] == 2


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


BAD_BODIES: dict[str, tuple[bytes, type[IngestionError]]] = {
    "a web page": (b"<!DOCTYPE html><html><title>Sign in</title></html>", SourceChanged),
    "truncated JSON": (b'{"data": [{"id": 1}, {"id"', Transient),
    "nothing": (b"", SourceChanged),
    "text": (b"OK", SourceChanged),
    "another shape": (b'{"items": []}', SourceChanged),
    "an object where a list was": (b'{"data": "none"}', SourceChanged),
    "a number": (b"5", SourceChanged),
    "two documents": (b'{"data": []}{"data": []}', SourceChanged),
    "deep nesting": (b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", SourceChanged),
    "wrong encoding": ('{"data": [{"id": "é"}]}'.encode("utf-16"), SourceChanged),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize("records", ["$.data[*]", "$.data[?@.id != 'x']"])
def test_a_body_that_is_no_page_ends_in_a_named_error(name: str, records: str) -> None:
    body, error = BAD_BODIES[name]
    if records != "$.data[*]" and name in ("another shape", "an object where a list was", "a number"):
        pytest.skip("a filter that finds nothing is no error")

    with pytest.raises(error):
        read(rest(records=records), World(lambda request: reply(body)))


@pytest.mark.parametrize(
    ("body", "good", "refused"),
    [
        (b'{"data": [{"id": 1}, {"name": "no id"}, {"id": null}, {"id": ""}, 7, [1], "x", {"id": {}}]}', 1, 7),
        (b'{"data": [{"id": 12345678901234567890123}, {"id": "a"}]}', 2, 0),
        (b'\xef\xbb\xbf{"data": [{"id": 1}]}', 1, 0),
        (b'{"data": null}', 0, 0),
        (b'{"data": []}', 0, 0),
    ],
)
def test_a_bad_record_is_refused_and_the_others_are_kept(body: bytes, good: int, refused: int) -> None:
    (page,) = read(rest(), World(lambda request: reply(body)))

    assert (len(page.records), len(page.refused)) == (good, refused)


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceChanged), (401, CredentialError), (403, CredentialError), (404, SourceChanged),
                          (429, Transient), (500, Transient), (503, Transient), (302, SourceChanged)]
)  # fmt: skip
def test_a_refusal_on_the_first_page_has_its_class(status: int, error: type[IngestionError]) -> None:
    with pytest.raises(error):
        read(rest(pagination=PageNumber()), World(lambda request: reply({}, status)))


def test_an_empty_204_is_an_empty_page() -> None:
    assert ids(read(rest(), World(lambda request: reply(b"", 204)))) == []


def test_a_changed_declaration_begins_again() -> None:
    declared, answer = STYLES["cursor"]
    first = next(iter(declared.through(World(answer).connect).extract(context(), None)))
    other: Rest = rest(pagination=Cursor(next="$.meta.next"), total="$.count", params={"expand": "all"})

    assert ids(read(other, World(answer), first.checkpoint)) == ALL


def test_a_page_too_large_for_one_batch_becomes_several_and_is_read_again_whole() -> None:
    rows = [{"id": number} for number in range(12_500)]
    declared, world = rest(total="$.count"), World(lambda request: reply({"data": rows, "count": len(rows)}))

    pages = read(declared, world)

    assert [len(page.records) for page in pages] == [5000, 5000, 2500]
    assert [page.checkpoint["done"] for page in pages] == [False, False, True]
    assert sum(page.declares["count"] for page in pages) == 12_500
    assert len(ids(read(declared, world, pages[0].checkpoint))) == 12_500
    assert read(declared, world, pages[2].checkpoint) == []


@pytest.mark.parametrize("body", [b'{"data": [' + b'{"id": 1},' * 200 + b'{"id": 2}]}', b" " * 5000 + b"{}"])
def test_a_page_above_its_limit_is_refused(body: bytes) -> None:
    with pytest.raises(SourceChanged, match="bytes"):
        read(rest(max_page_bytes=1024), World(lambda request: reply(body)))


@pytest.mark.parametrize("total", ["many", "-5", "1e3", "", "9" * 30])
def test_a_senseless_total_is_no_total(total: str) -> None:
    (page,) = read(rest(records="$", total_header="X-Total"), World(lambda request: reply(ROWS, X_Total=total)))

    assert page.declares == {}


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

    assert link(header, "next") == target
    assert time.process_time() - started < 5
