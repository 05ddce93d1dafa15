"""Members on the way to the records, and beside them, that a JSONPath writes in brackets or that are very long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion import SourceChanged, SourceFailed
from tests.integrations.rest.worlds import World, ids, read, reply, rest

WAYS: dict[str, tuple[str, Any]] = {
    "a space": ("$['order list'].items[*]", lambda around: {"order list": {"items": [], **around}}),
    "a dot": ("$['orders.v2'].items[*]", lambda around: {"orders.v2": {"items": [], **around}}),
    "a hyphen below another": ("$.data['x-list'].items", lambda around: {"data": {"x-list": {"items": [], **around}}}),
    "quotes": ("""$["it's"].items""", lambda around: {"it's": {"items": [], **around}}),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_page_without_records_under_an_odd_name_is_an_end(name: str) -> None:
    records, body = WAYS[name]

    assert ids(read(rest(records=records), World(lambda request: reply(body({}))))) == []


@pytest.mark.parametrize("name", WAYS)
def test_an_error_beside_no_records_under_an_odd_name_is_a_failure(name: str) -> None:
    records, body = WAYS[name]

    with pytest.raises(SourceFailed, match="no rights"):
        read(rest(records=records), World(lambda request: reply(body({"error": {"message": "no rights"}}))))


def test_what_no_signal_could_name_is_not_taken_for_a_failure() -> None:
    world = World(lambda request: reply({"data": {"x" * 300: {"errors": ["quota"]}, "items": []}}))

    assert ids(read(rest(records="$.data.items"), world)) == []


SPELLED: dict[str, tuple[Any, dict[str, Any]]] = {
    "$['error']": ({"error": "odd", "data": [{"id": 1}]}, {}),
    "$['meta']['success']": ({"meta": {"success": False}, "data": [{"id": 1}]}, {}),
    '$["meta"].success': ({"meta": {"success": False}, "data": [{"id": 1}]}, {}),
    "$['has_more']": ({"next_cursor": None, "has_more": True, "data": [{"id": 1}]}, {"pagination": {"style": "cursor"}}),
    "$['page info'].last": (
        {"next_cursor": None, "page info": {"last": False}, "data": [{"id": 1}]}, {"pagination": {"style": "cursor"}}),
    "$['order list']['errors']": (
        {"order list": {"errors": ["x"], "items": []}}, {"records": "$['order list'].items"}),
}  # fmt: skip


@pytest.mark.parametrize("at", SPELLED)
def test_a_member_that_is_declared_is_known_however_its_path_is_spelled(at: str) -> None:
    body, changes = SPELLED[at]

    pages = read(rest(signals=[{"at": at, "otherwise": "success"}], **changes), World(lambda request: reply(body)))

    assert len(pages) == 1


@pytest.mark.parametrize("at", SPELLED)
def test_the_message_says_how_to_declare_it_in_words_that_can_be_declared(at: str) -> None:
    body, changes = SPELLED[at]
    with pytest.raises((SourceFailed, SourceChanged)) as raised:
        read(rest(**changes), World(lambda request: reply(body)))

    told = json.loads("{" + str(raised.value).rpartition("declare")[2].partition(": ")[2].rstrip(".") + "}")

    assert len(read(rest(**told, **changes), World(lambda request: reply(body)))) == 1
