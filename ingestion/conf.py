"""Settings: one dict `INGESTION` in your Django settings, every key optional, read live."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator


class Rate(BaseModel):
    """Calls a tenant may make to an integration: `per_second` in the long run, `burst` of them at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_second: float = Field(gt=0, allow_inf_nan=False)
    burst: float = Field(ge=1, allow_inf_nan=False)


MOST_DAYS = 36_500
"""Longest time that rows are kept for, a hundred years: no date overflows."""
MOST_AT_ONCE = 1000
"""Largest concurrency budget; part of how a run's slot is stored, so it never changes."""


class Settings(BaseModel):
    """All keys of `INGESTION` with their defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    LEASE_SECONDS: float = Field(60, gt=0)
    """How long a worker owns a run after its last sign of life; a dead worker's run is taken over after that."""
    RECORD_SECONDS: float = Field(900, gt=0)
    """How long a worker waits for one record, page or batch before it ends the process that is stuck in it; the record
    that does so again is isolated as poison. Keep it well above what your slowest record takes.
    """
    TICK_SECONDS: float = Field(15, gt=0)
    """How often the tick looks for due connections, expired leases and lost wake-ups."""
    SHORTEST_SCHEDULE_SECONDS: float = Field(60, ge=0)
    """Shortest interval that staff or a command may give a connection; what code declares may be shorter."""
    TICK_LIMIT: int = Field(200, gt=0)
    """Due connections one tick turns into runs."""
    SKIP_AFTER_SECONDS: float = Field(300, gt=0)
    """For pipelines with `catch_up="skip"`: a due time counts as missed when nothing ran for so long after it."""
    BACKFILL_PARALLEL: int = Field(2, ge=1)
    """Shards of one backfill that run at a time, when nothing else is asked for; at most 50."""
    BACKFILL_SHARDS: int = Field(5000, ge=1)
    """Most shards one backfill may have; a longer window needs longer shards."""
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
    """Dotted path of a function from a connection to the seconds its sender must wait (0: none); '' asks nobody."""
    MAX_PENDING_DELIVERIES: int = Field(10_000, ge=1)
    """Deliveries of one connection that may wait to be taken in; its sender is told to come back (429) beyond that."""
    MAX_PENDING_BYTES: int = Field(256 * 1024 * 1024, gt=0)
    """Bytes that the deliveries of one connection may have together while they wait."""
    KEEP_DAYS: dict[str, Annotated[float, Field(gt=0, le=MOST_DAYS)]] = {}
    """Days (36500 at most) after which `ingest sweep` deletes rows, by the name of what is retained: "deliveries" once
    they were taken in or given up (30; a duplicate that comes later is taken in again), "spendings" of ended runs (90),
    and what kinds declare.
    """
    QUEUES: dict[str, str] = {
        "free": "ingestion-free",
        "pro": "ingestion-pro",
        "enterprise": "ingestion-enterprise",
    }
    """RQ queue of each tenant tier; each needs at least one worker process of its own."""
    TICK_QUEUE: str = "ingestion-tick"
    """RQ queue of the tick, when rq-scheduler drives it."""
    PRIVATE_NETWORKS: list[IPvAnyNetwork] = []
    """Private networks (CIDR) that sources may call, for systems on your own premises; all others are refused. They are
    open to every tenant's pipelines that are written in code; an API that is declared in a connection's config reaches
    only addresses in them that the tenant's credential names in its value `hosts`.
    """
    STORAGE: str = "default"
    """Alias in Django's STORAGES where raw artifacts are kept; must not be public."""
    PREVIEW_SECONDS: float = Field(8, gt=0)
    """Longest that a preview and a test of a connection may take in all, their waits included: a web thread is held."""
    KEEP_RAW_PAGES: bool = True
    """Keep every page's new and changed raw records, compressed. Uploaded files are always kept."""
    READ_AHEAD: bool = True
    """Fetch a source's next page while the one before it is loaded, where the source allows it: two pages are in memory
    then. Turn it off where readers or transforms fork processes, which a second thread makes unsafe.
    """
    TENANTS_FOR_USER: str = ""
    """Dotted path of a function from a user to the ids of the tenants that user may see; '' uses the grants table."""
    REPLAY_LIMIT: int = Field(100, gt=0)
    """Dead letters one replay takes when no limit is given."""
    RATES: dict[str, dict[str, Rate]] = Field(
        {
            "*": {
                "free": {"per_second": 5, "burst": 10},
                "pro": {"per_second": 20, "burst": 40},
                "enterprise": {"per_second": 50, "burst": 100},
            }
        },
        validate_default=True,
    )
    """Calls a tenant may make: integration to tier to rate. "*" stands for every integration, or every tier, that is
    not listed; a tier that nothing matches has the first rate listed. One bucket per tenant and integration, shared by
    all workers. A connection's config may name an integration that is listed here or that the tenant has a credential
    for; any other name shares the bucket of its pipeline's integration.
    """
    RATE_WITHOUT_REDIS: float = Field(0.1, gt=0)
    """Share of the rate that each process may use while Redis cannot be reached; about 1 / your worker processes."""
    THROTTLE_SECONDS: float = Field(60, gt=0)
    """Longest wait for a rate limit inside a run; for a longer one the run is given back and tried again then."""
    BUDGETS: dict[str, Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]] = {"free": 1, "pro": 3, "enterprise": 10}
    """Runs of one tenant that may be running at once, by tier; other tiers have the first one listed."""
    TENANT_SHARE: float = Field(0.3, gt=0)
    """Largest share of a queue's workers that are told about runs of one tenant at once (at least one worker, and never
    more runs than its budget), so that somebody is free for the others. Where few tenants share the queue each may have
    its part: one has all workers, two have half of them.
    """
    QUOTAS: dict[str, dict[str, Annotated[int, Field(ge=0)]]] = {}
    """What a tenant may use in a calendar month (UTC): meter to tier to amount. "*" stands for every tier that is not
    listed. What is not listed is counted and not limited.
    """
    SECRET_STORE: str = "ingestion.vault.DatabaseStore"  # noqa: S105  a class
    """Dotted path of the class that keeps credentials; `ingestion.vault.HashicorpStore` keeps them in a Vault server.
    """
    MASTER_KEYS: dict[str, SecretStr] = Field(default={}, repr=False)
    """Keys that wrap the tenants' data keys: id to 32 bytes in base64, `env:NAME` or `file:/path`. The first one wraps,
    all of them unwrap. The database store needs one.
    """
    VAULT: dict[str, str] = Field(default={}, repr=False)
    """Where the Vault server is, for `HashicorpStore`: `url`, `mount`, `prefix`, `namespace`, `ca`, `timeout`, and
    `token` or `role_id` and `secret_id`; each may be `env:NAME` or `file:/path`.
    """
    EXCHANGE_SECONDS: float = Field(300, gt=0)
    """How long one worker may take to exchange a used-up token before another one tries; above any HTTP deadline."""
    EXPIRY_WARNING_DAYS: int = Field(14, ge=0)
    """Days before a credential's expiry date from which health, checks and log lines speak of it."""

    RECONCILE_DAYS: int = Field(3, ge=0, le=366)
    """Closed days, back from yesterday (UTC), that are held against their source once a day; 0 checks none by itself.
    """
    RECONCILE_SECONDS: float = Field(3600, gt=0)
    """How often a connection is looked at for days that are due to be checked."""

    @field_validator("BUDGETS", "RATES")
    @classmethod
    def _say_something_of_every_tier(cls, by_tier: dict[str, Any]) -> dict[str, Any]:
        if not by_tier or any(isinstance(tier_values, dict) and not tier_values for tier_values in by_tier.values()):
            raise ValueError('name at least one tier, or "*" for all of them')
        return by_tier


@lru_cache(maxsize=1)
def config() -> Settings:
    """The validated settings. Raises ImproperlyConfigured with a suggestion for unknown keys."""
    declared: Any = getattr(settings, "INGESTION", {})
    if not isinstance(declared, dict):
        raise ImproperlyConfigured("INGESTION must be a dict.")
    try:
        return Settings(**declared)
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
