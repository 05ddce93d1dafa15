"""The immediate answer to a pushed body: which of its items are no records, or do not fit the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingestion import Pipeline, RecordError, json_page
from ingestion.webhooks import Item, rejections
from integrations.push.source import Pushed, split


def expected_rejections(pipeline: Pipeline, body: bytes) -> Mapping[str, Any]:
    """The items of `body` that will be rejected, for the answer to the sender; {} when there are none."""
    assert isinstance(pipeline.source, Pushed)
    return rejections(pipeline, _items(pipeline.source.key, body))


def _items(key: str, body: bytes) -> Iterator[Item]:
    try:
        parts = split(body)
    except RecordError as error:
        yield Item(None, error)
        return
    for index, part in enumerate(parts):
        page = json_page([(part, "")], key)
        yield Item(index, page.refused[0].error if page.refused else page.records[0])
