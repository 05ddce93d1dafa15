"""A pipeline whose source reads windows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion import Pipeline
from ingestion.testing import registered
from tests.ingestion.backfills.days import TEN_DAYS, windowed


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with registered(windowed(TEN_DAYS)) as value:
        yield value
