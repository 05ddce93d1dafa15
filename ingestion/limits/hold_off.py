"""Hold-offs: while a source asked to be left alone, nobody of a tenant calls it. Operators see them and end them."""

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
    """Nobody of `tenant` calls `integration` until then. `connection` is one of those whose runs wait for it."""

    tenant: TenantRef
    integration: str
    until: datetime
    connection: Connection


def limited(pipeline: Pipeline, tenant: TenantRef, named: str) -> str:
    """Whose rate a run's calls count against; a source that names no integration has one for its pipeline.

    A config may name what the tenant has a credential for, or what RATES lists: were any other name a bucket of its
    own, whoever writes configs could have as many as they like.
    """
    own = pipeline.integration or pipeline.name
    if named in ("", own):
        return own
    return named if named in config().RATES or credentials.known(tenant, named) else own


def limited_of(connection: Connection) -> str:
    """The same of a connection; '' where its pipeline is not installed."""
    try:
        pipeline = registry.get(connection.pipeline)
    except IngestionError:
        return ""
    named = connection.config.get("integration") if isinstance(connection.config, Mapping) else ""
    return limited(pipeline, connection.tenant.ref, str(named or pipeline.integration))


def hold_off_of(connection: Connection, connect: Connect = queueing.client) -> HoldOff | None:
    """The one that the connection's runs wait for; None when there is none, or when Redis cannot be asked."""
    integration = limited_of(connection)
    seconds = (
        _asked(connection.tenant.ref, connection.tenant.tier, integration, SharedBucket.held, connect)
        if integration
        else 0
    )
    if not seconds:
        return None
    return HoldOff(connection.tenant.ref, integration, timezone.now() + timedelta(seconds=seconds), connection)


def hold_offs(connections: Iterable[Connection], connect: Connect = queueing.client) -> list[HoldOff]:
    """Those of all connections, each once."""
    found: dict[tuple[int, str], HoldOff | None] = {}
    for connection in connections:
        key = (connection.tenant_id, limited_of(connection))
        if key not in found:
            found[key] = hold_off_of(connection, connect)
    return [one for one in found.values() if one is not None]


def waiting_for(tenant: TenantRef, integration: str) -> list[Run]:
    """The tenant's queued runs that were held off, of all connections that share the integration, the oldest first."""
    runs = Run.objects.for_tenant(tenant.id).select_related("tenant", "connection", "connection__tenant")
    queued = runs.filter(error_class="HeldOff", state=Run.State.QUEUED, not_before__gt=timezone.now())
    integrations: dict[int, str] = {}
    waiting = []
    for run in queued.order_by("pk").iterator(chunk_size=500):
        if run.connection_id not in integrations:  # a look at the credentials for each connection, not for each run
            integrations[run.connection_id] = limited_of(run.connection)
        if integrations[run.connection_id] == integration:
            waiting.append(run)
    return waiting


def release(tenant: TenantRef, tier: str, integration: str, connect: Connect = queueing.client) -> float:
    """Let the tenant call again; the seconds that were left. What follows keeps to the rate, and begins slowly.

    Raises ActionRefused when Redis cannot be asked: the other processes would then go on holding off.
    """
    seconds = _asked(tenant, tier, integration, SharedBucket.free, connect)
    if seconds is None:
        raise ActionRefused(
            f"Redis cannot be asked, so the hold-off of {integration} was not ended; try again when it answers."
        )
    release_here(tenant, integration)
    return seconds


def _asked(
    tenant: TenantRef, tier: str, integration: str, what: Callable[[SharedBucket], float], connect: Connect
) -> float | None:
    """What the tenant's bucket answers; None when Redis cannot be asked."""
    if queueing.absence.away:
        return None
    try:
        return what(SharedBucket(connect(), key_of(tenant, integration), rate_of(integration, tier)))
    except (RedisError, OSError) as error:
        queueing.absence.note(error)
        return None
