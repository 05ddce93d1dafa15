"""Executing one run: claim it, carry it page by page, close it."""

from ingestion.running.execute import execute
from ingestion.running.execution import Seams

__all__ = ["Seams", "execute"]
