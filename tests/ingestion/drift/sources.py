"""Builders: a pipeline over records whose shape changes from run to run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ingestion import Context, OnDrift, Pipeline
from ingestion.models import Event, KnownShape, Run, Tenant
from ingestion.testing import Records, registered
from tests.ingestion.runs import carry, items, over, queued

LOOSE = ["id", "amount"]


def batch(start: int, count: int = 30, **values: Any) -> list[dict[str, Any]]:
    """Records of which none came before."""
    return [{**one, "id": f"rec_{start + number}", **values} for number, one in enumerate(items(count))]


def watched(records: Sequence[Any], mode: str = "stop", **changes: Any) -> Pipeline:
    return over(records, drift=mode, **changes)


def run(records: Sequence[Any], tenant: Tenant, mode: str = "stop", **changes: Any) -> Run:
    with registered(watched(records, mode, **changes)) as pipeline:
        return carry(queued(pipeline, tenant))


@contextmanager
def learned(tenant: Tenant, mode: str = "stop", **values: Any) -> Iterator[KnownShape]:
    run(batch(1, **values), tenant, mode)
    yield known(tenant)


def known(tenant: Tenant) -> KnownShape:
    return KnownShape.objects.for_tenant(tenant).get()


def notes(run: Run) -> list[tuple[str, str]]:
    rows = Event.objects.for_tenant(run.tenant_id).filter(run=run, name__in=("drift", "shape"))
    return list(rows.order_by("pk").values_list("name", "text"))


@dataclass(frozen=True, slots=True)
class Vital:
    """Records of which some fields must never drift."""

    records: Records
    answer: OnDrift

    def extract(self, ctx: Context, checkpoint: Any) -> Any:
        return self.records.extract(ctx, checkpoint)

    def on_drift(self, ctx: Context) -> OnDrift:
        return self.answer


def vital(records: Sequence[Any], *paths: str) -> Pipeline:
    source = Vital(Records(records, page_size=100), OnDrift("note", frozenset(paths)))
    return dataclasses.replace(over(records), source=source)
