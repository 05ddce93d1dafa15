"""Uploading a file: the admin, the command and a Python call all end here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.db import transaction

from ingestion import artifacts, dispatch, events
from ingestion.actions.actor import Actor
from ingestion.actions.config_secrets import refuse_secrets
from ingestion.actions.connections import check_config, require_unpaused
from ingestion.conf import config as settings
from ingestion.core import registry
from ingestion.core.context import overlaid
from ingestion.core.errors import FileTooLarge, UnreadableFile
from ingestion.core.ingestion_modes import require_files
from ingestion.core.text import counted, storable
from ingestion.models import Artifact, Connection, Run, RunArtifact


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an upload. `duplicate`: the run that took the same bytes before, no new one was made."""

    run: Run
    duplicate: bool

    @property
    def sentence(self) -> str:
        """What became of it, for people."""
        run = self.run
        if not self.duplicate:
            return f"The file is kept, and run {run.pk} is queued."
        if run.state in Run.TERMINAL and run.finished_at:
            return f"This file was loaded on {run.finished_at:%Y-%m-%d %H:%M} UTC by run {run.pk}; nothing new."
        return f"This file is with run {run.pk}, which has not ended yet; no other is made."


def upload(
    actor: Actor,
    connection: Connection,
    name: str,
    data: bytes,
    *,
    config: dict[str, Any] | None = None,
    again: bool = False,
    wake: bool = True,
) -> Received:
    """Keep `data` and queue a run over it. The same bytes are not taken twice for one connection unless `again`.

    Without `wake` no worker is told; the caller executes the run itself.

    Before anything is stored it raises TenantNotServed, FilesNotTaken (its source reads none), FileTooLarge,
    UnreadableFile (empty), ActionRefused (paused), ConfigurationError (a config that the source refuses) or
    UnknownPipeline.
    """
    actor.require("run_connection", connection.tenant)
    _check(connection, name, data)
    refuse_secrets(connection, config)
    check_config(connection.pipeline, overlaid(connection.config, config), connection.config.keys())
    stored_file = artifacts.store(connection.tenant.ref, Artifact.Kind.FILE, data)
    with transaction.atomic():
        artifact = Artifact.objects.for_tenant(connection.tenant).select_for_update().get(pk=stored_file.save())
        earlier = _find_earlier_run(connection, artifact)
        if earlier is not None and not again:
            return Received(earlier, duplicate=True)
        run = Run.unscoped.create(
            tenant=connection.tenant,
            connection=connection,
            pipeline=connection.pipeline,
            kind=Run.Kind.UPLOAD,
            params={"config": config} if config else {},
            requested_by_id=actor.user.pk if actor.user else None,
        )
        file_name = storable(PurePath(name.replace("\\", "/")).name, 255)
        RunArtifact.unscoped.create(
            tenant=connection.tenant, run=run, artifact=artifact, role=RunArtifact.Role.INPUT, name=file_name
        )
        events.record(run, "queued", f"{file_name} ({counted(len(data), 'byte')}) uploaded by {actor.name}")
        actor.audit(connection.tenant, "upload", file_name, run=run.pk, sha256=artifact.sha256)
        if wake:
            dispatch.wake(run)
    return Received(run, duplicate=False)


def _check(connection: Connection, name: str, data: bytes) -> None:
    pipeline = registry.get(connection.pipeline)
    pipeline.require_served(connection.tenant.key)
    require_files(pipeline)
    require_unpaused(connection)
    if not data:
        raise UnreadableFile(f"{name} is empty.")
    limit = settings().MAX_UPLOAD_BYTES
    if len(data) > limit:
        raise FileTooLarge(
            f'{name} has {counted(len(data), "byte")}; the limit is {limit} (INGESTION["MAX_UPLOAD_BYTES"]).'
        )


def _find_earlier_run(connection: Connection, artifact: Artifact) -> Run | None:
    """The run of this connection that took the file and did not fail."""
    ended_badly = (Run.State.FAILED, Run.State.CANCELLED)
    links = RunArtifact.objects.for_tenant(connection.tenant).filter(
        artifact=artifact, run__connection=connection, role=RunArtifact.Role.INPUT
    )
    ended_well_or_active = links.exclude(run__state__in=ended_badly)
    link = ended_well_or_active.select_related("run__tenant", "run__connection__tenant").order_by("-pk").first()
    return link.run if link else None
