"""Rows say what their version was read from; those that are there, what their connection declares today."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def name(apps: Any, schema_editor: Any) -> None:
    """A declaration that cannot be read leaves its rows without a name: they are compared as before."""
    rows = apps.get_model("rest", "RestRecord")._base_manager.using(schema_editor.connection.alias)
    connections = apps.get_model("ingestion", "Connection")._base_manager.using(schema_editor.connection.alias)
    for connection in connections.filter(pipeline="rest.records"):
        declared = connection.config.get("rest") if isinstance(connection.config, dict) else None
        updated = declared.get("updated") if isinstance(declared, dict) else None
        if isinstance(updated, str) and updated:
            ordered_by = f"{updated} {declared.get('updated_unit') or ''}".rstrip()
            own = rows.filter(tenant_id=connection.tenant_id, source=connection.name, version__isnull=False)
            own.update(ordered_by=ordered_by[:220])


class Migration(migrations.Migration):
    dependencies = [("rest", "0004_versions_in_microseconds")]
    operations = [
        migrations.AddField(
            model_name="restrecord",
            name="ordered_by",
            field=models.CharField(max_length=220, null=True, verbose_name="ordered by"),
        ),
        migrations.RunPython(name, migrations.RunPython.noop),
    ]
