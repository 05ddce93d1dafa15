"""Paths over raw bytes: what they select, keep and cost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ingestion import SourceChanged
from integrations.rest.paths import path, scalar_at, value_at
from tests.integrations.rest.worlds import World, read, reply, rest


def test_a_path_keeps_the_bytes() -> None:
    body = b'{"a": [ {"id": 1, "x": 1.10, "y":12345678901234567890123} , {"id":2,"x":1E400} ]}'

    plain, searched = path("$.a[*]").split(body), path("$.a[?@.id >= 1]").split(body)

    assert plain == searched == [b'{"id": 1, "x": 1.10, "y":12345678901234567890123}', b'{"id":2,"x":1E400}']


@pytest.mark.parametrize(
    ("text", "count"),
    [("$", 1), ("$.data", 2), ("$.data[*]", 2), ("$['data'][*]", 2), ("$.data[0]", 1), ("$.data[-1]", 1), ("$.data[0:1]", 1),
     ("$..items[*]", 3), ("$.by_id[*]", 2), ("$.data[?@.kind == 'a']", 1), ("$.data[?@.n.m > 1 && @.kind]", 1), ("$.one", 1),
     ("$.nothing", 0), ("$.data[*].items", 2)],
)  # fmt: skip
def test_paths_select(text: str, count: int) -> None:
    body = {"data": [{"kind": "a", "n": {"m": 1}, "items": [1, 2]}, {"kind": "b", "n": {"m": 2}, "items": [3]}],
            "by_id": {"x": {}, "y": {}}, "one": {"id": 1}, "nothing": None}  # fmt: skip

    assert len(path(text).split(json.dumps(body).encode())) == count


def test_a_half_surrogate_in_one_record_spares_the_others() -> None:
    body = b'{"data": [{"id": 1}, {"id": 2, "name": "\\ud83d"}, {"id": 3, "t": "\\ud83d\\ude00"}], "next": null}'

    (page,) = read(rest(), World(lambda request: reply(body)))

    assert [record.key for record in page.records] == ["1", "3"]
    assert len(page.refused) == 1


def test_peek_sees_one_value() -> None:
    body = b'{"a": {"b": "x", "n": 5, "t": true, "z": null, "o": {}, "l": [1]}}'

    assert [scalar_at(body, f"$.a.{name}") for name in "bntzq"] == ["x", 5, True, None, None]
    with pytest.raises(SourceChanged, match="an object"):
        scalar_at(body, "$.a.o")


def test_records_inside_one_another_do_not_multiply_the_page() -> None:
    deep: Any = {}
    for _ in range(90):
        deep = {"a": deep, "filler": "x" * 1000}

    with pytest.raises(SourceChanged, match="contain one another"):
        path("$..a").split(json.dumps(deep).encode())


@pytest.mark.slow
@pytest.mark.parametrize("text", ["$.data[*]", "$.data[?@.id >= 0]", "$..data[*]"])
def test_taking_a_large_page_apart_takes_no_time(text: str) -> None:
    body = json.dumps(
        {"data": [{"id": number, "text": "x" * 100, "inner": {"a": [1, 2, 3]}} for number in range(20_000)]}
    )
    started = time.process_time()

    assert len(path(text).split(body.encode())) == 20_000
    assert time.process_time() - started < 10


@pytest.mark.parametrize("text", ["$.total", "$.data[?@.id > 0]"])
def test_a_number_that_no_decimal_holds_is_the_source_s_fault(text: str) -> None:
    page = b'{"total": 1E+9999999999999999999, "data": [{"id": 1}]}'

    with pytest.raises(SourceChanged, match=r"the number 1E\+9999999999999999999 is too large"):
        path(text).split(page) if "?" in text else value_at(page, text)
