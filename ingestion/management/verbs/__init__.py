"""The verbs of `manage.py ingest`, one small module each or for a few that belong together."""

from ingestion.management.verbs import (
    backfills,
    connections,
    credentials,
    dead_letters,
    deliveries,
    dry_runs,
    hold_offs,
    listing,
    maintenance,
    previews,
    quotas,
    reconciliations,
    runs,
    shapes,
    showing,
    tenants,
    ticks,
    uploads,
)

VERBS = (
    runs,
    backfills,
    reconciliations,
    uploads,
    deliveries,
    previews,
    dry_runs,
    dead_letters,
    listing,
    showing,
    tenants,
    quotas,
    hold_offs,
    connections,
    credentials,
    shapes,
    ticks,
    maintenance,
)
"""In the order in which `--help` shows them. Each has `add(verbs)`, which adds its parsers."""

__all__ = ["VERBS"]
