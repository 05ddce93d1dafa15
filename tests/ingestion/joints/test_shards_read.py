"""A shard reads as its backfill was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingestion import Context, Json, Page
from ingestion.testing import Records, registered
from tests.ingestion.backfills.days import TEN_DAYS, backfill, carry_all, connected, windowed

pytestmark = [pytest.mark.django_db]


@dataclass(frozen=True)
class Asking(Records):
    """Notes the config that it is read with."""

    configs: list[dict[str, Any]] = field(default_factory=list)

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        self.configs.append(dict(ctx.config))
        yield from super().extract(ctx, checkpoint)


def test_every_shard_reads_with_the_config_that_the_backfill_was_given() -> None:
    source = Asking(TEN_DAYS, time="at")
    with registered(windowed([], source=source)) as pipeline:
        carry_all(backfill(connected(pipeline), days=2, config={"account": "1"}))

    assert source.configs == [{"account": "1"}, {"account": "1"}]
