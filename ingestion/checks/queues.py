"""Do the queues exist, do they carry JSON, and does Redis keep what is in them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from ingestion import queueing
from ingestion.checks.guarding import check
from ingestion.checks.settings import valid

_JSON = ("json", "rq.serializers.JSONSerializer")


@check()
def check_queues(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    configured = valid()
    if configured is None:
        return []
    declared = getattr(settings, "RQ_QUEUES", {})
    messages: list[CheckMessage] = []
    used = list(dict.fromkeys([*configured.QUEUES.values(), configured.TICK_QUEUE]))
    for name in used:
        messages += _check_queue(name, declared[name]) if name in declared else [_missing(name)]
    patient = [name for name in used if name in declared and _waits_for_ever(name)]
    return [*messages, *([_without_timeout(patient)] if patient else [])]


def _missing(name: str) -> CheckMessage:
    return Error(
        f"INGESTION uses the queue {name!r}, which RQ_QUEUES does not have.",
        hint=f'Add RQ_QUEUES[{name!r}] = {{"URL": "redis://…", "SERIALIZER": "{_JSON[1]}"}}, or name another queue.',
        id="ingestion.E002",
    )


def _check_queue(name: str, queue: Mapping[str, Any]) -> list[CheckMessage]:
    serializer = queue.get("SERIALIZER")
    if isinstance(serializer, type):
        serializer = f"{serializer.__module__}.{serializer.__name__}"
    if serializer in _JSON:
        return []
    return [
        Error(
            f"RQ_QUEUES[{name!r}] does not use the JSON serializer: whoever can write to Redis could run code.",
            hint=f'Add "SERIALIZER": "{_JSON[1]}" to it. Workers of this app read JSON only.',
            id="ingestion.E003",
        )
    ]


def _waits_for_ever(name: str) -> bool:
    try:
        return queueing.socket_timeout(name) is None
    except (ImportError, LookupError, OSError, TypeError, ValueError):
        return False  # an address that cannot be read; the first connection says so


def _without_timeout(names: Sequence[str]) -> CheckMessage:
    return checks.Warning(
        f"The queues {', '.join(map(repr, names))} have no socket timeout: when Redis hangs, so do requests.",
        hint="Append ?socket_timeout=3&socket_connect_timeout=3 to the URL in RQ_QUEUES (redis://host:6379/0?…); with "
        'HOST and PORT instead of a URL, set "REDIS_CLIENT_KWARGS": {"socket_timeout": 3}. Workers wait longer.',
        id="ingestion.W007",
    )


@check(deploy=True)
def check_eviction(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Asks Redis, so only with --deploy. A Redis that does not answer is not this check's business."""
    if valid() is None or not getattr(settings, "RQ_QUEUES", {}):
        return []
    return eviction(queueing.eviction_policy())


def eviction(policy: str | None) -> list[CheckMessage]:
    if policy in (None, "noeviction"):
        return []
    return [
        checks.Warning(
            f"Redis evicts keys when its memory is full (maxmemory-policy {policy}): hints would vanish.",
            hint="Set maxmemory-policy noeviction, and give caches a Redis of their own.",
            id="ingestion.W005",
        )
    ]
