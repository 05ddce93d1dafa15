"""Rows of records without an id are named after the record's value; they were named after its bytes."""

from __future__ import annotations

import re
from typing import Any

from django.db import migrations

_DIGEST = re.compile(r"[0-9a-f]{64}")


def rename(apps: Any, schema_editor: Any) -> None:
    """A row that is there twice, under two spellings of one value, keeps its old name and stays."""
    from integrations.rest.exact_json import ExactEncoder
    from integrations.rest.identity import identity

    rows = apps.get_model("rest", "RestRecord")._base_manager.using(schema_editor.connection.alias)
    connections = apps.get_model("ingestion", "Connection")._base_manager.using(schema_editor.connection.alias)
    for connection in connections.filter(pipeline="rest.records"):
        declared = connection.config.get("rest") if isinstance(connection.config, dict) else None
        if not isinstance(declared, dict) or declared.get("key", "id") != "":
            continue
        own = rows.filter(tenant_id=connection.tenant_id, source=connection.name)
        taken = set(own.values_list("external_id", flat=True))
        for row in own.iterator(chunk_size=1000):
            name = identity(ExactEncoder().encode(row.body).encode())
            if _DIGEST.fullmatch(row.external_id) and name not in taken:
                taken.add(name)
                rows.filter(pk=row.pk).update(external_id=name)


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0011_run_reasons"), ("rest", "0002_fewer_indexes")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
