"""An account with some days, and a connection that has read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion import (
    Pipeline,
)
from ingestion.models import Connection
from ingestion.testing import registered
from tests.ingestion.periods import (
    Account,
    connected,
    loaded,
    noon,
    of,
    yesterday,
)


@pytest.fixture
def account() -> Account:
    found = Account()
    found.put("p1", "10.50", noon())
    found.put("p2", "2.50", noon())
    found.put("p3", "500", noon(), "JPY")
    found.put("before", "99", noon(1))
    found.put("today", "99", yesterday().end)
    return found


@pytest.fixture
def pipeline(account: Account) -> Iterator[Pipeline]:
    with registered(of(account)) as value:
        yield value


@pytest.fixture
def connection(pipeline: Pipeline) -> Connection:
    found = connected(pipeline)
    loaded(found)
    return found
