"""Key holders: which live processes have which master keys. A rotation checks this before it uses a new key.

Each web process announces its keys at a request, each worker and tick now and then, at most every thirty seconds: their
ids, and of each a few bytes of a hash, because two keys may have the same id.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion import queueing
from ingestion.conf import config
from ingestion.core.errors import ActionRefused, Transient
from ingestion.core.text import counted
from ingestion.vault import master_keys

logger = logging.getLogger("ingestion")

_EVERY_SECONDS = 30.0
_HASH_BYTES = 8


@dataclass(slots=True)
class _LastAnnouncement:
    """When this process announced its keys last, by its own clock; -inf before the first time."""

    at: float = float("-inf")
    pid: int = 0


_last = _LastAnnouncement()


def announce(role: str) -> None:
    """Announce the master keys of this process, unless it did a moment ago. Errors are logged, never raised."""
    process = queueing.this_process(role)
    now = time.monotonic()
    if _last.pid == process.pid and now - _last.at < _EVERY_SECONDS:
        return
    _last.at, _last.pid = now, process.pid  # a fork is another process and announces itself
    try:
        queueing.announce(process, fingerprints())
    except Exception as error:  # noqa: BLE001  no request and no worker fails for want of an announcement
        logger.warning(
            "This process could not say which master keys it has: %s", type(error).__name__, extra={"event": "announce"}
        )


def announce_web(**kwargs: Any) -> None:
    """For Django's `request_started`."""
    announce("web")


def fingerprints() -> dict[str, str]:
    """The id of each usable master key, with a hash that distinguishes it from others of that id."""
    unusable = {key_id for key_id, _ in master_keys.problems()}
    usable = [key_id for key_id in config().MASTER_KEYS if key_id not in unusable]
    return {key_id: _fingerprint(master_keys.key(key_id)) for key_id in usable}


def announced_processes() -> list[str]:
    """The live processes that have announced their master keys. Raises Transient when Redis cannot be reached."""
    return [str(announcement.process) for announcement in queueing.announcements()]


def require_everywhere() -> None:
    """Raise ActionRefused unless every live process has the first master key; also when Redis cannot be read."""
    first = master_keys.first()
    try:
        without_key = list(_processes_without(first, _fingerprint(master_keys.key(first))))
    except Transient as error:
        raise ActionRefused(
            f"Nothing was replaced. {error} So nobody knows whether every process has the master key {first!r}. Mend "
            "that; or, when all were started with it, add --anyway to `manage.py ingest credential rotate-keys`."
        ) from error
    if without_key:
        processes = counted(len(without_key), "live process", "live processes")
        raise ActionRefused(
            f"Nothing was replaced, since {processes} could not open what is sealed under the master key {first!r}: "
            f"{'; '.join(without_key)}. Start again what lacks it. A process that is gone is forgotten after "
            f"{round(queueing.KEPT_SECONDS / 60)} minutes; when all of these are, add --anyway to "
            "`manage.py ingest credential rotate-keys`."
        )


def _processes_without(first: str, fingerprint: str) -> Iterator[str]:
    announcements = queueing.announcements()
    for announcement in announcements:
        if announcement.values.get(first) != fingerprint:
            last_seen = f"seen {round(announcement.seconds_ago)} s ago"
            yield f"{announcement.process} ({last_seen}) has {_describe_keys(announcement.values, first)}"
    announced = {(announcement.process.host, announcement.process.pid) for announcement in announcements}
    for worker in queueing.registered_workers():
        if (worker.host, worker.pid) not in announced:
            yield f"{worker} has not said which master keys it has"


def _describe_keys(keys: Mapping[str, str], first: str) -> str:
    if first in keys:
        return f"another key of the id {first!r}"
    return f"only {', '.join(map(repr, keys))}" if keys else "none that can be used"


def _fingerprint(key: bytes) -> str:
    return hashlib.blake2b(key, digest_size=_HASH_BYTES, person=b"ingestion-keys").hexdigest()
