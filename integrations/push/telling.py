"""What a sender is told of a pushed body at once: which of its records are none, or not what the schema says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingestion import Pipeline, RecordError, json_page
from ingestion.webhooks import Item, rejections
from integrations.push.source import Pushed, split


def told(pipeline: Pipeline, body: bytes) -> Mapping[str, Any]:
    """For an answer: the items of `body` that will be rejected; {} when there are none."""
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
