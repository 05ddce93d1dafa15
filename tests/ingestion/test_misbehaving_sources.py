"""Sources of somebody's own that give what no source may give: the run fails with what is expected of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ingestion import ConfigurationError, Context, Json, JsonLines, JsonPages, Page
from ingestion.models import Run
from tests.ingestion.runs import load, over

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Given:
    """Hands out what it was given."""

    pages: Any

    def extract(self, ctx: Context, checkpoint: Json) -> Any:
        return self.pages


ODD: dict[str, tuple[Any, str]] = {
    "nothing": (None, "What extract of Given returns must be an iterator of pages; it is None"),
    "no pages": ([None], "What Given yields must be a Page; it is None"),
    "lists of records": ([[{"id": "a"}]], "What Given yields must be a Page"),
    "a checkpoint that is a set": ([Page([], {1})], "The checkpoint of a page of Given must be JSON"),
    "a checkpoint that is no number": ([Page([], float("nan"))], "The checkpoint of a page of Given must be JSON"),
    "a checkpoint with half a character": ([Page([], {"after": "\ud83d"})], "a text in it holds half a character"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_source_that_gives_no_pages_is_told_what_to_give(name: str) -> None:
    pages, words = ODD[name]

    run = load(over([], source=Given(pages)))

    assert (run.state, run.error_class) == (Run.State.FAILED, "ConfigurationError")
    assert words in run.error_message


@pytest.mark.every_database
@pytest.mark.parametrize(
    ("text", "is_nul"), [("a\0", True), (r"a\u0000", False), ("a\\\0", True), ("\\\\u0000", False)]
)
def test_a_checkpoint_with_nul_is_refused_where_the_database_cannot_keep_it(text: str, is_nul: bool) -> None:
    run = load(over([], source=Given([Page([], {"after": text})])))

    refused = is_nul and connection.vendor == "postgresql"
    assert run.error_class == ("ConfigurationError" if refused else "")
    assert ("holds NUL" in run.error_message) is refused


@pytest.mark.every_database
def test_a_checkpoint_with_half_a_character_is_refused_on_every_database() -> None:
    run = load(over([], source=Given([Page([], {"after": "\ud83d"})])))

    assert (run.state, run.error_class) == (Run.State.FAILED, "ConfigurationError")


@pytest.mark.parametrize("answer", [None, (None, None), (b"[]", None, 1), b"[]", ({"data": []}, None)], ids=repr)
def test_a_fetch_that_returns_something_else_is_told_what_to_return(answer: Any) -> None:
    fetch: Callable[..., Any] = lambda ctx, cursor: answer  # noqa: E731

    run = load(over([], source=JsonPages(fetch)))

    assert (run.state, run.error_class) == (Run.State.FAILED, "ConfigurationError")
    assert "(body, next_cursor or None)" in run.error_message


@pytest.mark.parametrize(
    "path", ["/srv/{date}/x.jsonl", "/srv/{}/x.jsonl", "/srv/{tenant/x.jsonl", "/srv/{tenant.key}"]
)
def test_a_path_with_other_braces_is_refused_where_it_is_declared(path: str) -> None:
    with pytest.raises(ConfigurationError, match="no other braces"):
        JsonLines(path)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    run = load(over([], source=JsonLines(str(tmp_path / name))))

    assert (run.state, run.error_class) == (Run.State.FAILED, "SourceChanged")
    assert str(tmp_path) in run.error_message
    assert run.traceback == ""
