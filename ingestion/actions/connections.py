"""What an operator can do with a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from ingestion import dispatch, events, scheduling
from ingestion.actions.actor import Actor
from ingestion.actions.config_secrets import refuse_secrets
from ingestion.actions.schedules import as_declared, require_rest, require_runs, set_schedule
from ingestion.core import configs, registry
from ingestion.core.context import TenantRef, overlaid
from ingestion.core.errors import ActionRefused, UnknownPipeline
from ingestion.core.ingestion_modes import require_finds
from ingestion.core.pipeline import Pipeline
from ingestion.core.schedules import Schedule
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Run, Tenant, Watermark

_NAME = re.compile(r"[-a-zA-Z0-9_]{1,50}")


def connect(
    actor: Actor,
    tenant: Tenant,
    pipeline: str,
    name: str = "",
    schedule: Schedule | Mapping[str, Any] | None = None,
    *,
    config: dict[str, Any] | None = None,
) -> Connection:
    """The tenant's connection `name` to `pipeline`, made when it is not there.

    Raises UnknownPipeline, TenantNotServed for a pipeline that is not for this tenant, and ActionRefused for a schedule
    where the source finds nothing by itself.

    With a `schedule` (see `set_schedule`) it is due by that one, whatever the pipeline declares. With a `config` (see
    `configure`) it has that one from the first moment on; one that is refused leaves no connection.
    """
    actor.require("run_connection", tenant)
    registry.get(pipeline).require_served(tenant.key)
    if name and not _NAME.fullmatch(name):
        raise ActionRefused(f"{name!r} cannot name a connection; use at most 50 letters, digits, - and _.")
    declared = as_declared(schedule) if schedule is not None else None
    require_runs(pipeline, declared)
    require_rest(actor, declared)
    fresh = Connection(tenant=tenant, pipeline=pipeline, name=name, schedule=declared)
    with transaction.atomic():
        connection, created = Connection.objects.for_tenant(tenant).get_or_create(
            tenant=tenant,
            pipeline=pipeline,
            name=name,
            defaults={"schedule": declared, "next_due": scheduling.first_due(fresh)},
        )
        if created:
            details: dict[str, Any] = {"schedule": declared} if declared else {}
            actor.audit(tenant, "connect", connection, **details)
        elif declared is not None and declared != connection.schedule:
            set_schedule(actor, connection, declared)
        if config is not None and (created or config != connection.config):
            configure(actor, connection, config)
            connection.config = config
    return connection


def connections_of(tenant: Tenant | TenantRef, wanted: Callable[[Pipeline], bool]) -> list[tuple[Connection, Pipeline]]:
    """The tenant's connections, each with its pipeline, of the pipelines with code here that `wanted` accepts."""
    by_name = {pipeline.name: pipeline for pipeline in registry.registered() if wanted(pipeline)}
    connections = Connection.objects.for_tenant(tenant).select_related("tenant").filter(pipeline__in=list(by_name))
    return [(connection, by_name[connection.pipeline]) for connection in connections.order_by("pk")]


def run_now(
    actor: Actor, connection: Connection, *, config: dict[str, Any] | None = None, reason: str = "", wake: bool = True
) -> Run:
    """Queue a run over the connection's next window.

    Raises ActionRefused while it is paused, and where its source finds nothing by itself.

    Without `wake` no worker is told; the caller executes the run itself.
    """
    actor.require("run_connection", connection.tenant)
    require_finds(registry.get(connection.pipeline))
    require_unpaused(connection)
    if config:
        refuse_secrets(connection, config)
        check_config(connection.pipeline, overlaid(connection.config, config), connection.config.keys())
    window, watermark = scheduling.window_for(connection, read_db_now())
    with transaction.atomic():
        run = Run.unscoped.create(
            tenant=connection.tenant,
            connection=connection,
            pipeline=connection.pipeline,
            kind=Run.Kind.MANUAL,
            params={"config": config} if config else {},
            window_start=window.start,
            window_end=window.end,
            watermark_before=watermark,
            requested_by_id=actor.user.pk if actor.user else None,
        )
        events.record(run, "queued", f"asked for by {actor.name}")
        actor.audit(connection.tenant, "run", connection, reason, run=run.pk)
        if wake:
            dispatch.wake(run)
    return run


def pause(actor: Actor, connection: Connection, reason: str) -> None:
    """Stop the connection: its active run is given back at the next batch boundary, nothing new starts."""
    actor.require("run_connection", connection.tenant)
    with transaction.atomic():
        paused = Connection.objects.for_tenant(connection.tenant).filter(pk=connection.pk, paused_at__isnull=True)
        if not paused.update(paused_at=timezone.now(), paused_reason=reason[:200]):
            raise ActionRefused(f"{connection} is paused already.")
        actor.audit(connection.tenant, "pause", connection, reason)


def resume(actor: Actor, connection: Connection, reason: str = "") -> None:
    """Let a paused connection go on, from where it stopped."""
    actor.require("run_connection", connection.tenant)
    with transaction.atomic():
        paused = Connection.objects.for_tenant(connection.tenant).filter(pk=connection.pk, paused_at__isnull=False)
        if not paused.update(paused_at=None, paused_reason=""):
            raise ActionRefused(f"{connection} is not paused.")
        actor.audit(connection.tenant, "resume", connection, reason)


def rewind(actor: Actor, connection: Connection, to: datetime, reason: str) -> Watermark:
    """Move the watermark back (or forward) to `to`; the next run starts there. The history keeps both.

    Raises ActionRefused without a reason, for a naive or future time, while a run is active, and where its source finds
    nothing by itself.
    """
    actor.require("rewind_watermark", connection.tenant)
    require_finds(registry.get(connection.pipeline))
    if not reason:
        raise ActionRefused("Say why the watermark is moved; the reason is kept with it.")
    if to.tzinfo is None or to > timezone.now():
        raise ActionRefused("Give a time in the past with its time zone, for example 2026-01-31T00:00:00Z.")
    with transaction.atomic():
        if connection.runs.filter(state__in=Run.ACTIVE, kind__in=(Run.Kind.SCHEDULED, Run.Kind.MANUAL)).exists():
            raise ActionRefused("A run is queued or running and would move the watermark again; cancel it or wait.")
        before = Watermark.newest_of(connection.pk)
        watermark = Watermark.unscoped.create(
            tenant=connection.tenant, connection=connection, value=to, reason=reason[:200]
        )
        actor.audit(connection.tenant, "rewind", connection, reason, before=str(before), after=str(to))
    return watermark


def configure(actor: Actor, connection: Connection, config: dict[str, Any], reason: str = "") -> None:
    """Replace the connection's config; its next run reads the new one.

    Raises ActionRefused for one with a secret, ConfigurationError for one that its source cannot use.
    """
    actor.require("run_connection", connection.tenant)
    configs.require_json(config)
    refuse_secrets(connection, config)
    check_config(connection.pipeline, config, connection.config.keys())
    with transaction.atomic():
        rows = Connection.objects.for_tenant(connection.tenant).filter(pk=connection.pk)
        before = rows.values_list("config", flat=True).get()
        rows.update(config=config)
        actor.audit(connection.tenant, "configure", connection, reason, before=before, after=config)


def check_config(pipeline: str, config: Mapping[str, Any], stored: Collection[str] = ()) -> None:
    """Raise ConfigurationError for a config that no run could use, before it is stored anywhere.

    `stored` are keys that its connection has already; see `core.configs`.
    """
    configs.require_json(config)
    try:
        declared = registry.get(pipeline)
    except UnknownPipeline:
        return  # its code is not installed here; the run says so
    configs.check_config(declared, config, stored)


def require_unpaused(connection: Connection) -> None:
    """Raise ActionRefused while `connection` is paused."""
    connection.refresh_from_db(fields=["paused_at", "paused_reason"])
    if connection.is_paused:
        raise ActionRefused(f"{connection} is paused ({connection.paused_reason}); resume it first.")
