"""What it costs to find the keys of a page: nothing that grows with the length of its records, or with their number."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.core.json_records import key_reader
from ingestion.core.json_sources import _keys_reader, first_keys
from ingestion.core.shapes import sample

pytestmark = pytest.mark.slow


def page(count: int, length: int) -> tuple[bytes, list[bytes]]:
    """A page of so many records of about so many bytes, and the records."""
    members = {f"member_{number}": "x" * 15 for number in range(length // 30)}
    items = [json.dumps({"id": f"rec_{number}", **members}, separators=(",", ":")).encode() for number in range(count)]
    return b'{"data":[' + b",".join(items) + b"]}", items


def seconds(work: Callable[[], Any]) -> float:
    """Of the processor, the quickest of seven."""
    spent = []
    for _ in range(7):
        begun = time.thread_time()
        work()
        spent.append(time.thread_time() - begun)
    return min(spent)


def test_first_keys_cost_the_same_for_long_records_and_decoding_does_not() -> None:
    decode = _keys_reader("data", "id")
    (short, short_items), (long, long_items) = page(1000, 300), page(1000, 6000)

    first = seconds(lambda: first_keys("id", short_items)), seconds(lambda: first_keys("id", long_items))
    decoded = seconds(lambda: decode(short)), seconds(lambda: decode(long))

    assert first[1] < 2 * first[0]
    assert decoded[1] > 4 * first[1]


@pytest.mark.parametrize("count", [1000, 8000])
def test_the_keys_of_a_page_cost_less_than_those_of_each_record(count: int) -> None:
    decode, read = _keys_reader("data", "id"), key_reader("id")
    body, items = page(count, 30)

    assert seconds(lambda: decode(body)) < 0.95 * seconds(lambda: [read(item) for item in items])


@pytest.mark.parametrize("count", [1000, 10_000])
def test_the_sample_of_a_page_does_not_grow_with_it(count: int) -> None:
    _, items = page(count, 3000)

    assert len(list(sample([item[:3000] for item in items]))) == 21
