"""What commands that list ask the database: as much for many rows as for few."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import ErrorBudget, actions
from ingestion.models import Tenant
from ingestion.testing import registered
from tests.ingestion.commands.shell import ingest
from tests.ingestion.runs import OPERATOR, carry, items, new_tenant, over

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]


def furnished(count: int) -> Tenant:
    """A tenant with so many connections, of which each has a run with so many letters."""
    tenant = new_tenant()
    bad = over([{**one, "amount": "much"} for one in items(count)], error_budget=ErrorBudget(1))
    with registered(bad) as pipeline:
        for number in range(count):
            one = actions.connect(OPERATOR, tenant, pipeline.name, name=f"c{number}")
            carry(actions.run_now(OPERATOR, one, wake=False))
    return tenant


def statements(count: int, *words: str) -> int:
    tenant = furnished(count)
    with registered(over([])), CaptureQueriesContext(connection) as queries:
        answer = ingest(*words, "--tenant", tenant.key)
    assert answer.code in (0, 3), answer.error
    return len(queries)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["runs", "dead-letters", "connections"])
def test_a_list_asks_no_more_for_more_rows(what: str) -> None:
    few, many = (statements(count, "list", what) for count in (2, 6))

    assert few == many


@pytest.mark.slow
def test_trying_a_replay_asks_no_more_for_more_letters_of_a_connection() -> None:
    """Beyond the pages of each connection, which are taken one by one."""
    counted = []
    for count in (2, 20):
        tenant = new_tenant()
        bad = over([{**one, "amount": "much"} for one in items(count)], error_budget=ErrorBudget(1))
        with registered(bad) as pipeline:
            carry(actions.run_now(OPERATOR, actions.connect(OPERATOR, tenant, pipeline.name), wake=False))
            with CaptureQueriesContext(connection) as queries:
                answer = ingest("replay", "--tenant", tenant.key, "--dry-run")
        assert f"{count} of {count} dead letters would fail again" in answer.error
        counted.append(len(queries))

    assert counted[0] == counted[1]
