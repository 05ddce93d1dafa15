"""One claimed run in this process, and the seams through which tests stand in for the world."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from ingestion import artifacts, limits
from ingestion.conf import config as settings
from ingestion.core import registry
from ingestion.core.context import Context, File, overlaid
from ingestion.core.declarations import require
from ingestion.core.errors import ConfigurationError, Paused, Transient
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Page
from ingestion.core.sources import Source
from ingestion.core.windows import Window
from ingestion.dead_letters.lookup import OpenDeadLetters
from ingestion.dead_letters.replay import replaying
from ingestion.models import Connection, Run, RunArtifact
from ingestion.running import claims, drift, poison_bisection, verification
from ingestion.running.delivery_source import receiving
from ingestion.vault import CredentialCache

_AT_HAND = 10.0
"""Longest wait for a rate limit, in seconds, while somebody sits at a screen and waits for the answer."""
WAITING_BEAT = 5.0
"""Longest time, in seconds, between two looks of a run that waits at whether it must stop."""


def _pass(point: str) -> None:
    return None


def _go_on() -> bool:
    return False


def _nobody_looks(claim: claims.Claim) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What tests put in the place of the real world."""

    at: Callable[[str], None] = _pass
    """Called with the name of every gap between two durable writes; crash tests end the process there."""
    stop: Callable[[], bool] = _go_on
    """True when this process was asked to stop: the run is given back at the next batch boundary."""
    sleep: Callable[[float], None] = time.sleep
    on_progress: Callable[[claims.Claim], None] = _nobody_looks
    """Called whenever the run came on; a worker's child tells its parent so."""


@dataclass(slots=True)
class Execution:
    """What the steps of one execution share."""

    run: Run
    claim: claims.Claim
    pipeline: Pipeline
    ctx: Context
    hooks: Hooks
    poison: frozenset[str]
    """Digests (hex) of records that killed workers."""
    open_dead_letters: OpenDeadLetters
    """Which loaded records may close dead letters of the connection."""
    began: datetime
    """When this execution took the run up, in the database's time."""
    read: int
    """Records this run has read so far, in all of its committed batches."""
    dead: int
    """Those of them that were rejected."""
    first_load: bool
    """The destination was empty when the run began: nothing to look up."""
    watch: drift.Watch
    """The shape of the connection's records."""
    credentials: CredentialCache
    """The run's credential, once its source has asked for it."""
    unchecked: Sequence[str]
    """Which control totals a run of this kind does not check, and why, in sentences."""


def open_execution(run: Run, claim: claims.Claim, hooks: Hooks) -> Execution:
    """Gather what executing `run` needs. Raises UnknownPipeline when its code is not installed here."""
    pipeline = registry.get(run.pipeline)
    ctx = context(pipeline, run, heartbeat(claim, hooks))
    ctx = dataclasses.replace(ctx, spend=limits.RunMeter(run, lambda: claim.batches))
    ctx = within_limits(ctx, pipeline, run, hooks, heartbeat(claim, hooks, at_least_every=WAITING_BEAT))
    credentials = CredentialCache(ctx.tenant, ctx.integration, ctx.beat, hooks.sleep)
    ctx = dataclasses.replace(ctx, credential=credentials.credential, exchange=credentials.exchange, loads_again=True)
    pipeline = pipeline.for_connection(ctx)
    # Other shards fill the same table at the same time.
    first = run.batches == 0 and run.parent_id is None and pipeline.destination.empty(ctx)
    watch = drift.watch(run, pipeline, ctx)
    unchecked = verification.unchecked(pipeline, run.kind)
    if run.kind == Run.Kind.REPLAY:
        pipeline = replaying(pipeline, Q(replay_run=run))
    poison = poison_bisection.resume(run, claim)
    began: datetime = run.began  # type: ignore[attr-defined]  # asked for by execute
    if run.kind == Run.Kind.WEBHOOK:
        pipeline = receiving(pipeline, run, claim, poison)
    none_open = run.kind != Run.Kind.BACKFILL and not run.has_dead_letters  # type: ignore[attr-defined]  # as above
    opened = OpenDeadLetters(set()) if none_open else OpenDeadLetters.of(run)
    return Execution(
        run,
        claim,
        pipeline,
        ctx,
        hooks,
        poison,
        opened,
        began,
        run.read,
        run.dead,
        first,
        watch,
        credentials,
        unchecked,
    )


def within_limits(ctx: Context, pipeline: Pipeline, run: Run, hooks: Hooks, beat: Callable[[], None]) -> Context:
    """`ctx` waiting as a worker may: for long, but stopping soon when the run or the process is asked to."""

    def pulse() -> None:
        if hooks.stop():
            raise Paused(
                "The worker was asked to stop while it waited for a rate limit; another one goes on from here."
            )
        beat()

    throttle = limits.Throttle(ctx.tenant, run.tenant.tier, _limited(ctx, pipeline), pulse=pulse)
    return dataclasses.replace(ctx, throttle=throttle, hold_off=throttle.hold_off)


def _limited(ctx: Context, pipeline: Pipeline) -> str:
    return limits.limited(pipeline, ctx.tenant, ctx.integration)


def heartbeat(claim: claims.Claim, hooks: Hooks, *, at_least_every: float = math.inf) -> Callable[[], None]:
    """Renews the lease when a third of it is gone; called for every record, so it mostly only looks at the clock.

    Who looks on is told far more often: between two records that take the whole of RECORD_SECONDS it must see that the
    first one ended.
    """
    every = min(settings().LEASE_SECONDS / 3, at_least_every)
    told_every = min(settings().LEASE_SECONDS, settings().RECORD_SECONDS) / 20
    due = time.monotonic() + every
    tell = 0.0

    def beat() -> None:
        nonlocal due, tell
        now = time.monotonic()
        if now >= tell:
            hooks.on_progress(claim)
            tell = now + told_every
        if now >= due:
            claims.renew(claim)
            due = time.monotonic() + every

    return beat


def context(pipeline: Pipeline, run: Run, beat: Callable[[], None]) -> Context:
    """The run as its source and transform see it."""
    links = RunArtifact.objects.for_tenant(run.tenant_id).filter(run=run, role=RunArtifact.Role.INPUT)
    inbox = {link.artifact_id: link for link in links.select_related("artifact")} if run.has_inputs else {}  # type: ignore[attr-defined]  # asked for by execute
    return dataclasses.replace(
        outside_a_run(pipeline, run.connection, run.params.get("config", {})),
        run_id=run.pk,
        now=run.created_at,
        window=Window(run.window_start, run.window_end) if run.window_start and run.window_end else None,
        backfill=run.kind == Run.Kind.BACKFILL,
        inbox=tuple(File(pk, link.name, link.artifact.sha256, link.artifact.size) for pk, link in inbox.items()),
        read=lambda file: artifacts.read(inbox[file.artifact_id].artifact),
        beat=beat,
    )


def outside_a_run(
    pipeline: Pipeline,
    connection: Connection,
    config: Mapping[str, Any] | None = None,
    *,
    patience: float = _AT_HAND,
    seconds: float = math.inf,
) -> Context:
    """What a connection's source may use when it is tested, previewed or asked for figures: no run, window or inbox.

    Calls count against the tenant's rate; quotas are looked at and not counted. `patience` is the longest wait for the
    rate, in seconds, at most that of a run; `seconds` are left for everything. The credential is the real one:
    exchanging it stores the new one, also in a dry run, because the source has by then made the old one worthless.
    Raises TenantNotServed where the pipeline is not for the connection's tenant: nothing reaches a source without this.
    """
    pipeline.require_served(connection.tenant.key)
    in_force = overlaid(connection.config, config)
    integration = str(in_force.get("integration") or pipeline.integration)
    tenant = connection.tenant
    ends = time.monotonic() + seconds
    beat = _until(ends)
    credentials = CredentialCache(tenant.ref, integration, beat)
    ctx = Context(
        tenant=tenant.ref,
        pipeline=connection.pipeline,
        run_id=0,
        now=datetime.now(UTC),
        config=in_force,
        connection=connection.name,
        reserved=pipeline.tenants is not None,
        beat=beat,
        integration=integration,
        credential=credentials.credential,
        exchange=credentials.exchange,
        left=lambda: ends - time.monotonic(),
        spend=lambda meter, amount: limits.require(tenant.ref, meter, amount),
        private_networks=tuple(map(str, settings().PRIVATE_NETWORKS)),
    )
    throttle = limits.Throttle(
        ctx.tenant, tenant.tier, _limited(ctx, pipeline), patience=min(patience, seconds, settings().THROTTLE_SECONDS)
    )
    return dataclasses.replace(ctx, throttle=throttle, hold_off=throttle.hold_off)


def _until(ends: float) -> Callable[[], None]:
    """Ends what takes page after page, or waits for another worker's renewal, when no time is left for it."""

    def beat() -> None:
        if time.monotonic() >= ends:
            raise Transient("It was not done in time.")

    return beat


def require_page(page: Any, source: Source) -> None:
    """Raise ConfigurationError unless `source` yielded a page, with a checkpoint that the database can keep."""
    require(isinstance(page, Page), f"What {type(source).__name__} yields", page, "a Page")
    kept = f"The checkpoint of a page of {type(source).__name__} must be JSON, because the run keeps it"
    try:
        text = json.dumps(page.checkpoint, allow_nan=False, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{kept}: a text in it holds half a character, which MariaDB and PostgreSQL refuse; "
                                 "keep it as base64.") from None  # fmt: skip
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{kept}: {error}.") from None
    if connection.vendor == "postgresql" and "\\u0000" in text.replace("\\\\", ""):
        raise ConfigurationError(f"{kept}: a text in it holds NUL, which PostgreSQL cannot store; keep it as base64.")
