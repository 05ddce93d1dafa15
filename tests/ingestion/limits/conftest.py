"""Rates that tests can wait for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ingestion.runs import configured


@pytest.fixture
def rates() -> Iterator[None]:
    rates = {"slow": {"*": {"per_second": 20, "burst": 5}}, "hourly": {"*": {"per_second": 0.001, "burst": 1}}}
    with configured(
        RATES={**rates, "*": {"free": {"per_second": 1, "burst": 2}, "pro": {"per_second": 9, "burst": 9}}}
    ):
        yield
