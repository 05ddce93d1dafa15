"""Do the tables have the columns that this version writes, where every migration says that it was applied?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags
from django.db import connections, router
from django.db.migrations.recorder import MigrationRecorder

from ingestion.checks.guarding import check


@check(Tags.database)
def check_tables(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the database, so only when databases are checked (`check --database default`, `migrate`)."""
    return [message for alias in databases or () for message in lacking(alias)]


def lacking(alias: str) -> Iterator[CheckMessage]:
    """A message for each table of ours, or a tenant's, that lacks columns; none for an app with migrations to come."""
    from ingestion.models import TenantOwned

    connection = connections[alias]
    applied = {app for app, _ in MigrationRecorder(connection).applied_migrations()}
    with connection.cursor() as cursor:
        convert = connection.introspection.identifier_converter
        tables = {convert(name) for name in connection.introspection.table_names(cursor)}
        for model in apps.get_models():
            label, table = model._meta.app_label, model._meta.db_table
            if not (label == "ingestion" or issubclass(model, TenantOwned)) or label not in applied:
                continue
            if not model._meta.managed or not router.allow_migrate_model(alias, model):
                continue
            if convert(table) not in tables:  # no table at all is said by whoever asks it, and some names hold a schema
                continue
            columns = {convert(str(field.column)) for field in model._meta.concrete_fields}
            described = connection.introspection.get_table_description(cursor, table)
            columns -= {convert(column.name) for column in described}
            if columns and _is_migrated(connection, label):
                yield Error(
                    f"The table {table} lacks {', '.join(sorted(columns))}, though every migration of {label} was "
                    "applied: the database is of an earlier checkout, whose migrations are gone.",
                    hint="The first lines of CHANGELOG.md say which checkout to migrate with before this one.",
                    id="ingestion.E012",
                )


def _is_migrated(connection: Any, label: str) -> bool:
    """Whether nothing of the app is left to migrate."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    return all(key in loader.applied_migrations for key in loader.disk_migrations if key[0] == label)
