"""Hold-offs: after a source asked to be left alone, no run of the tenant calls it. Operators see and end them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from redis.exceptions import RedisError

from ingestion import queueing
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.context import TenantRef
from ingestion.core.errors import ActionRefused, IngestionError
from ingestion.core.pipeline import Pipeline
from ingestion.limits.buckets import SharedBucket, key_of
from ingestion.limits.throttling import release_here
from ingestion.limits.tiers import rate_of
from ingestion.models import Connection, Run
from ingestion.vault import credentials

Connect = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class HoldOff:
    """No run of `tenant` calls `integration` until then. `connection` is one of those whose runs wait for it."""

    tenant: TenantRef
    integration: str
    until: datetime
    connection: Connection


def rate_name(pipeline: Pipeline, tenant: TenantRef, configured: str) -> str:
    """The integration whose rate a run's calls count against; a source without one has a rate for its pipeline.

    `configured` is the integration that the connection's config names. It counts when the tenant has a credential for
    it or RATES lists it: with any other name an author of configs could have as many buckets as they like.
    """
    declared = pipeline.integration or pipeline.name
    if configured in ("", declared):
        return declared
    return configured if configured in config().RATES or credentials.is_stored(tenant, configured) else declared


def rate_name_of(connection: Connection) -> str:
    """The integration whose rate a connection's runs count against; '' where its pipeline is not installed."""
    try:
        pipeline = registry.get(connection.pipeline)
    except IngestionError:
        return ""
    configured = connection.config.get("integration") if isinstance(connection.config, Mapping) else ""
    return rate_name(pipeline, connection.tenant.ref, str(configured or pipeline.integration))


def hold_off_of(connection: Connection, connect: Connect = queueing.client) -> HoldOff | None:
    """The hold-off that the connection's runs wait for; None without one, or when Redis cannot be asked."""
    integration = rate_name_of(connection)
    seconds = (
        _ask_bucket(connection.tenant.ref, connection.tenant.tier, integration, SharedBucket.hold_seconds, connect)
        if integration
        else 0
    )
    if not seconds:
        return None
    return HoldOff(connection.tenant.ref, integration, timezone.now() + timedelta(seconds=seconds), connection)


def hold_offs(connections: Iterable[Connection], connect: Connect = queueing.client) -> list[HoldOff]:
    """The hold-offs of all connections, each once."""
    by_key: dict[tuple[int, str], HoldOff | None] = {}
    for connection in connections:
        key = (connection.tenant_id, rate_name_of(connection))
        if key not in by_key:
            by_key[key] = hold_off_of(connection, connect)
    return [hold_off for hold_off in by_key.values() if hold_off is not None]


def waiting_for(tenant: TenantRef, integration: str) -> list[Run]:
    """The tenant's queued runs that were held off, of all connections that share the integration, the oldest first."""
    runs = Run.objects.for_tenant(tenant.id).select_related("tenant", "connection", "connection__tenant")
    queued = runs.filter(error_class="HeldOff", state=Run.State.QUEUED, not_before__gt=timezone.now())
    integrations: dict[int, str] = {}
    waiting = []
    for run in queued.order_by("pk").iterator(chunk_size=500):
        if run.connection_id not in integrations:  # one query of the credentials for each connection, not for each run
            integrations[run.connection_id] = rate_name_of(run.connection)
        if integrations[run.connection_id] == integration:
            waiting.append(run)
    return waiting


def release(tenant: TenantRef, tier: str, integration: str, connect: Connect = queueing.client) -> float:
    """Let the tenant call again; return the seconds that were left. The calls that follow keep to the rate.

    Raises ActionRefused when Redis cannot be asked: the other processes would then go on holding off.
    """
    seconds = _ask_bucket(tenant, tier, integration, SharedBucket.free, connect)
    if seconds is None:
        raise ActionRefused(
            f"Redis cannot be asked, so the hold-off of {integration} was not ended; try again when it answers."
        )
    release_here(tenant, integration)
    return seconds


def _ask_bucket(
    tenant: TenantRef, tier: str, integration: str, command: Callable[[SharedBucket], float], connect: Connect
) -> float | None:
    """Send one command to the tenant's bucket and return its answer; None when Redis cannot be asked."""
    if queueing.absence.away:
        return None
    try:
        return command(SharedBucket(connect(), key_of(tenant, integration), rate_of(integration, tier)))
    except (RedisError, OSError) as error:
        queueing.absence.note(error)
        return None
