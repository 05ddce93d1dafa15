"""Registers the pipelines in the processes that have this app; the test itself registers them for its own time."""

from ingestion.core import registry
from tests.ingestion.chaos.night.work import ledger, pushed

for pipeline in (ledger, pushed):
    registry.register(pipeline)
