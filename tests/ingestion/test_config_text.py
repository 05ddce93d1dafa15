"""What people type as a value of a config stays what they typed unless it is plainly JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion.core.config_text import json_or_text
from ingestion.management.verbs.arguments import pair


@pytest.mark.parametrize(
    "text",
    [
        "12345678E2", "12345678e2", "1e+16", "1.50", "7.", "007", "-0", "+5", " 5", "NaN", "Infinity", "1e999",
        "1234567890123456", "9" * 5_000, "DE02120300000000202051", "", "True", "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_would_not_come_back_as_written_stays_text(text: str) -> None:
    assert pair(f"account={text}") == ("account", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12345678", 12345678), ("-5", -5), ("0", 0), ("0.5", 0.5), ("true", True), ("false", False), ("null", None),
        ('"12"', "12"), ("[1, 2]", [1, 2]), ('{"a": 1.50}', {"a": 1.5}),
    ],
)  # fmt: skip
def test_what_is_plainly_json_is_that_value(text: str, value: Any) -> None:
    assert json_or_text(text) == value
    assert type(json_or_text(text)) is type(value)
