"""What a run into one table costs the database, in statements; BEGIN and COMMIT count too."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import Upsert, running
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.runs import items, over, queued

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

RUN, PAGE = 25, 8


def savepoints() -> int:
    """Around the rows of a page, where the database gives up a transaction for one bad row."""
    return 2 if connection.vendor == "postgresql" else 0


def statements(pages: int) -> list[str]:
    destination = Upsert(Entry, key=["external_id"])
    with registered(over(items(pages), page=1, destination=destination)) as pipeline:
        run = queued(pipeline)
        with CaptureQueriesContext(connection) as queries:
            assert running.execute(run.pk) == "succeeded"
    return [query["sql"] for query in queries]


def test_a_run_of_one_record_takes_few_statements() -> None:
    assert len(statements(1)) <= RUN + savepoints(), "\n".join(sql[:120] for sql in statements(1))


def test_each_further_page_takes_few_statements() -> None:
    first, more = statements(1), statements(11)

    assert len(more) - len(first) <= 10 * (PAGE + savepoints()), "\n".join(sql[:120] for sql in statements(2))
