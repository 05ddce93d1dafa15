"""Lists ask the same few questions however many rows they show, and count no further than they need to."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingestion.models import DeadLetter, Tenant
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.sites import CountsToFour
from tests.ingestion.admin.staff import staff

pytestmark = pytest.mark.slow

MOST_QUERIES = 12
"""Session, user, permissions (2), grants, list, count, filters; the rest is what the rows point to, a query for each
kind of thing instead of a join, and one or two of the list's own.
"""
LISTS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model, page in admin.site._registry.items()
    if model._meta.app_label not in ("auth", "standalone")  # of no tenant: superusers' own
)


FEW, MANY = 1, 20


@pytest.fixture(scope="module")
def accounts(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[int, Any]]:
    """Staff of two tenants each, by how many rows these have in each table."""
    with django_db_blocker.unblock():
        try:
            yield {
                copies: staff(
                    f"olga{copies}", *(furnish(f"t{n}x{copies}", f"Tenant{n}x{copies}", copies) for n in "01")
                )
                for copies in (FEW, MANY)
            }
        finally:
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def visit(accounts: dict[int, Any], db: None) -> Any:
    """Opens a page as staff of tenants with `copies` rows in each table; gives the SQL."""

    def visit(copies: int, page: str) -> list[str]:
        browser = Client()
        browser.force_login(accounts[copies])
        browser.get(page)  # the content types are cached from now on
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(page).status_code == 200
        return [query["sql"] for query in asked.captured_queries]

    return visit


@pytest.mark.parametrize("page", LISTS)
def test_a_list_takes_the_same_number_of_queries_for_few_rows_and_many(visit: Any, page: str) -> None:
    few, many = visit(FEW, reverse(page)), visit(MANY, reverse(page))

    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= MOST_QUERIES, "\n".join(many)


def test_the_dead_letter_list_reads_no_payload(visit: Any) -> None:
    asked = visit(MANY, reverse("admin:ingestion_deadletter_changelist"))

    assert [sql for sql in asked if '"payload"' in sql.replace("`", '"')] == []


def test_the_list_of_bank_transactions_reads_neither_parts_nor_details(visit: Any) -> None:
    asked = visit(MANY, reverse("admin:bank_banktransaction_changelist"))

    plain = [sql.replace("`", '"') for sql in asked]
    assert any('"description"' in sql for sql in plain)
    assert [sql for sql in plain if '"parts"' in sql or '"details"' in sql] == []


@pytest.mark.parametrize("page", LISTS)
def test_every_count_stops_at_its_limit(visit: Any, page: str) -> None:
    counts = [sql for sql in visit(FEW, reverse(page)) if "COUNT(" in sql.upper()]

    assert counts
    assert all("LIMIT 10001" in sql.upper() for sql in counts), counts


@pytest.mark.parametrize(("rows", "count", "more"), [(3, 3, False), (4, 4, False), (5, 4, True)])
def test_the_paginator_says_when_there_are_more_rows_than_it_counted(
    acme: Tenant, rows: int, count: int, more: bool
) -> None:
    busy = furnish("busy", "Busy", rows)

    paginator = CountsToFour(DeadLetter.objects.for_tenant(busy).order_by("pk"), 2)

    assert (paginator.count, paginator.more) == (count, more)


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_a_list_says_where_counting_stopped(acme: Tenant, client: Client) -> None:
    client.force_login(staff("olga", furnish("busy", "Busy", 6)))

    page = client.get("/scoped/ingestion/artifact/").content.decode()

    assert "4+: counting stops there" in page
