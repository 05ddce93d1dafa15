"""Lists ask the same few questions however many rows they show, and count no further than they need to."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingestion.models import DeadLetter, Tenant
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.sites import CountsToFour
from tests.ingestion.admin.staff import staff

pytestmark = pytest.mark.slow

MOST_QUERIES = 13
"""Session, user, permissions (2), grants (2), list, count, filters; the rest is what the rows point to, a query for each
kind of thing instead of a join, and one or two of the list's own.
"""
LISTS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model, page in admin.site._registry.items()
    if model._meta.app_label != "auth"
)


@pytest.fixture
def visitor(db: None) -> Iterator[Any]:
    """Opens a page as staff of two tenants with `copies` rows in each table; gives the SQL."""

    def visit(copies: int, page: str) -> list[str]:
        tenants = [furnish(f"t{number}x{copies}", f"Tenant{number}x{copies}", copies) for number in range(2)]
        browser = Client()
        browser.force_login(staff(f"olga{copies}", *tenants))
        browser.get(page)  # the content types are cached from now on
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert browser.get(page).status_code == 200
        return [query["sql"] for query in asked.captured_queries]

    return visit


@pytest.mark.parametrize("page", LISTS)
def test_a_list_takes_the_same_number_of_queries_for_few_rows_and_many(visitor: Any, page: str) -> None:
    few, many = visitor(1, reverse(page)), visitor(20, reverse(page))

    assert len(many) <= len(few), "\n".join(many)
    assert len(many) <= MOST_QUERIES, "\n".join(many)


def test_the_dead_letter_list_reads_no_payload(visitor: Any) -> None:
    asked = visitor(3, reverse("admin:ingestion_deadletter_changelist"))

    assert [sql for sql in asked if '"payload"' in sql.replace("`", '"')] == []


def test_the_list_of_bank_transactions_reads_neither_parts_nor_details(visitor: Any) -> None:
    asked = visitor(3, reverse("admin:bank_banktransaction_changelist"))

    plain = [sql.replace("`", '"') for sql in asked]
    assert any('"description"' in sql for sql in plain)
    assert [sql for sql in plain if '"parts"' in sql or '"details"' in sql] == []


@pytest.mark.parametrize("page", LISTS)
def test_every_count_stops_at_its_limit(visitor: Any, page: str) -> None:
    counts = [sql for sql in visitor(1, reverse(page)) if "COUNT(" in sql.upper()]

    assert counts
    assert all("LIMIT 10001" in sql.upper() for sql in counts), counts


@pytest.mark.parametrize(("rows", "count", "more"), [(3, 3, False), (4, 4, False), (5, 4, True)])
def test_the_paginator_says_when_there_are_more_rows_than_it_counted(
    acme: Tenant, rows: int, count: int, more: bool
) -> None:
    furnish("busy", "Busy", rows)

    paginator = CountsToFour(DeadLetter.unscoped.order_by("pk"), 2)

    assert (paginator.count, paginator.more) == (count, more)


@pytest.mark.urls("tests.ingestion.admin.sites")
def test_a_list_says_where_counting_stopped(acme: Tenant, client: Client) -> None:
    client.force_login(staff("olga", furnish("busy", "Busy", 6)))

    page = client.get("/scoped/ingestion/artifact/").content.decode()

    assert "4+: counting stops there" in page
