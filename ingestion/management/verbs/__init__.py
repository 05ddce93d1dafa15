"""The verbs of `manage.py ingest`, one small module each or for a few that belong together."""

from ingestion.management.verbs import (
    connections,
    letters,
    listing,
    previewing,
    rehearsing,
    runs,
    showing,
    tenants,
    ticking,
    upkeep,
    uploading,
)

VERBS = (runs, uploading, previewing, rehearsing, letters, listing, showing, tenants, connections, ticking, upkeep)
"""In the order in which `--help` shows them. Each has `add(verbs)`, which adds its parsers."""

__all__ = ["VERBS"]
