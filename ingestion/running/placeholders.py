"""Placeholders of a dry run for the rows that a run would have: its connection, the run itself, uploaded files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, models, transaction

from ingestion.core.context import Context, File
from ingestion.core.pipeline import Pipeline
from ingestion.core.windows import Window, next_window
from ingestion.database.clock import read_db_now
from ingestion.models import Artifact, Connection, Run, Tenant, Watermark
from ingestion.running.execution import outside_a_run


class PlaceholderRows:
    """The rows that loaded rows point at: inserted and rolled back with every page, under the same ids each time.

    The ids come from a first, rolled-back insert. MariaDB and PostgreSQL never give them out again; on SQLite another
    process may take one meanwhile, and the dry run then fails on it and can simply be started again.
    """

    def __init__(
        self,
        tenant: Tenant,
        pipeline: Pipeline,
        name: str,
        files: Sequence[tuple[str, bytes]] = (),
        kind: Run.Kind = Run.Kind.MANUAL,
    ) -> None:
        connection = Connection.objects.for_tenant(tenant).filter(pipeline=pipeline.name, name=name).first()
        self.tenant = tenant
        self.pipeline = pipeline
        self.now = read_db_now()
        kind = Run.Kind.UPLOAD if files else kind
        self.window = self._window(connection, pipeline) if kind == Run.Kind.MANUAL else None
        self.connection = connection or Connection(tenant=tenant, pipeline=pipeline.name, name=name)
        self.run = Run(tenant=tenant, connection=self.connection, pipeline=pipeline.name, kind=kind)
        self._inbox = {hashlib.sha256(data).hexdigest(): (name, data) for name, data in files}
        self._artifacts = {sha256: self._artifact(sha256, len(data)) for sha256, (_, data) in self._inbox.items()}
        rows: list[models.Model] = [self.connection, self.run, *self._artifacts.values()]
        self._new = [row for row in rows if row.pk is None]
        with rolled_back():
            self.insert()

    def insert(self) -> None:
        for row in self._new:
            row.save(force_insert=True)

    def context(self, config: Mapping[str, Any]) -> Context:
        files = {
            File(self._artifacts[sha256].pk, name, sha256, len(data)): data
            for sha256, (name, data) in self._inbox.items()
        }
        return dataclasses.replace(
            outside_a_run(self.pipeline, self.connection, config),
            run_id=self.run.pk,
            now=self.now,
            window=self.window,
            inbox=tuple(files),
            read=files.__getitem__,
            dry_run=True,
        )

    def _window(self, connection: Connection | None, pipeline: Pipeline) -> Window:
        watermark = Watermark.newest_of(connection.pk) if connection else None
        return next_window(watermark, self.now, pipeline.lag)

    def _artifact(self, sha256: str, size: int) -> Artifact:
        artifact = Artifact.objects.for_tenant(self.tenant).filter(kind=Artifact.Kind.FILE, sha256=sha256).first()
        return artifact or Artifact(
            tenant=self.tenant, kind=Artifact.Kind.FILE, sha256=sha256, size=size, stored_size=0
        )


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction on every database that is rolled back: the destination may write to another database than ours."""
    with ExitStack() as stack:
        for alias in connections:
            stack.enter_context(transaction.atomic(using=alias))
        try:
            yield
        finally:
            for alias in connections:
                transaction.set_rollback(True, using=alias)
