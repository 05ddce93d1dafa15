"""Is every connection to a pipeline of its tenant's?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags
from django.db import connections, router

from ingestion.checks.guarding import check
from ingestion.core import registry


@check(Tags.database)
def check_tenants(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the table, so only when databases are checked, and only for pipelines that are not everybody's."""
    from ingestion.models import Connection

    kept = {one.name: one.tenants for one in registry.registered() if one.tenants is not None}
    alias = router.db_for_read(Connection)
    if not kept or alias not in (databases or ()):
        return []
    if Connection._meta.db_table not in connections[alias].introspection.table_names():
        return []  # before the first migrate
    found: list[CheckMessage] = []
    for name, tenants in kept.items():
        strangers = Connection.unscoped.filter(pipeline=name, paused_at=None).exclude(tenant__key__in=tenants)
        if keys := sorted(set(strangers.values_list("tenant__key", flat=True)[:10])):
            found.append(
                checks.Warning(
                    f"Pipeline {name} is not for {', '.join(keys)}, who are connected to it: their runs fail.",
                    hint="Pause those connections, or name the tenants in tenants= of the declaration.",
                    id="ingestion.W012",
                )
            )
    return found
