"""What a run costs the database, in statements; BEGIN and COMMIT count too.

A page costs no more than `PAGE` into one table, whether it has versions or was filled before: a look-up of what is
stored among them, where there is any. Each further table that a destination writes adds the statement that fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import ErrorBudget, Pipeline, Upsert, running
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Counted, Entry
from tests.ingestion.runs import counts, dead_letters, item, items, new_tenant, over, queued, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

RUN, PAGE = 25, 8
TWO = ("into_nothing: versioned, in two tables", "over_filled: versioned, in two tables")
MORE = {"over_filled: versioned, and its shape is learned": 1, **dict.fromkeys(TWO, 1)}
"""Statements a page beyond those: a further table; the shape, until it is known from 60 records."""
Taken = Callable[[int, Mapping[str, Any]], list[str]]
PLAIN = Upsert(Entry, key=["external_id"])
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")


def run_of(pipeline: Pipeline, *, again: Pipeline | None = None) -> tuple[Run, list[str]]:
    """The run of `pipeline`, or of `again` after it for the same tenant, and the statements that it took."""
    tenant = new_tenant()
    if again is not None:
        with registered(pipeline):
            assert running.execute(queued(pipeline, tenant).pk) == "succeeded"
    with registered(again or pipeline):
        run = queued(again or pipeline, tenant)
        with CaptureQueriesContext(connection) as queries:
            running.execute(run.pk)
    run.refresh_from_db()
    return run, [query["sql"] for query in queries]


def into_nothing(pages: int, declared: Mapping[str, Any]) -> list[str]:
    return run_of(over(items(pages), page=1, **declared))[1]


def over_filled(pages: int, declared: Mapping[str, Any]) -> list[str]:
    """The statements of a run whose every record is newer than the one that is stored."""
    before, after = items(pages, revision=1), items(pages, revision=2)
    return run_of(over(before, **declared), again=over(after, page=1, **declared))[1]


def shown(sql: Sequence[str]) -> str:
    return "\n".join(text[:120] for text in sql)


CASES = {
    "plain": {"destination": PLAIN},
    "versioned": {"destination": VERSIONED},
    "versioned, and its shape is learned": {"destination": VERSIONED, "drift": "note"},
    "versioned, in two tables": {"destination": Counted()},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("taken", [into_nothing, over_filled])
def test_a_run_of_one_record_takes_few_statements(taken: Taken, case: str) -> None:
    run = taken(1, CASES[case])

    assert len(run) <= RUN, shown(run)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("taken", [into_nothing, over_filled])
def test_each_further_page_takes_few_statements(taken: Taken, case: str) -> None:
    first, more = taken(1, CASES[case]), taken(11, CASES[case])

    assert len(more) - len(first) <= 10 * (PAGE + MORE.get(f"{taken.__name__}: {case}", 0)), shown(more)


def test_savepoints_come_with_the_first_refused_row_and_not_before() -> None:
    records = [item(1), item(2), item(3, amount="-1.00"), item(4), item(5, amount="-1.00"), item(6)]

    run, sql = run_of(over(records, page=2, destination=PLAIN, error_budget=ErrorBudget(1)))

    assert counts(run) == (6, 4, 0, 2)
    assert sorted(rows(run.tenant)) == ["rec_0001", "rec_0002", "rec_0004", "rec_0006"]
    assert [dead_letter.source_id for dead_letter in dead_letters(run.tenant)] == ["rec_0003", "rec_0005"]
    first = next((at for at, text in enumerate(sql) if text.startswith("SAVEPOINT")), len(sql))
    assert len([text for text in sql[:first] if 'INTO "app_entry"' in text.replace("`", '"')]) >= 2, shown(sql)
