"""The apps can be taken out of a database that holds data, and put in again."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from config.paths import PROJECT
from ingestion.models import Run, Tenant
from tests.ingestion.admin.furnish import furnish

PAGE = PROJECT / "docs" / "operations" / "upgrade.md"
OUT = [line.split() for line in re.findall(r"^ *manage\.py (migrate .*zero)$", PAGE.read_text(), re.MULTILINE)]
"""The commands that take the apps out, as operators are told them."""
pytestmark = [pytest.mark.slow, pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def tables() -> set[str]:
    ours = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.startswith(("ingestion.", "integrations.", "tests.app."))
    }
    return ours & set(connection.introspection.table_names())


def test_every_table_goes_with_its_data_and_comes_again_empty() -> None:
    furnish("acme", "Acme", copies=1)
    before = tables()
    try:
        for command in OUT:
            call_command(*command, verbosity=0, interactive=False)
        left = tables()
    finally:
        call_command("migrate", verbosity=0, interactive=False)

    assert (len(OUT), len(before) > 30, left) == (2, True, set())
    assert tables() == before
    assert not Tenant.objects.exists()
    assert not Run.unscoped.exists()
