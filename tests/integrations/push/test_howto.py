"""The endpoint that the how-to builds, run as it stands there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.paths import PROJECT
from ingestion import Record
from ingestion.webhooks import Unverified
from tests.integrations.push.test_source import context

HOW_TO = PROJECT / "docs" / "how-to" / "receive-webhooks-and-pushes.md"
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""GitHub's published test values."""


@pytest.fixture
def example() -> dict[str, Any]:
    block = re.findall(r"^```python\n(.*?)^```", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)[-1]
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(block, str(HOW_TO), "exec", dont_inherit=True), names)
    return names


def test_the_examples_signature_is_the_published_one(example: dict[str, Any]) -> None:
    headers = {"X-Hub-Signature-256": SIGNATURE, "X-GitHub-Delivery": "72d3162e"}

    assert example["signed"](headers, BODY, [SECRET], 0.0) == "72d3162e"
    for wrong in ({}, {"X-Hub-Signature-256": SIGNATURE.upper()}):
        with pytest.raises(Unverified):
            example["signed"](wrong, BODY, [SECRET], 0.0)


def test_the_examples_source_takes_deliveries_apart(example: dict[str, Any]) -> None:
    page = example["Repositories"]().receive(context(), [Record("72d3162e", b'{"id": 7}', "delivery 1")])

    assert [one.key for one in page.records] == ["7"]
