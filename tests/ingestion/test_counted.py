"""What is counted is written as people write it, everywhere."""

import re
from pathlib import Path

import pytest

from ingestion import counted
from ingestion.core.text import rejections

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted(path for name in ("ingestion", "integrations", "config") for path in (ROOT / name).rglob("*.py"))
BY_HAND = re.compile(r"""\(s\)|'s' if |"s" if |\{len\([^{}]*\)\} (?!of\b|more\b)[a-z]+s\b""")
"""A plural that is put together beside the helper, or that cannot be a singular."""


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (21, "21 entries"), (-1, "-1 entries")]
)
def test_exactly_one_is_singular(count: int, shown: str) -> None:
    assert counted(count, "entry", "entries") == shown


def test_a_noun_takes_an_s_where_no_plural_is_said() -> None:
    assert (counted(1, "record"), counted(3, "record")) == ("1 record", "3 records")


@pytest.mark.parametrize(
    ("dead", "read", "shown"),
    [
        (1, 1, "1 of 1 record was rejected"),
        (1, 9, "1 of 9 records was rejected"),
        (2, 9, "2 of 9 records were rejected"),
    ],
)
def test_rejections_agree_with_both_numbers(dead: int, read: int, shown: str) -> None:
    assert rejections(dead, read) == shown


def test_no_plural_is_made_by_hand() -> None:
    by_hand = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in CODE
        if "migrations" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BY_HAND.search(line) and "limit" not in line and "more than" not in line
    ]

    assert by_hand == []
