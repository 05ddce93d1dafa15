"""Django's `flush` for the tests: empties what holds rows, and leaves what `migrate` put there.

Django's own empties all of some sixty tables after each test with real transactions, and then makes every content type
and permission again: most of the time that such a test takes.
"""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections, transaction

KEPT = {"django_content_type", "auth_permission", "django_migrations"}


class Command(BaseCommand):
    help = "Delete every row but content types and permissions."
    stealth_options = ("reset_sequences", "allow_cascade", "inhibit_post_migrate", "interactive")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--database", default="default")

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        tables = sorted(set(connection.introspection.django_table_names(only_existing=False)) - KEPT)
        quote = connection.ops.quote_name
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in tables)
            )
            full = [name for (name,) in cursor.fetchall()]
            # References are checked at the commit, or not at all: no order is needed.
            with connection.constraint_checks_disabled():
                for name in full:
                    cursor.execute(f"DELETE FROM {quote(name)}")
