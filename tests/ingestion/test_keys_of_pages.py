"""Keys of a page's records: read from their first bytes where these are keys, decoded where they are not."""

import pytest

from ingestion import Context, JsonPages
from ingestion.core.sources import first_keys

FIRST = [b'{"id":"a","n":1}', b'{"id":"\xc3\xa9","n":2}']


def test_keys_that_come_first_are_read_without_decoding() -> None:
    assert first_keys("id", FIRST) == ["a", "é"]


@pytest.mark.parametrize(
    "item",
    [
        b'{"n":1,"id":"a"}',
        b'{"id":1}',
        b'{"id": "a"}',
        b'{"id":""}',
        b'{"id":"a\\"b"}',
        b'{"id":"a\\u0062"}',
        b'{"id":"a\nb"}',
        b'{"id":"\xff"}',
        b'{"identity":"a"}',
        b"[]",
    ],
)
def test_anything_else_is_left_to_the_decoder(item: bytes) -> None:
    assert first_keys("id", [*FIRST, item]) == []


def test_a_source_without_keys_has_none() -> None:
    assert first_keys("", [b'{"":"a"}']) == []


@pytest.mark.parametrize("body", [b'{"data":[{"id":"a"},{"id":"b"}]}', b'{"data":[{"id": "a"},{"n":1,"id":"b"}]}'])
def test_pages_have_the_same_keys_either_way(body: bytes) -> None:
    ctx = Context.__new__(Context)

    (page,) = JsonPages(lambda ctx, cursor: (body, None)).extract(ctx, None)

    assert [record.key for record in page.records] == ["a", "b"]
