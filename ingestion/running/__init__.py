"""Executing one run: claim it, carry it page by page, close it."""

from ingestion.running.execute import execute
from ingestion.running.execution import Hooks

__all__ = ["Hooks", "execute"]
