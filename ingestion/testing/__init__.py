"""Fakes and builders for the tests of your own pipelines; the engine's tests use the same ones."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.test import override_settings

from ingestion import actions, conf, running, scheduling
from ingestion.core import registry
from ingestion.core.context import Context, TenantRef
from ingestion.core.errors import UnknownPipeline
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Json, Page, Record
from ingestion.core.windows import Window
from ingestion.models import Run, Tenant
from ingestion.testing.executing import execute
from ingestion.testing.serving import Answer, Request, Server, serving

__all__ = [
    "Answer",
    "Records",
    "Request",
    "Server",
    "context",
    "execute",
    "make_tenant",
    "own_storage",
    "registered",
    "run_pipeline",
    "serving",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """A source over JSON objects in memory; the checkpoint is how many of them were read."""

    records: Sequence[Mapping[str, Any]]
    page_size: int = 100
    key: str = "id"
    declares: Mapping[str, Decimal] = field(default_factory=dict)
    """Control totals over all of the records."""
    error: Exception | None = None
    """Raised after the last page, as a source does that fails half-way."""
    time: str = ""
    """Names each record's own ISO time: then only those inside the run's window are delivered."""
    ahead: bool = False
    """Whether a page is fetched while the one before it is loaded."""
    files: bool = False
    """Takes uploads, and does not look at them."""

    def reads_windows(self, ctx: Context) -> bool:
        return bool(self.time)

    def takes_files(self) -> bool:
        return self.files

    def reads_ahead(self, ctx: Context) -> bool:
        return self.ahead

    def totals_of(self, ctx: Context) -> Collection[str]:
        return self.declares.keys()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        start, records = int(checkpoint or 0), self._inside(ctx.window)
        for first in range(start, len(records), self.page_size):
            part = records[first : first + self.page_size]
            totals = {name: total if first == 0 else Decimal() for name, total in self.declares.items()}
            page = [self._record(first + index, value) for index, value in enumerate(part)]
            yield Page(page, first + len(part), declares=totals)
        if self.error is not None:
            raise self.error

    def _inside(self, window: Window | None) -> Sequence[Mapping[str, Any]]:
        if not self.time or window is None:
            return self.records
        timed = [(datetime.fromisoformat(str(record[self.time])), record) for record in self.records]
        return [record for moment, record in timed if window.start <= moment < window.end]

    def _record(self, number: int, value: Mapping[str, Any]) -> Record:
        return Record(str(value.get(self.key, "")), json.dumps(value, default=str).encode(), f"record {number}")


@contextmanager
def registered(pipeline: Pipeline) -> Iterator[Pipeline]:
    """`pipeline` under its name for the duration of a `with` block, also in the place of the one known so far."""
    try:
        replaced = registry.get(pipeline.name)
    except UnknownPipeline:
        replaced = None
    registry.unregister(pipeline.name)
    registry.register(pipeline)
    try:
        yield pipeline
    finally:
        registry.unregister(pipeline.name)
        if replaced is not None:
            registry.register(replaced)


def context(tenant: str = "acme", *, pipeline: str = "tests", now: datetime | None = None, **parts: Any) -> Context:
    """A context for calling a transform or a source by itself: there is no run, and no database is asked.

    `parts` are others of Context's fields, such as config={"shop": "a"} or credential=lambda: Secret({"key": "x"}).
    `now` is the moment at which the run would have been made; the real one when it is left out.
    """
    return Context(TenantRef(1, tenant), pipeline, 1, now or datetime.now(UTC), **parts)


@contextmanager
def own_storage() -> Iterator[Storage]:
    """The files of runs are kept in memory for the duration of a `with` block, and gone after it.

    `run_pipeline` does so by itself; a test that looks at stored files after it, or uploads, does so around all of it.
    """
    alias = conf.config().STORAGE
    if alias in _in_memory_aliases:
        yield storages[alias]
        return
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    _in_memory_aliases.append(alias)
    try:
        with override_settings(STORAGES={**settings.STORAGES, alias: in_memory}):
            yield storages[alias]
    finally:
        _in_memory_aliases.remove(alias)


_in_memory_aliases: list[str] = []
"""Aliases that `own_storage` stands for at this moment."""


def run_pipeline(
    pipeline: Pipeline,
    tenant: Tenant | None = None,
    *,
    records: Sequence[Mapping[str, Any]] | None = None,
    file: tuple[str, bytes] | None = None,
    config: dict[str, Any] | None = None,
    now: datetime | None = None,
) -> Run:
    """Execute one run of `pipeline` in this process and return the `Run` as it stands afterwards.

    `records` take the place of the pipeline's source; `file` is (name, bytes), taken as an upload. After a transient
    error the run is queued for its next attempt, as in production. `now` is the moment at which the run is made: its
    window ends there, and `ctx.now` says so. Needs a database; files are kept in `own_storage`.
    """
    if records is not None:
        pipeline = dataclasses.replace(pipeline, source=Records(records, files=file is not None))
    actor = actions.Actor()
    with registered(pipeline), own_storage():
        connection = actions.connect(actor, tenant or make_tenant(), pipeline.name)
        if file is not None:
            run = actions.upload(actor, connection, *file, config=config, again=True, wake=False).run
        else:
            run = actions.run_now(actor, connection, config=config, wake=False)
        if now is not None:
            _made_at(run, now)
        running.execute(run.pk)
    run.refresh_from_db()
    return run


def _made_at(run: Run, now: datetime) -> None:
    """As if `run`, which has not started, had been made at `now`."""
    moments: dict[str, Any] = {"created_at": now}
    if run.window_end is not None:
        window, _ = scheduling.window_for(run.connection, now)
        moments |= {"window_start": window.start, "window_end": window.end}
    Run.unscoped.filter(pk=run.pk).update(**moments)


def make_tenant(key: str = "acme", **values: Any) -> Tenant:
    """The tenant `key`, made when it is not there."""
    tenant, _ = Tenant.objects.get_or_create(key=key, defaults={"name": key.title(), **values})
    return tenant
