"""Recorded chains of real APIs: each gives exactly the ids that are known to be in it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest

from integrations.rest import Cursor, LinkHeader, Rest
from tests.corpora import files
from tests.integrations.rest.worlds import World, context, ids, reply

KEYS = ("id", "data.id", "ref", "name", "data.name", "sha", "login", "url", "key")
RECORDINGS = [one for one in files("rest") if one.name.endswith(".recording.json")]


def canonical(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    parts = urlsplit(url)
    return unquote(parts.path).rstrip("/"), tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))


class Recorded:
    """Answers as the real source did; a page recorded twice is served in order, then the last one for ever."""

    def __init__(self, recording: Path) -> None:
        self.document = json.loads(recording.read_text())
        self.pages: dict[Any, list[Any]] = {}
        for one in self.document["requests"]:
            self.pages.setdefault(canonical(one["url"]), []).append(one)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        known = self.pages.get(canonical(str(request.url)))
        if not known:
            return reply({"message": "not recorded"}, 404)
        one = known.pop(0) if len(known) > 1 else known[0]
        body = one["body"] if isinstance(one["body"], str) else json.dumps(one["body"])
        headers = {name: value for name, value in one["headers"].items() if name in ("link", "etag")}
        return reply(body.encode(), one["status"], **headers)

    def first(self, chain: dict[str, Any]) -> Any:
        return self.pages[canonical(chain["first"])][0]


def declaration(recorded: Recorded, chain: dict[str, Any]) -> Rest:
    """What staff would have declared for this chain: found by looking at its first page."""
    first = recorded.first(chain)
    parts = urlsplit(first["url"])
    common = {
        "base_url": f"{parts.scheme}://{parts.netloc}",
        "path": parts.path,
        "params": dict(parse_qsl(parts.query)),
    }
    body = first["body"]
    if isinstance(body, dict) and "children" in body.get("data", {}):
        records, pagination, found = (
            "$.data.children[*]",
            Cursor(param="after", next="$.data.after"),
            body["data"]["children"],
        )
    else:
        found = body if isinstance(body, list) else body["items"]
        records, pagination = "$[*]" if isinstance(body, list) else "$.items[*]", LinkHeader()
    sample = next(one for one in found if one is not None)
    key = next(name for name in KEYS if str(inner(sample, name)) == str(chain["ids"][0]))
    return Rest(**common, records=records, pagination=pagination, key=key)


def inner(record: Any, name: str) -> Any:
    for part in name.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def chains() -> list[Any]:
    found = []
    for recording in RECORDINGS:
        expected = json.loads(recording.with_name(recording.name + ".expected.json").read_text())
        for number, chain in enumerate(expected["chains"]):
            found.append(pytest.param(recording, chain, id=f"{recording.stem}-{number}"))
    return found


@pytest.mark.skipif(not RECORDINGS, reason="the corpora are not here")
@pytest.mark.parametrize(("recording", "chain"), chains())
def test_a_recorded_chain_gives_exactly_its_records(recording: Path, chain: dict[str, Any]) -> None:
    recorded = Recorded(recording)
    declared = declaration(recorded, chain).through(World(recorded).connect)

    pages = list(itertools.islice(declared.extract(context(), None), chain["pages"]))

    found = ids(pages)
    assert [page.refused for page in pages if page.refused] == []
    assert len(found) == chain["items"]
    assert list(dict.fromkeys(found)) == [str(one) for one in dict.fromkeys(chain["ids"])]
    assert len(pages) == chain["pages"]
    assert pages[-1].checkpoint["done"] == (chain["end"] == "complete")


@pytest.mark.skipif(not RECORDINGS, reason="the corpora are not here")
@pytest.mark.parametrize(("recording", "chain"), chains())
def test_a_recorded_chain_interrupted_after_its_first_page_loses_nothing(
    recording: Path, chain: dict[str, Any]
) -> None:
    declared = declaration(Recorded(recording), chain)
    first = next(iter(declared.through(World(Recorded(recording)).connect).extract(context(), None)))
    again = declared.through(World(Recorded(recording)).connect).extract(context(), first.checkpoint)

    rest_of_it = list(itertools.islice(again, chain["pages"] - 1))

    assert list(dict.fromkeys(ids([first, *rest_of_it]))) == [str(one) for one in dict.fromkeys(chain["ids"])]
