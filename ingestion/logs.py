"""Log lines that say whose they are and hold no secret: a formatter and a filter for Django's LOGGING setting."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from ingestion.redaction import knows_any, mask, masked

_SHOWN = ("tenant_id", "pipeline", "run_id", "event")
_MASKS = "ingestion_masks"


class ContextFormatter(logging.Formatter):
    """The usual line, followed by tenant, pipeline, run and event where the record has them."""

    def format(self, record: logging.LogRecord) -> str:
        known = [f"{name}={getattr(record, name)}" for name in _SHOWN if hasattr(record, name)]
        return mask(" ".join([super().format(record), *known]))


class SecretsFilter(logging.Filter):
    """Masks live secrets in message, exception and extra fields: for handlers that write those fields (JSON)."""

    def filter(self, record: logging.LogRecord) -> bool:
        redact(record)
        for name, value in record.__dict__.items():
            if isinstance(value, str | dict | list) and name not in ("msg", "args"):
                record.__dict__[name] = masked(value)
        return True


def install() -> None:
    """Mask the message and exception of every record of this process, whoever logs it and wherever it goes."""
    make = logging.getLogRecordFactory()
    if getattr(make, _MASKS, False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        redact(record)
        return record

    setattr(factory, _MASKS, True)
    logging.setLogRecordFactory(factory)


def redact(record: logging.LogRecord) -> None:
    """Change `record` only where a secret is in it: others may want its arguments as they are."""
    if not knows_any():
        return
    try:
        said = record.getMessage()
    except Exception:  # noqa: BLE001  a message that does not fit its arguments; logging itself complains about it
        said = str(record.msg)
    if (clean := mask(said)) != said:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[1] is not None:
        told = "".join(traceback.format_exception(record.exc_info[1]))
        if (clean := mask(told)) != told:
            record.exc_text, record.exc_info = clean.rstrip(), None
    if record.stack_info:
        record.stack_info = mask(record.stack_info)
