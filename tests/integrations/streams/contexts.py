"""A context for streams, outside any run."""

from __future__ import annotations

from typing import Any

from ingestion import Context, TenantRef
from ingestion.database.clock import read_db_now


def context(tenant: TenantRef, **values: Any) -> Context:
    return Context(tenant, "app.oracle", 0, read_db_now(), **values)
