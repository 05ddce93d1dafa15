"""A database of an earlier checkout is told from one that is still to be migrated."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from ingestion.checks.tables import check_tables, lacking
from ingestion.models import Run

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def test_a_database_that_is_migrated_lacks_nothing() -> None:
    assert check_tables(databases=["default"]) == []
    assert check_tables(databases=None) == []


def without(table: str, column: str) -> None:
    with connection.cursor() as cursor:
        quote = connection.ops.quote_name
        cursor.execute(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(column)} TO {quote(column + '_before')}")


@pytest.mark.django_db(transaction=True)
def test_a_column_that_an_applied_migration_should_have_made_is_named() -> None:
    without(Run._meta.db_table, "traceback")
    try:
        (message,) = lacking("default")
        with pytest.raises(CommandError, match=r"ingestion\.E012"):
            call_command("migrate", verbosity=0, skip_checks=False)
    finally:
        with connection.cursor() as cursor:
            quote = connection.ops.quote_name
            table = quote(Run._meta.db_table)
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {quote('traceback_before')} TO {quote('traceback')}")

    assert message.id == "ingestion.E012"
    assert f"The table {Run._meta.db_table} lacks traceback" in message.msg


def test_an_app_that_is_still_to_be_migrated_lacks_nothing_yet() -> None:
    MigrationRecorder(connection).record_unapplied("ingestion", "0001_initial")

    assert list(lacking("default")) == []
