"""Numbers with which nothing would be read are refused where they are written, and the least that read something work."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import pytest

from ingestion import ConfigurationError
from ingestion.testing import make_tenant
from integrations.databases import Rows, everything
from integrations.http import Limits
from integrations.streams import Queue, RedisStream
from tests.ingestion.runs import load, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import add_items, reading, wanted

NONE = [0, -1, 1.5, True, "9", None]
WRONG: list[tuple[str, Any, str, Any]] = [
    *(("RedisStream", RedisStream, name, value) for name in ("page_size", "limit", "largest") for value in NONE),
    *(("RedisStream", RedisStream, "claim_after", value) for value in (0, -0.1, math.inf, math.nan, "9", True)),
    *(("Queue", lambda **values: Queue(open=nullcontext, **values), name, value)
      for name in ("page_size", "limit") for value in NONE),
    *(("Rows", lambda **values: Rows("other", everything, table="t", **values), "page_size", value) for value in NONE),
    *(("Rows", lambda **values: Rows("other", everything, table="t", **values), "timeout", value)
      for value in (0, -1.0, math.inf, math.nan)),
    *(("Limits", Limits, name, value) for name in Limits.__dataclass_fields__ for value in (-1, math.nan, math.inf)),
    *(("Limits", Limits, name, 0) for name in Limits.__dataclass_fields__ if name != "redirects"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "name", "value"), WRONG)
def test_a_number_with_which_nothing_would_be_read_is_refused_by_its_name(
    kind: str, make: Any, name: str, value: Any
) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}.*must be|{kind}.*{name} must be"):
        make(**{name: value})


@pytest.mark.django_db
def test_the_least_numbers_read_everything_and_one_past_the_limit_waits_for_the_next_run(
    stream_redis: KeptRedis,
) -> None:
    tenant = make_tenant("acme")
    add_items(stream_redis, tenant, 1, 3)

    first = load(reading(stream_redis, page_size=1, limit=2), tenant)
    second = load(reading(stream_redis, page_size=1, limit=2), tenant)

    assert (first.ok, second.ok) == (2, 1)
    assert rows(tenant) == wanted(3)
    assert Limits(redirects=0).redirects == 0
