"""No list of the console reads, counts or sorts a table that grows with the data: not plain, ordered, filtered or searched."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.core.management.commands.flush import Command as Flush
from django.db import connection

from ingestion.admin import BoundedPaginator
from ingestion.models import AuditEntry, Run, Tenant
from integrations.bank.models import BankLookAlike, BankStatement, BankTransaction
from integrations.rest.models import RestRecord
from integrations.stripe.models import StripeEvent, StripeObject
from tests.ingestion.admin import asking, crowding, reading
from tests.ingestion.admin.staff import staff, superuser

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ROWS, ROWS_OF_SIMILAR_TABLES = 20_000, 5_000
MOST = {"mysql": 5, "postgresql": 2}
"""A statement of a list reads at most this part of its table. PostgreSQL walks along the order that the page wants where it
expects the page to be full soon: that grows with how rare the rows are, not with the table."""
CHOICES, CHOICES_OF_STAFF = 6, 2
"""So many choices of each filter are tried; those of tenants differ in nothing else."""
_RARE = "few values, nearly all rows have one: an index would cost each loaded row more than a rare look reads"
_OLDEST = "the page is found by an index; PostgreSQL counts from the oldest row on until it has counted enough"
READS_MORE: dict[tuple[type, str], str] = {
    (StripeObject, "status"): _RARE,
    (StripeObject, "live"): _RARE,
    (StripeEvent, "live"): _RARE,
    (BankLookAlike, "alike in"): "there are few such pairs, and they are looked at by account",
    (BankLookAlike, "answer"): "there are few such pairs, and they are looked at by account",
    (RestRecord, "updated"): "the source's own time, often absent: an index would cost each loaded row",
    (BankTransaction, "booked"): _OLDEST,
    (BankStatement, "to"): _OLDEST,
    (StripeObject, "created"): _OLDEST,
    (StripeEvent, "created"): _OLDEST,
    (Run, "pipeline"): "MariaDB looks for runs without a parent once, as far as its filter of row ids reaches: 128 kB",
    (AuditEntry, "search"): "the beginnings of three columns; people write these rows, not data",
}
"""Lists and what their questions are about that cannot be indexed sensibly, and why: they may read the table once."""


class CountsFew(BoundedPaginator):
    """Reaches its limit long before the end of these tables, as the real one does in larger tables."""

    limit = 200


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """The people who look at full tables, by how many tenants they see. Committed, because ANALYZE commits."""
    with django_db_blocker.unblock():
        try:
            crowding.begin()
            with crowding.references_unchecked():
                for model in crowding.large_models():
                    crowding.multiply(model, rows_of(model))
            crowding.analyse()
            tenants = list(Tenant.objects.order_by("pk"))
            yield {
                "superuser": superuser(),
                "staff of 1": staff("one", tenants[3]),
                "staff of 3": staff("three", *tenants[4:7]),
                "staff of 30": staff("thirty", *tenants[:30]),
            }
        finally:
            call_command(Flush(), verbosity=0, interactive=False)  # Django's own, which truncates: rows are many here


def rows_of(model: Any) -> int:
    return ROWS_OF_SIMILAR_TABLES if issubclass(model, StripeObject) else ROWS


def most(model: Any, parameter: str, query: str) -> int:
    """Rows that a statement of a list may read. What cannot be indexed may read each row of the table twice."""
    excused = any(issubclass(model, kind) and parameter == what for kind, what in READS_MORE)
    return (
        2 * rows_of(model) + 1_000 if excused and query not in ("", "?") else rows_of(model) // MOST[connection.vendor]
    )


@pytest.mark.mariadb
@pytest.mark.parametrize("model", crowding.large_models(), ids=lambda model: model._meta.label)
def test_no_list_reads_more_than_its_page_on_mariadb(crowd: Any, model: Any) -> None:
    look_at(crowd, model)


@pytest.mark.postgres
@pytest.mark.parametrize("model", crowding.large_models(), ids=lambda model: model._meta.label)
def test_no_list_reads_more_than_its_page_on_postgres(crowd: Any, model: Any) -> None:
    look_at(crowd, model)


def look_at(crowd: dict[str, Any], model: Any) -> None:
    registered = type(admin.site._registry[model])
    page: Any = type("CountsFew", (registered,), {"paginator": CountsFew})(model, admin.site)
    found, looked = [], 0

    for name, user in crowd.items():
        changes, _ = asking.asked_by(page, user, "")
        choices = CHOICES if name == "superuser" else CHOICES_OF_STAFF
        for parameter, query in {query: (title, query) for title, query in asking.questions(changes, choices)}.values():
            _, statements = asking.asked_by(page, user, query)
            for sql in statements:
                if model._meta.db_table not in sql:
                    continue
                looked += 1
                if (read := reading.rows_read(sql)) > most(model, parameter, query):
                    found.append(f"{name}, {parameter} ({query}): {read} rows\n{sql[-700:]}\n{reading.plan(sql)}")

    assert looked > 2 * len(crowd)
    assert found == [], "\n\n".join(found)


def test_what_is_excused_is_a_list_of_the_console() -> None:
    large = crowding.large_models()

    assert [kind for kind, _ in READS_MORE if not any(issubclass(model, kind) for model in large)] == []


@pytest.mark.mariadb
def test_a_join_with_a_small_table_is_noticed(crowd: Any) -> None:
    joined = str(Run.unscoped.select_related("tenant").order_by("-id")[:50].query)

    assert reading.rows_read(joined) > ROWS
