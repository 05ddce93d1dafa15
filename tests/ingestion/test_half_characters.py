"""Half a surrogate pair in a record: its letter names the member, wherever the record came from."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import Page, json_page


def refused(body: str, key: str = "id") -> list[tuple[str, str, list[str]]]:
    page: Page = json_page([(body.encode(), "line 1"), (b'{"id": "good"}', "line 2")], key)
    assert len(page.records) == 1
    return [(one.record.key, str(one.error), [error.path for error in one.error.errors]) for one in page.refused]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (r'{"id": "a", "name": "\ud800"}', ["name"]),
        (r'{"id": "a", "list": [1, {"x": "\udfff b"}]}', ["list.1.x"]),
        (r'{"id": "a", "x\ud800y": 1}', [r"x\ud800y"]),
        (r'{"id": "a", "in": {"\udc00": "\udc00"}}', [r"in.\udc00", r"in.\udc00"]),
    ],
)
def test_the_member_is_named_and_the_record_keeps_its_key(body: str, paths: list[str]) -> None:
    ((key, text, named),) = refused(body)

    assert (key, named) == ("a", paths)
    assert text.startswith(f"{paths[0]}: The ")
    assert "half a character" in text


def test_a_key_that_is_half_a_character_is_named_too() -> None:
    assert [(key, named) for key, _, named in refused(r'{"id": "\ud800"}')] == [("", ["id"])]


def test_a_whole_pair_is_no_fault() -> None:
    page: Any = json_page([(rb'{"id": "a", "name": "\ud83d\ude00"}', "")], "id")

    assert (len(page.records), len(page.refused)) == (1, 0)
