"""The apps can be taken out of a database that holds data, and put in again."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from ingestion.models import Run, Tenant
from tests.ingestion.admin.furnish import furnish

pytestmark = [pytest.mark.slow, pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def tables() -> set[str]:
    ours = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.startswith(("ingestion.", "integrations."))
    }
    return ours & set(connection.introspection.table_names())


def test_every_table_goes_with_its_data_and_comes_again_empty() -> None:
    furnish("acme", "Acme", copies=1)
    before = tables()
    try:
        call_command("migrate", "ingestion", "zero", verbosity=0, interactive=False)
        left = tables()
    finally:
        call_command("migrate", verbosity=0, interactive=False)

    assert (len(before) > 30, left) == (True, set())
    assert tables() == before
    assert not Tenant.objects.exists()
    assert not Run.unscoped.exists()
