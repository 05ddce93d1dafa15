"""Backfill: a window of the past, in shards that workers execute side by side while the live runs go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from ingestion import events, queueing
from ingestion.actions.actor import Actor
from ingestion.actions.config_secrets import refuse_secrets
from ingestion.actions.connections import check_config
from ingestion.conf import config as settings
from ingestion.core import registry
from ingestion.core.capabilities import Windowed
from ingestion.core.context import overlaid
from ingestion.core.durations import span_text
from ingestion.core.errors import ActionRefused
from ingestion.core.ingestion_modes import require_finds
from ingestion.core.pipeline import Pipeline
from ingestion.core.text import counted
from ingestion.core.windows import Window, split
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Run
from ingestion.running import shards
from ingestion.running.execution import outside_a_run
from ingestion.running.slots import MOST_SHARD_SLOTS

DAY = timedelta(days=1)


def shards_of(start: datetime, end: datetime, shard: timedelta = DAY) -> list[Window]:
    """The windows that a backfill would read, oldest first. Raises ActionRefused when they are not possible."""
    if start.tzinfo is None or end.tzinfo is None:
        raise ActionRefused("Give both times with their time zone, for example 2026-01-31T00:00:00Z.")
    if not start < end:
        raise ActionRefused(f"{start.isoformat()} is not before {end.isoformat()}: nothing lies between them.")
    if shard < timedelta(minutes=1):
        raise ActionRefused("A shard of less than a minute holds nothing worth a run; give for example 1d.")
    most = settings().BACKFILL_SHARDS
    if (end - start) / shard > most:
        raise ActionRefused(
            f"{span_text(end - start)} in shards of {span_text(shard)} are more than {most} shards "
            '(INGESTION["BACKFILL_SHARDS"]); give longer shards, or backfill it in pieces.'
        )
    return split(Window(start, end), shard)


def backfill(
    actor: Actor,
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    shard: timedelta = DAY,
    reason: str,
    parallel: int | None = None,
    config: dict[str, Any] | None = None,
    wake: bool = True,
) -> Run:
    """Read [start, end) again in shards, `parallel` of them at a time, without moving the watermark.

    Returns the parent of the shards; it ends when the last of them has. Live runs go on meanwhile. Raises ActionRefused
    without a reason, for a window that is not in the past, while the connection is paused, and for sources that do not
    read windows. Without `wake` no worker is told; the caller executes the shards itself.
    """
    actor.require("run_connection", connection.tenant)
    if not reason:
        raise ActionRefused("Say why this is read again; the reason is kept in the audit trail.")
    if config:
        refuse_secrets(connection, config)
        check_config(connection.pipeline, overlaid(connection.config, config), connection.config.keys())
    windows = shards_of(start, end, shard)
    if end > read_db_now():
        raise ActionRefused("The window reaches into the future; what is not there yet the live runs will read.")
    params: dict[str, Any] = {"shard": span_text(shard), "parallel": _checked_parallel(parallel)}
    with transaction.atomic():
        _require_none_open(actor, connection)
        parent = start_shards(actor, connection, windows, params, config, wake=wake)
        actor.audit(
            connection.tenant, "backfill", connection, reason, run=parent.pk, shards=len(windows),
            start=start.isoformat(), end=end.isoformat(), **params,
        )  # fmt: skip
    return parent


def _require_none_open(actor: Actor, connection: Connection) -> None:
    """One at a time for staff: thousands of shards in a few clicks would keep the tenant's live runs waiting."""
    if actor.user is None:
        return
    Connection.objects.for_tenant(connection.tenant).select_for_update().get(pk=connection.pk)
    open_ = connection.runs.filter(kind=Run.Kind.BACKFILL, parent__isnull=True, state__in=Run.ACTIVE).first()
    if open_ is not None:
        raise ActionRefused(f"Backfill {open_.pk} of {connection} is under way; cancel it or wait for its end.")


def start_shards(
    actor: Actor,
    connection: Connection,
    windows: Sequence[Window],
    params: dict[str, Any],
    config: dict[str, Any] | None = None,
    *,
    wake: bool,
) -> Run:
    """A parent with a shard for each of `windows`, all in the transaction that is open. Raises ActionRefused."""
    require_windowed(connection, config)
    overlaid = {"config": config} if config else {}
    shared: dict[str, Any] = {
        "tenant": connection.tenant,
        "connection": connection,
        "pipeline": connection.pipeline,
        "kind": Run.Kind.BACKFILL,
        "requested_by_id": actor.user.pk if actor.user else None,
    }
    parent = Run.unscoped.create(
        **shared,
        state=Run.State.RUNNING,
        started_at=timezone.now(),
        params={**params, **overlaid},
        window_start=windows[0].start,
        window_end=windows[-1].end,
    )
    Run.unscoped.bulk_create(
        [
            Run(**shared, parent=parent, params=overlaid, window_start=window.start, window_end=window.end)
            for window in windows
        ],
        batch_size=200,
    )
    text = f"{counted(len(windows), 'shard')}, {params['parallel']} at a time, asked for by {actor.name}"
    events.record(parent, "started", text, shards=len(windows))
    if wake:
        for shard in shards.next_shards(parent):
            queueing.wake(shard.pk, connection.tenant.tier, shard.fence)
    return parent


def require_windowed(connection: Connection, config: dict[str, Any] | None = None) -> None:
    """Raise ActionRefused while the connection is paused, and where its source does not read windows."""
    connection.refresh_from_db(fields=["paused_at", "paused_reason"])
    if connection.is_paused:
        raise ActionRefused(f"{connection} is paused ({connection.paused_reason}); resume it first.")
    pipeline = registry.get(connection.pipeline)
    require_finds(pipeline)
    if not reads_windows(pipeline, connection, config):
        kind = type(pipeline.source).__name__
        raise ActionRefused(
            f"The source of {pipeline.name} ({kind}) does not read a window of time, so its shards would all load the "
            "same. Let it read both ends of its window, else rewind the watermark: "
            "https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/backfill.md"
        )


def reads_windows(pipeline: Pipeline, connection: Connection, config: dict[str, Any] | None = None) -> bool:
    """Whether its source reads what belongs to a window and nothing else, with this connection's config."""
    source = pipeline.source
    return isinstance(source, Windowed) and source.reads_windows(outside_a_run(pipeline, connection, config))


def _checked_parallel(parallel: int | None) -> int:
    if parallel is not None and not 1 <= parallel <= MOST_SHARD_SLOTS:
        raise ActionRefused(f"From 1 to {MOST_SHARD_SLOTS} shards can run at a time, not {parallel}.")
    return parallel or min(settings().BACKFILL_PARALLEL, MOST_SHARD_SLOTS)
