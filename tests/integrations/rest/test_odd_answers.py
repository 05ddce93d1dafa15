"""Answers that are odd in a way that costs records or an hour: each ends in words that say what to do."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingestion import SourceChanged
from integrations.rest import Cursor, LinkHeader, NextUrl, NoPages, Offset, PageNumber, SinceId
from tests.integrations.rest.worlds import World, ids, read, reply, rest

ROWS = [{"id": number, "name": f"n{number}"} for number in range(1, 24)]
WHOLE = json.dumps({"data": ROWS}).encode()
CURSOR = Cursor(next="$.next")


def part(start: int) -> list[Any]:
    return ROWS[start : start + 10]


def refusal(declared: Any, answer: Callable[[httpx.Request], httpx.Response]) -> str:
    with pytest.raises(SourceChanged) as refused:
        read(declared, World(answer))
    return str(refused.value)


def notes(declared: Any, answer: Callable[[httpx.Request], httpx.Response]) -> list[str]:
    return [note for page in read(declared, World(answer)) for note in page.notes]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (gzip.compress(WHOLE), "it is packed and its header"),
        (b"PK\x03\x04" + WHOLE, "it is packed and its header"),
        (json.dumps({"data": ROWS}).encode("utf-16"), '"charset": "utf-16"'),
        (b")]}',\n" + WHOLE, "keeps browsers from reading it"),
        (b"while(1);" + WHOLE, "keeps browsers from reading it"),
        (b"callback(" + WHOLE + b");", "JSONP"),
        (b"\n".join(json.dumps(row).encode() for row in ROWS), "write a pipeline of your own with JsonLines"),
        (b'{"data": [{"id": 1, "name": "a\nb"}]}', "a line break or another control character"),
        (b"id;name\n1;a\n", "begins with other text"),
        (b"Too Many Requests", "begins with other text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_json_is_told_as_what_it_is(body: bytes, told: str) -> None:
    said = refusal(rest(), lambda request: reply(body))

    assert told in said
    assert re.search(r"[^.?][.?]$", said)


def test_utf_16_is_read_where_it_is_declared() -> None:
    wide = json.dumps({"data": ROWS}).encode("utf-16")

    assert len(ids(read(rest(charset="utf-16"), World(lambda request: reply(wide))))) == 23


@pytest.mark.parametrize(
    ("around", "advised"),
    [({"count": 0}, True), ({}, True), ({"Data": ROWS}, False), ({"items": []}, False), ({"data": "text"}, False)],
    ids=str,
)
def test_leaving_the_list_out_is_advised_only_where_no_other_list_may_be_it(
    around: dict[str, Any], advised: bool
) -> None:
    assert ('"empty": ["missing"]' in refusal(rest(), lambda request: reply(around))) is advised


def test_null_and_a_text_in_the_place_of_the_list_are_told() -> None:
    assert '"empty": ["null"]' in refusal(rest(), lambda request: reply({"data": None}))
    assert "no list where $.data[*] leads, but a text" in refusal(rest(), lambda request: reply({"data": "[]"}))


@pytest.mark.parametrize("end", [0, "0", -1, "null", "END"])
def test_a_value_that_means_no_next_page_is_named_with_how_to_declare_it(end: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get("cursor", "0")
        start = int(asked) if asked in ("10", "20") else 0
        return reply({"data": part(start), "next": start + 10 if start < 20 else end})

    said = refusal(rest(pagination=CURSOR), answer)

    assert f'declare in `pagination`: "ends": [{json.dumps(end)}].' in said
    assert len(ids(read(rest(pagination=Cursor(next="$.next", ends=[end])), World(answer)))) == 23


def test_a_long_cursor_in_a_ring_is_not_shown() -> None:
    after = {"": "A" * 40, "A" * 40: "B" * 40, "B" * 40: "A" * 40}

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get("cursor", "")
        return reply({"data": part(10 * list(after).index(asked)), "next": after[asked]})

    assert "BBBB" not in refusal(rest(pagination=CURSOR), answer)


@pytest.mark.parametrize(
    ("pagination", "advice"),
    [(CURSOR, '"repeat_ends": true'), (NextUrl(), '"repeat_ends": true'), (SinceId(), '"inclusive": true')],
    ids=["cursor", "next_url", "since_id"],
)
def test_what_is_advised_for_a_page_that_names_itself_is_a_key_of_its_style(pagination: Any, advice: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        since = int(request.url.params.get("after", 0))
        rows = [row for row in ROWS if int(row["id"]) >= since][:10] if since else part(0)
        return reply({"data": rows, "next": "/things?same=1" if pagination.style == "next_url" else "same"})

    assert advice in refusal(rest(pagination=pagination), answer)


def test_a_truth_of_another_type_is_named_with_how_to_declare_it() -> None:
    declared = rest(pagination=Cursor(next="$.next", more="$.more"))

    said = refusal(declared, lambda request: reply({"data": part(0), "next": 10, "more": "true"}))

    assert '"more_values": ["true"], or "last_values": ["true"]' in said


def test_a_next_page_on_another_port_is_told_with_both_ports() -> None:
    there = "https://user:secret@api.example.com:8443/things"
    declared = rest(pagination=NextUrl(), base_url="https://api.example.com:9443")

    said = refusal(declared, lambda request: reply({"data": part(0), "next": there}))

    assert "on https://api.example.com:8443, not on https://api.example.com:9443" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "flag", ["truncated", "is_truncated", "exceededTransferLimit", "limit_reached", "resultLimitExceeded"]
)
def test_a_page_that_says_that_it_was_cut_is_not_taken_for_all(flag: str) -> None:
    said = refusal(rest(pagination=NoPages()), lambda request: reply({"data": part(0), flag: True}))

    assert f"{flag!r} is true" in said


@pytest.mark.parametrize(
    ("told", "headers", "advice"),
    [
        ({"total": 23}, {}, '"total": "$.total"'),
        ({"meta": {"totalCount": 23}}, {}, '"total": "$.meta.totalCount"'),
        ({}, {"X_Total_Count": "23"}, '"total_header": "X-Total-Count"'),
        ({}, {"Content_Range": "items 0-9/23"}, "Content-Range"),
        ({"total_pages": 3}, {}, "'total_pages' says 3"),
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_count_that_nobody_looks_at_is_noted_where_less_came(
    told: dict[str, Any], headers: dict[str, str], advice: str, status: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        first = request.url.params["page"] == "1"
        return reply({"data": part(0) if first else [], **told}, 200 if first else status, **headers)

    (note,) = notes(rest(pagination=PageNumber()), answer)

    assert "which the declaration does not look at: pages may be missing" in note
    assert advice in note


@pytest.mark.parametrize("pagination", [PageNumber(), Offset(limit=10), CURSOR, LinkHeader()], ids=lambda p: p.style)
def test_a_count_that_was_reached_is_not_noted(pagination: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        start = int(query.get("cursor") or query.get("offset") or 10 * (int(query.get("page", 1)) - 1))
        link = {"Link": f"</things?page={start // 10 + 2}>; rel=next"} if start < 20 else {}
        told = {"next": start + 10 if start < 20 else None, "total": 23, "total_pages": 3}
        return reply({"data": part(start), **told}, **link)

    assert notes(rest(pagination=pagination), answer) == []


def test_a_count_of_a_source_that_is_asked_for_a_window_is_not_noted() -> None:
    declared = rest(pagination=PageNumber(), params={"since": "{window.start}"})

    def answer(request: httpx.Request) -> httpx.Response:
        return reply({"data": part(0) if request.url.params["page"] == "1" else [], "total": 5000})

    assert notes(declared, answer) == []


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"id": 1.0}, "at 'id' stands a number with decimals; an id is a text or a whole number."),
        ({"id": True}, "at 'id' stands a truth"),
        ({"id": [1]}, "at 'id' stands a list"),
        ({"id": {"$oid": "1"}}, "at 'id' stands an object"),
        ({"id": None}, "'id' is null."),
        ({"ID": 1}, "it has no 'id'."),
        ({"id": ""}, "it is empty"),
    ],
    ids=str,
)
def test_what_stands_in_the_place_of_an_id_is_told(record: dict[str, Any], told: str) -> None:
    (page,) = read(rest(), World(lambda request: reply({"data": [{"id": "1"}, record]})))

    assert told in str(page.refused[0].error)


def test_a_number_and_the_same_text_are_one_id() -> None:
    pages = read(rest(), World(lambda request: reply({"data": [{"id": 1}, {"id": "1"}, {"id": "01"}]})))

    assert ids(pages) == ["1", "1", "01"]


@pytest.mark.parametrize(
    ("rows", "noted"),
    [
        ([{"id": 1}, {"id": 2}], True),
        ([{"id": 1, "AT": "2026-01-01"}], True),
        ([{"id": 1}, {"id": 2, "at": None}], False),
        ([{"id": 1, "at": "2026-01-01"}], False),
        ([], False),
    ],
    ids=str,
)
def test_it_is_noted_where_no_record_has_what_says_when_it_changed(rows: list[Any], noted: bool) -> None:
    said = notes(rest(pagination=NoPages(), updated="at"), lambda request: reply({"data": rows}))

    assert any("No record of the page has 'at'" in note for note in said) is noted
