"""The reference of layout keys says what the code has: every key, what it holds and what it is without one."""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from integrations.bank.layouts import Columns, CsvLayout, Preamble

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "csv-layouts.md"
WORDS = {
    "str": "text",
    "bool": "true or false",
    "int": "whole number",
    "tuple[str, ...]": "list of texts",
    "Columns": "object",
    "Preamble": "object",
}


def default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"`{json.dumps(field.default)}`"
    return "required" if field.default_factory is MISSING else "`{}`"


@pytest.mark.parametrize(
    ("heading", "declared"), [("Layout", CsvLayout), ("`columns`", Columns), ("`preamble`", Preamble)]
)
def test_every_key_is_there_with_its_value_and_default_and_none_beside(heading: str, declared: Any) -> None:
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in row.split(" | ")] for row in section.splitlines() if row.startswith("| `")]

    assert [[row[0].strip("| "), row[1], row[2]] for row in rows] == [
        [f"`{field.name}`", WORDS[str(field.type)], default(field)] for field in fields(declared)
    ]
    assert all(len(row[3].strip("| ")) > 4 for row in rows)
