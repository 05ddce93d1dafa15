"""Log lines that say whose they are: a formatter for Django's LOGGING setting."""

from __future__ import annotations

import logging

_SHOWN = ("tenant_id", "pipeline", "run_id", "event")


class ContextFormatter(logging.Formatter):
    """The usual line, followed by tenant, pipeline, run and event where the record has them."""

    def format(self, record: logging.LogRecord) -> str:
        known = [f"{name}={getattr(record, name)}" for name in _SHOWN if hasattr(record, name)]
        return " ".join([super().format(record), *known])
