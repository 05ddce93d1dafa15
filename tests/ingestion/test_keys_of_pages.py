"""Keys of a page's records: read from their first bytes where these are keys, decoded where they are not."""

import pytest

from ingestion import ConfigurationError, Context, JsonPages, json_page
from ingestion.core.json_sources import first_keys
from integrations.push import Pushed
from integrations.streams import Queue, RedisStream

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


def test_an_empty_id_is_none_or_all_such_records_would_be_one() -> None:
    page = json_page([(b'{"id": ""}', "item 1"), (b'{"id": "a"}', "item 2"), (b'{"id": "", "n": 2}', "item 3")])

    assert [record.key for record in page.records] == ["a"]
    assert ["it is empty" in str(one.error) for one in page.refused] == [True, True]


@pytest.mark.parametrize("body", [b'{"data":[{"id":""},{"id":"b"}]}', b'{"data":[{"n":1,"id":""},{"id":"b"}]}'])
def test_a_page_with_an_empty_id_refuses_that_record_alone(body: bytes) -> None:
    (page,) = JsonPages(lambda ctx, cursor: (body, None)).extract(Context.__new__(Context), None)

    assert ([one.key for one in page.records], len(page.refused)) == (["b"], 1)


@pytest.mark.parametrize("key", [None, 5, ["id"], "data.id"])
def test_what_cannot_name_a_key_is_refused_where_it_is_declared(key: object) -> None:
    declared = [
        lambda: Pushed(key=key),  # type: ignore[arg-type]
        lambda: RedisStream("orders:{tenant}", url="redis://localhost", key=key),  # type: ignore[arg-type]
        lambda: Queue(lambda ctx: None, key=key),  # type: ignore[arg-type, return-value]
    ]
    for source in declared:
        with pytest.raises(ConfigurationError, match="cannot name a record's key"):
            source()
