"""Whoever is told a command types it: each that a message, a hint or a page names must be one that runs."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError

from ingestion.management.commands.ingest import Command
from tests.house.test_house import ROOT, SOURCES

_TOLD = re.compile(r"`manage\.py ingest ([a-z][^`]*)`|manage\.py ingest ([a-z][^`<\"]*?)(?=[.,;:](?:\s|$)|$|[\n`<\"])")
_STAND_IN = re.compile(r"\b(?:RUN|ID|N)\b|%s|\{\{[^}]*\}\}")
"""What stands for a number, and a value of a template or a log line."""


def _texts(path: Path) -> Iterator[str]:
    """The texts of a file that somebody may be shown; a value in them as 1."""
    source = path.read_text()
    if "ingest " not in source:
        return
    if path.suffix == ".html":
        yield source
        return
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(map(_written, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | docstrings:
            yield node.value


def _written(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return "--tenant 1 --pipeline 1" if ast.unparse(part.value).endswith(".in_shell") else "1"
    return str(ast.literal_eval(part))


def _told(text: str) -> Iterator[str]:
    for match in _TOLD.finditer(text):
        yield _STAND_IN.sub("1", match[1] or match[2]).strip()


def test_each_command_that_a_message_tells_runs_as_typed() -> None:
    parser = Command().create_parser("manage.py", "ingest")
    templates = sorted((ROOT / "templates").rglob("*.html"))
    texts = [text for path in [*SOURCES, *templates] for text in _texts(path)]
    told = {words for text in texts for words in _told(text)}
    wrong = {words: "say manage.py before it" for text in texts for words in re.findall(r"`ingest [a-z][^`]*`", text)}
    for words in told:
        try:
            parser.parse_args(shlex.split(words))
        except CommandError as error:
            wrong[words] = str(error)

    assert len(told) > 20
    assert wrong == {}
