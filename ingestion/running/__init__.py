"""One run: claim it, execute it page by page, close it."""

from ingestion.running.execute import execute
from ingestion.running.hooks import Hooks

__all__ = ["Hooks", "execute"]
