"""JSON that may be broken is walked through once, also where a string in it does not end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from ingestion import RecordError
from ingestion.core.json_items import json_items
from ingestion.core.json_tokens import json_tokens
from ingestion.core.keys import member_at, readable_key
from integrations.push.source import MOST, split

FEW, MANY = 250, 4000
QUOTED = b'\\"a\\":'
"""A member of JSON that lies in a text of other JSON."""


def items_of(body: bytes) -> None:
    with suppress(ValueError):
        json_items(b"[" + body, "")


def split_up(body: bytes) -> None:
    with suppress(RecordError):
        split(b"[" + body)


def split_up_with_commas(body: bytes) -> None:
    with suppress(RecordError):
        split(b"[" + body + b"," * MOST)


def key_of(body: bytes) -> None:
    readable_key(b'{"text":' + body, "id")


def member_of(body: bytes) -> None:
    member_at(b'{"text":' + body, len(body))


def seconds(walk: Callable[[bytes], None], count: int) -> float:
    """Of the processor, for a text of so many quoted members that is cut in their midst; the quickest of three."""
    body, spent = b'"' + QUOTED * count, []
    for _ in range(3):
        begun = time.thread_time()
        walk(body)
        spent.append(time.thread_time() - begun)
    return min(spent)


@pytest.mark.slow
@pytest.mark.parametrize("walk", [items_of, split_up, split_up_with_commas, key_of, member_of])
def test_a_text_that_is_cut_is_not_read_again_for_each_quote_in_it(walk: Callable[[bytes], None]) -> None:
    few, many = seconds(walk, FEW), seconds(walk, MANY)

    assert many < 5 * MANY / FEW * max(few, 0.0001)


def test_of_a_string_that_does_not_end_the_signs_come() -> None:
    tokens = [token[0] for token in json_tokens(b'[{"id": "a,"}, {"id": "b}, \\"]')]

    assert tokens == [b"[", b"{", b'"id"', b":", b'"a,"', b"}", b",", b"{", b'"id"', b":", b"}", b",", b"]"]


def test_an_item_whose_string_does_not_end_is_told_from_the_others() -> None:
    items, rest = json_items(b'[{"id": "a"}, {"id": "b}]', "")

    assert (items, rest) == ([b'{"id": "a"}', b'{"id": "b}'], b"[]")
    assert readable_key(b'{"id": "b", "text": "cut}', "id") == "b"
