"""Settings: one dict `INGESTION` in your Django settings, every key optional, read live."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError


class Settings(BaseModel):
    """All keys of `INGESTION` with their defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    LEASE_SECONDS: float = Field(60, gt=0)
    """How long a worker owns a run after its last sign of life; a dead worker's run is taken over after that."""
    TICK_SECONDS: float = Field(15, gt=0)
    """How often the tick looks for due connections, expired leases and lost hints."""
    TICK_LIMIT: int = Field(200, gt=0)
    """Due connections one tick turns into runs."""
    MAX_ATTEMPTS: int = Field(5, ge=1)
    """Times a run is tried before a transient error fails it."""
    BACKOFF_SECONDS: float = Field(5, gt=0)
    """Wait before the second attempt; doubled for every further one, with jitter."""
    BACKOFF_CAP_SECONDS: float = Field(3600, gt=0)
    """Longest wait between two attempts, also when the source asks for a longer one."""
    BATCH_TRIES: int = Field(5, ge=1)
    """Times one batch's transaction is tried when the database is locked, deadlocked or restarting."""
    MAX_UPLOAD_BYTES: int = Field(64 * 1024 * 1024, gt=0)
    """Largest file an upload takes."""
    MAX_DELIVERY_BYTES: int = Field(1024 * 1024, gt=0)
    """Largest webhook or pushed body that is taken."""
    DELIVERY_LIMIT: str = ""
    """Dotted path of a function from a connection to the seconds its sender must wait (0: none); '' sets no limit."""
    KEEP_DELIVERIES_DAYS: float = Field(30, gt=0)
    """Days a delivery is kept once it was taken in; a duplicate that comes later is taken in again."""
    QUEUES: dict[str, str] = {
        "free": "ingestion-free",
        "pro": "ingestion-pro",
        "enterprise": "ingestion-enterprise",
    }
    """RQ queue of each tenant tier; each needs at least one worker process of its own."""
    TICK_QUEUE: str = "ingestion-tick"
    """RQ queue of the tick, when rq-scheduler drives it."""
    PRIVATE_NETWORKS: list[IPvAnyNetwork] = []
    """Private networks (CIDR) that sources may call, for systems on your own premises; all others are refused."""
    STORAGE: str = "default"
    """Alias in Django's STORAGES where raw artifacts are kept; must not be public."""
    KEEP_RAW_PAGES: bool = True
    """Keep every page's new and changed raw records, compressed. Uploaded files are always kept."""
    PIPELINES_MODULE: str = "pipelines"
    """Module looked for in every installed app."""
    TENANTS_FOR_USER: str = ""
    """Dotted path of a function from a user to the ids of the tenants that user may see; '' uses the grants table."""
    REPLAY_LIMIT: int = Field(100, gt=0)
    """Dead letters one replay takes when no limit is given."""


@lru_cache(maxsize=1)
def config() -> Settings:
    """The validated settings. Raises ImproperlyConfigured with a suggestion for unknown keys."""
    given: Any = getattr(settings, "INGESTION", {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured("INGESTION must be a dict.")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ImproperlyConfigured("; ".join(_explain(detail) for detail in error.errors())) from error


def _explain(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        return f'INGESTION["{name}"]: {detail["msg"]}'
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    return f'INGESTION has no setting "{name}"' + (f'; did you mean "{near[0]}"?' if near else ".")


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "INGESTION":
        config.cache_clear()


setting_changed.connect(_forget, dispatch_uid="ingestion.conf")
