"""An endpoint that is declared wrongly is refused in the URLconf, not by its first delivery."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import ConfigurationError
from ingestion.webhooks import receiver, standard_webhooks

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "the name of a scheme": ({"verify": "hmac"}, r"verify of receiver\(\) must be a function of \(headers, body, secrets"),
    "no scheme": ({"verify": None}, "it is None"),
    "too few arguments": ({"verify": lambda headers, body: ""}, r"cannot be called with \(headers, body, secrets, now\)"),
    "a pipeline's name": ({"accepts": "shop.orders"}, r"accepts of receiver\(\) must be a function of \(pipeline\)"),
    "the secrets themselves": ({"secrets": ["whsec_x"]}, r"secrets of receiver\(\) must be a function of \(pipeline, conn"),
    "a number of bytes": ({"keeps": 5}, r"keeps of receiver\(\) must be a function"),
    "an answer": ({"tells": {"ok": True}}, r"tells of receiver\(\) must be a function"),
    "a moment": ({"now": 5}, r"now of receiver\(\) must be a function"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_part_is_refused_with_what_is_expected(fault: str) -> None:
    parts, says = WRONG[fault]

    with pytest.raises(ConfigurationError, match=says):
        receiver(**{"verify": standard_webhooks, **parts})
