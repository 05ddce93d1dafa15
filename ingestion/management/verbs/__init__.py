"""The verbs of `manage.py ingest`, one small module each or for a few that belong together."""

from ingestion.management.verbs import (
    backfilling,
    connections,
    credentials,
    delivering,
    holding,
    letters,
    listing,
    previewing,
    quotas,
    reconciling,
    rehearsing,
    runs,
    shapes,
    showing,
    tenants,
    ticking,
    upkeep,
    uploading,
)

VERBS = (
    runs,
    backfilling,
    reconciling,
    uploading,
    delivering,
    previewing,
    rehearsing,
    letters,
    listing,
    showing,
    tenants,
    quotas,
    holding,
    connections,
    credentials,
    shapes,
    ticking,
    upkeep,
)
"""In the order in which `--help` shows them. Each has `add(verbs)`, which adds its parsers."""

__all__ = ["VERBS"]
