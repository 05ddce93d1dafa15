"""One claimed run in this process, and the seams through which tests stand in for the world."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion import artifacts, letters
from ingestion.conf import config as settings
from ingestion.core import registry
from ingestion.core.context import Context, File
from ingestion.core.pipeline import Pipeline
from ingestion.core.windows import Window
from ingestion.models import Connection, Run, RunArtifact
from ingestion.replay import replaying
from ingestion.running import isolation, ownership


def _pass(point: str) -> None:
    return None


def _go_on() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Seams:
    """What tests put in the place of the real world."""

    at: Callable[[str], None] = _pass
    """Called with the name of every gap between two durable writes; crash tests end the process there."""
    stop: Callable[[], bool] = _go_on
    """True when this process was asked to stop: the run is given back at the next batch boundary."""
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Work:
    """What the steps of one execution share."""

    run: Run
    mine: ownership.Ownership
    pipeline: Pipeline
    ctx: Context
    seams: Seams
    poison: frozenset[str]
    """Digests (hex) of records that killed workers."""
    letters_open: bool
    """Whether the connection may have open dead letters that a loaded record would close."""
    first_load: bool
    """The destination was empty when the run began: nothing to look up."""


def open_work(run: Run, mine: ownership.Ownership, seams: Seams) -> Work:
    """Gather what executing `run` needs. Raises UnknownPipeline when its code is not installed here."""
    pipeline = registry.get(run.pipeline)
    ctx = context(pipeline, run, _heartbeat(mine))
    first = run.batches == 0 and pipeline.destination.empty(ctx)
    if run.kind == Run.Kind.REPLAY:
        pipeline = replaying(pipeline, run)
    poison = isolation.resume(run, mine)
    return Work(run, mine, pipeline, ctx, seams, poison, letters.any_open(run), first)


def _heartbeat(mine: ownership.Ownership) -> Callable[[], None]:
    """Renews the lease when a third of it is gone; called for every record, so it mostly only looks at the clock."""
    every = settings().LEASE_SECONDS / 3
    due = time.monotonic() + every

    def beat() -> None:
        nonlocal due
        if time.monotonic() >= due:
            ownership.renew(mine)
            due = time.monotonic() + every

    return beat


def context(pipeline: Pipeline, run: Run, beat: Callable[[], None]) -> Context:
    """The run as its source and transform see it."""
    links = RunArtifact.objects.for_tenant(run.tenant_id).filter(run=run, role=RunArtifact.Role.INPUT)
    inbox = {link.artifact_id: link for link in links.select_related("artifact")}
    return dataclasses.replace(
        outside_a_run(pipeline, run.connection, run.params.get("config", {})),
        run_id=run.pk,
        now=run.created_at,
        window=Window(run.window_start, run.window_end) if run.window_start and run.window_end else None,
        inbox=tuple(File(pk, link.name, link.artifact.sha256, link.artifact.size) for pk, link in inbox.items()),
        read=lambda file: artifacts.read(inbox[file.artifact_id].artifact),
        beat=beat,
    )


def outside_a_run(pipeline: Pipeline, connection: Connection, config: Mapping[str, Any] | None = None) -> Context:
    """What a connection's source may use when it is tested or previewed: no run, no window, no inbox."""
    overlaid = {**connection.config, **(config or {})}
    return Context(
        tenant=connection.tenant.ref,
        pipeline=connection.pipeline,
        run_id=0,
        now=datetime.now(UTC),
        config=overlaid,
        connection=connection.name,
        integration=str(overlaid.get("integration") or pipeline.integration),
        private_networks=tuple(map(str, settings().PRIVATE_NETWORKS)),
    )
