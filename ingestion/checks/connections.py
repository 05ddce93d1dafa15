"""Is every connection to a pipeline of its tenant's, and with a config that its source takes?"""

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

    tenants_by_pipeline = {
        pipeline.name: pipeline.tenants for pipeline in registry.registered() if pipeline.tenants is not None
    }
    if not tenants_by_pipeline or not _readable(databases):
        return []
    messages: list[CheckMessage] = []
    for name, tenants in tenants_by_pipeline.items():
        strangers = Connection.unscoped.filter(pipeline=name, paused_at=None).exclude(tenant__key__in=tenants)
        if keys := sorted(set(strangers.values_list("tenant__key", flat=True)[:10])):
            messages.append(
                checks.Warning(
                    f"Pipeline {name} is not for {', '.join(keys)}, who are connected to it: their runs fail.",
                    hint="Pause those connections, or name the tenants in tenants= of the declaration.",
                    id="ingestion.W012",
                )
            )
    return messages


@check(Tags.database)
def check_configs(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the table, so only when databases are checked."""
    from ingestion.actions.refused_configs import refused_configs

    if not _readable(databases):
        return []
    return [
        checks.Warning(
            f"The config of connection {connection} would be refused today: {reason}",
            hint="Its runs go on, each with a note; mend it in the console or with ingest connect and its --config.",
            id="ingestion.W020",
        )
        for connection, reason in refused_configs()
    ]


def _readable(databases: Sequence[str] | None) -> bool:
    """Whether the table of connections is to be asked, and is there: it is not before the first migrate."""
    from ingestion.models import Connection

    alias = router.db_for_read(Connection)
    return alias in (databases or ()) and Connection._meta.db_table in connections[alias].introspection.table_names()
