"""One claimed run in this process: what its steps share, and the context that its source and transform get."""

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
from ingestion.dead_letters.replay import with_dead_letters
from ingestion.models import Connection, Run, RunArtifact
from ingestion.running import claims, drift, poison_bisection, verification
from ingestion.running.delivery_source import with_deliveries
from ingestion.running.hooks import Hooks
from ingestion.vault import CredentialCache

_INTERACTIVE_PATIENCE = 10.0
"""Longest wait for a rate limit, in seconds, while a person waits at a screen for the answer."""
WAITING_BEAT = 5.0
"""Longest time, in seconds, until a waiting run checks again whether it must stop."""


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
    """When this execution read the run it had claimed, in the database's time."""
    read: int
    """Records this run has read so far, in all of its committed batches."""
    dead: int
    """Those of them that were rejected."""
    first_load: bool
    """The destination was empty when the run began: no stored rows need be looked up."""
    shape_watch: drift.ShapeWatch
    """Compares the shape of each page with the connection's accepted one."""
    credentials: CredentialCache
    """The run's credential, read when its source first needs it."""
    unchecked: Sequence[str]
    """A sentence for each control total that a run of this kind does not check, with the reason."""


def open_execution(run: Run, claim: claims.Claim, hooks: Hooks) -> Execution:
    """Build the execution of `run`. Raises UnknownPipeline when the pipeline's code is not installed here."""
    pipeline = registry.get(run.pipeline)
    ctx = context(pipeline, run, heartbeat(claim, hooks))
    ctx = dataclasses.replace(ctx, spend=limits.RunMeter(run, lambda: claim.batches))
    ctx = with_worker_patience(ctx, pipeline, run, hooks, heartbeat(claim, hooks, at_least_every=WAITING_BEAT))
    credentials = CredentialCache(ctx.tenant, ctx.integration, ctx.beat, hooks.sleep)
    ctx = dataclasses.replace(ctx, credential=credentials.credential, exchange=credentials.exchange, loads_again=True)
    pipeline = pipeline.for_connection(ctx)
    # Other shards fill the same table at the same time.
    first_load = run.batches == 0 and run.parent_id is None and pipeline.destination.empty(ctx)
    shape_watch = drift.ShapeWatch(run, drift.resolve_answer(pipeline, ctx))
    unchecked = verification.unchecked(pipeline, run.kind)
    if run.kind == Run.Kind.REPLAY:
        pipeline = with_dead_letters(pipeline, Q(replay_run=run))
    poison = poison_bisection.resume(run, claim)
    began: datetime = run.began  # type: ignore[attr-defined]  # annotated by execute
    if run.kind == Run.Kind.WEBHOOK:
        pipeline = with_deliveries(pipeline, run, claim, poison)
    none_open = run.kind != Run.Kind.BACKFILL and not run.has_dead_letters  # type: ignore[attr-defined]  # as above
    open_dead_letters = OpenDeadLetters(set()) if none_open else OpenDeadLetters.of(run)
    return Execution(
        run=run,
        claim=claim,
        pipeline=pipeline,
        ctx=ctx,
        hooks=hooks,
        poison=poison,
        open_dead_letters=open_dead_letters,
        began=began,
        read=run.read,
        dead=run.dead,
        first_load=first_load,
        shape_watch=shape_watch,
        credentials=credentials,
        unchecked=unchecked,
    )


def with_worker_patience(ctx: Context, pipeline: Pipeline, run: Run, hooks: Hooks, beat: Callable[[], None]) -> Context:
    """`ctx` with the patience of a worker: it waits long for a rate, but stops soon when the run must."""

    def keep_waiting() -> None:
        if hooks.stop():
            raise Paused(
                "The worker was asked to stop while it waited for a rate limit; another one goes on from here."
            )
        beat()

    throttle = limits.Throttle(ctx.tenant, run.tenant.tier, _rate_name(ctx, pipeline), keep_waiting=keep_waiting)
    return dataclasses.replace(ctx, throttle=throttle, hold_off=throttle.hold_off)


def _rate_name(ctx: Context, pipeline: Pipeline) -> str:
    return limits.rate_name(pipeline, ctx.tenant, ctx.integration)


def heartbeat(claim: claims.Claim, hooks: Hooks, *, at_least_every: float = math.inf) -> Callable[[], None]:
    """A function that renews the lease when a third of it is gone. It is called for every record, so it must be cheap.

    Progress is reported far more often than the lease is renewed: the watchdog must notice the end of a record even
    when that record and the next one each take nearly RECORD_SECONDS.
    """
    every = min(settings().LEASE_SECONDS / 3, at_least_every)
    report_every = min(settings().LEASE_SECONDS, settings().RECORD_SECONDS) / 20
    due = time.monotonic() + every
    report_at = 0.0

    def beat() -> None:
        nonlocal due, report_at
        now = time.monotonic()
        if now >= report_at:
            hooks.on_progress(claim)
            report_at = now + report_every
        if now >= due:
            claims.renew(claim)
            due = time.monotonic() + every

    return beat


def context(pipeline: Pipeline, run: Run, beat: Callable[[], None]) -> Context:
    """The context of `run` for its source and transform."""
    links = RunArtifact.objects.for_tenant(run.tenant_id).filter(run=run, role=RunArtifact.Role.INPUT)
    inbox = {link.artifact_id: link for link in links.select_related("artifact")} if run.has_inputs else {}  # type: ignore[attr-defined]  # annotated by execute
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
    patience: float = _INTERACTIVE_PATIENCE,
    seconds: float = math.inf,
) -> Context:
    """The context of a source that is tested, previewed or asked for figures: without run, window and inbox.

    Calls count against the tenant's rate; quotas are checked and not counted. `patience` is the longest wait for the
    rate, in seconds, at most that of a run; `seconds` is the time for everything. The credential is the real one:
    a token refresh stores the new token, also in a dry run, because the source has by then made the old one worthless.
    Raises TenantNotServed where the pipeline is not for the connection's tenant: every use of a source passes here.
    """
    pipeline.require_served(connection.tenant.key)
    in_force = overlaid(connection.config, config)
    integration = str(in_force.get("integration") or pipeline.integration)
    tenant = connection.tenant
    deadline = time.monotonic() + seconds
    beat = _stop_at(deadline)
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
        left=lambda: deadline - time.monotonic(),
        spend=lambda meter, amount: limits.require(tenant.ref, meter, amount),
        private_networks=tuple(map(str, settings().PRIVATE_NETWORKS)),
    )
    throttle = limits.Throttle(
        ctx.tenant, tenant.tier, _rate_name(ctx, pipeline), patience=min(patience, seconds, settings().THROTTLE_SECONDS)
    )
    return dataclasses.replace(ctx, throttle=throttle, hold_off=throttle.hold_off)


def _stop_at(deadline: float) -> Callable[[], None]:
    """A `beat` that raises Transient after `deadline`: it ends a walk over pages and a wait for another worker."""

    def beat() -> None:
        if time.monotonic() >= deadline:
            raise Transient("It was not done in time.")

    return beat


def require_page(page: Any, source: Source) -> None:
    """Raise ConfigurationError unless `source` yielded a page, with a checkpoint that the database can keep."""
    require(isinstance(page, Page), f"What {type(source).__name__} yields", page, "a Page")
    prefix = f"The checkpoint of a page of {type(source).__name__} must be JSON, because the run keeps it"
    try:
        text = json.dumps(page.checkpoint, allow_nan=False, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{prefix}: a text in it holds half a character, which MariaDB and PostgreSQL refuse; keep it as base64."
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{prefix}: {error}.") from None
    if connection.vendor == "postgresql" and "\\u0000" in text.replace("\\\\", ""):
        raise ConfigurationError(f"{prefix}: a text in it holds NUL, which PostgreSQL cannot store; keep it as base64.")
