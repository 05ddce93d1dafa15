"""Between two tests with real transactions nothing is left but what `migrate` made."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from ingestion.testing import make_tenant
from tests.app.management.commands.flush import KEPT
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.staff import staff


@pytest.mark.every_database
@pytest.mark.django_db(transaction=True)
def test_flush_empties_every_table_but_content_types_and_permissions() -> None:
    staff("olga", furnish("acme", "Acme"), make_tenant("other"))
    kept = (ContentType.objects.count(), Permission.objects.count())

    call_command("flush", verbosity=0, interactive=False)

    tables = set(connection.introspection.django_table_names(only_existing=True))
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table in tables - KEPT]
    assert [model._meta.label for model in models if model._base_manager.exists()] == []
    assert len(models) > 30
    assert (ContentType.objects.count(), Permission.objects.count()) == kept
    assert all(kept)
