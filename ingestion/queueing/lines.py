"""What RQ says of a run's job, in the words of this project: each thing once, in one line, with the run it concerns.

RQ tells of a Redis that is away every second and with a traceback for each worker, and of a job whose child was killed
by the job's name alone, three times, the last one minutes later.
"""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError
from rq.exceptions import InvalidJobOperation
from rq.job import Job

from ingestion.queueing.clients import absence
from ingestion.queueing.wake_ups import EXECUTE

logger = logging.getLogger("ingestion")
_KILLED = "Worker %s: job %s failed (%s)"
_AWAY = "Worker %s: could not connect to Redis instance: %s retrying in %d seconds..."
_ABANDONED = "%s cleanup: %s %s"


def install() -> None:
    """In a worker, before RQ says anything. A second time changes nothing."""
    for name in ("rq.worker", "rq.registry"):
        logging.getLogger(name).addFilter(is_kept)


def is_kept(record: logging.LogRecord) -> bool:
    """Whether a line of RQ's is written; one that is not was said by us, or is said here in its place."""
    values = record.args if isinstance(record.args, tuple) else ()
    if record.msg == _AWAY:
        absence.note(values[1] if isinstance(values[1], Exception) else RedisError(str(values[1])))
        return False
    if record.msg in (_KILLED, _ABANDONED):
        return not str(values[1]).startswith("run-")
    if record.exc_info and isinstance(record.exc_info[1], RedisError):
        record.msg, record.args = "%s %s", (record.getMessage(), record.exc_info[1])
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return True


def log_failed_wake_up(job: Job, error: BaseException | None) -> bool:
    """Say what it means that RQ could not close the job of a run; False for an error that RQ is to tell with its trace.

    Redis was away or emptied, or two workers took the same wake-up: whatever the run did stands in the database.
    """
    if job.func_name != EXECUTE or not isinstance(error, RedisError | InvalidJobOperation):
        return False
    fields: dict[str, Any] = {"run_id": int(job.args[0]), "event": "wake_up"}
    logger.info("A wake-up could not be closed in Redis (%s); the run itself is not concerned.", error, extra=fields)
    return True
