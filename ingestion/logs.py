"""Log lines that say whose they are and hold no secret: a formatter and a filter for Django's LOGGING setting.

What was masked when a record was made is not searched again by the filter and the formatter that it meets later.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any
from weakref import WeakKeyDictionary

from ingestion.redaction import changes, knows_any, mask, masked

_SHOWN = ("tenant_id", "pipeline", "connection_id", "run_id", "event")
_MASKS = "ingestion_masks"
_OWN = frozenset(vars(logging.makeLogRecord({}))) - {"exc_text", "stack_info"}
"""What each record has about its origin; nobody's secret is a line number."""
_clean: WeakKeyDictionary[logging.LogRecord, tuple[int, tuple[str, ...]]] = WeakKeyDictionary()
"""The texts of a record that hold no secret, and `changes` when that was so. Not on the record: it would be printed."""


_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Signs that steer a terminal, turn a text's direction, end a line elsewhere, or cannot be written; no line end."""


class ContextFormatter(logging.Formatter):
    """The usual line, followed by tenant, pipeline, connection, run and event where the record has them.

    What somebody else named (a file, an account, a member of an answer) begins no line of its own: line ends of a
    message are written as \\n, and the lines of a traceback are set in. Nothing of it steers a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = [_on_one_line(f"{name}={getattr(record, name)}") for name in _SHOWN if hasattr(record, name)]
        line = " ".join([super().format(record), *fields])
        line = _mask_around(line, _clean_texts(record)) if knows_any() else line
        return _visible(line).replace("\n", "\n  ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        return _on_one_line(super().formatMessage(record))


class SecretsFilter(logging.Filter):
    """Masks live secrets in message, exception and extra fields: for handlers that write those fields (JSON)."""

    def filter(self, record: logging.LogRecord) -> bool:
        redact(record)
        clean = _clean_texts(record)
        for name, value in record.__dict__.items():
            if isinstance(value, str | dict | list) and name not in _OWN and value not in clean:
                record.__dict__[name] = masked(value)
        return True


class RefusalsFilter(logging.Filter):
    """Takes the traceback from what Django logs of a refusal (4xx): nothing broke, and it would hide what did."""

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = record.exc_text = None
        return True


def install() -> None:
    """Mask the message and exception of every record of this process, whatever its logger and handler."""
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
    now = changes()
    message = _message(record)
    if message in (before := _clean_texts(record)):
        return
    if (clean := mask(message)) != message:
        record.msg, record.args = clean, ()
    texts = [*before, clean]
    if record.exc_info and record.exc_info[1] is not None:
        report = "".join(traceback.format_exception(record.exc_info[1]))
        if (clean := mask(report)) != report:
            record.exc_text, record.exc_info = clean.rstrip(), None
        texts.append(clean.rstrip())
    elif record.exc_text:
        record.exc_text = mask(record.exc_text)
        texts.append(record.exc_text)
    if record.stack_info:
        record.stack_info = mask(record.stack_info)
        texts.append(record.stack_info)
    _clean[record] = (now, tuple(text for text in texts if text))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  a message that does not fit its arguments; logging itself complains about it
        return str(record.msg)


def _clean_texts(record: logging.LogRecord) -> tuple[str, ...]:
    at, texts = _clean.get(record, (0, ()))
    return texts if at == changes() else ()


def _mask_around(line: str, clean: tuple[str, ...]) -> str:
    """`line` masked, but for the texts of it that are known to be clean."""
    if not clean:
        return mask(line)
    before, text, after = line.partition(clean[0])
    further = clean[1:]
    return (
        f"{_mask_around(before, further)}{text}{_mask_around(after, further)}" if text else _mask_around(line, further)
    )


def _on_one_line(text: str) -> str:
    """Mask before escaping: afterwards a secret of several lines would not be recognized."""
    return text if text.isprintable() else _visible(mask(text)).replace("\n", "\\n")


def _visible(text: str) -> str:
    return text if text.isprintable() else _UNSEEN.sub(lambda sign: repr(sign[0])[1:-1], text)
