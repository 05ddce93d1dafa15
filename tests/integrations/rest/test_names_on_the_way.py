"""Members on the way to the records, and beside them, that a JSONPath writes in brackets or that are very long."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import SourceFailed
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
