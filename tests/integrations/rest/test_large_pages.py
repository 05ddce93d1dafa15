"""Pages of a config's source that are too large, too deep or of too many parts."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from ingestion import ConfigurationError, SourceChanged
from integrations.rest.source import Configured
from tests.integrations.rest.configured import config, extract, preview
from tests.integrations.rest.worlds import World, reply

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b"[" + b"0," * 700_000 + b"0]", "$"),
        (b"[" + b"0," * 700_000 + b"0]", "$[*]"),
        (b"[" + b"0," * 700_000 + b"0]", "$[0:]"),
        (b"[" + b"0," * 700_000 + b'"\\ud800"]', "$"),
        (b'{"data": [' + b"{}," * 500_000 + b"{}]}", "$.data[*]"),
        (b"{" + b",".join(b'"%x":0' % number for number in range(170_000)) + b"}", "$[*]"),
        (b"[" + b",".join([b"[" + b"0," * 90_000 + b"0]"] * 9) + b"]", "$[*][*]"),
    ],
)
def test_a_page_of_very_many_tiny_elements_is_refused_before_they_are_made(body: bytes, records: str) -> None:
    world = World(lambda request: reply(body))
    tracemalloc.start()
    try:
        with pytest.raises(SourceChanged, match="more than 100000"):
            preview(world, config(records=records))
        assert tracemalloc.get_traced_memory()[1] < 30 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_page_of_many_commas_is_none_of_many_records() -> None:
    row = json.dumps({"id": 1, "list": [0] * 1000})
    world = World(lambda request: reply(f"[{', '.join([row] * 300)}]".encode()))

    assert len(preview(world, config()).records) == 300


def test_a_preview_takes_two_megabytes() -> None:
    world = World(lambda request: reply({"id": "x" * 2 * 1024 * 1024}))

    with pytest.raises(SourceChanged, match="dry-run"):
        preview(world, config())
    assert len(extract(world, config())) == 1


def test_a_config_may_ask_for_pages_of_sixteen_megabytes() -> None:
    Configured().check_config(config(max_page_bytes=16 * 1024 * 1024))

    with pytest.raises(ConfigurationError, match="max_page_bytes"):
        Configured().check_config(config(max_page_bytes=16 * 1024 * 1024 + 1))


def test_a_deep_page_is_not_read_over_for_every_level() -> None:
    world = World(lambda request: reply(b'{"a":' * 90 + b'{"id": "' + b"x" * 100_000 + b'"}' + b"}" * 90))

    with pytest.raises(SourceChanged, match="too deep"):
        extract(world, config(records="$..id"))


def test_records_of_several_levels_are_found() -> None:
    tree = json.dumps({"data": {"parts": [{"more": [{"row": {"id": number}}]} for number in range(1000)]}})

    (page,) = extract(World(lambda request: reply(tree.encode())), config(records="$..row"))

    assert len(page.records) == 1000
