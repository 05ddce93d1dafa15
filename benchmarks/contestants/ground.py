"""What every contestant stands on: tables, the tenant, a run to point at, and the rows as values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from django.core.management import call_command
from pydantic import ValidationError

from benchmarks.app.pipelines import StripeInvoice, columns, pages
from benchmarks.data import Corpus
from ingestion import actions
from ingestion.models import Connection, Run
from ingestion.testing import make_tenant

Work = Callable[[], int]
BATCH = 1000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENGINE_COLUMNS = ("tenant_id", "run_id", "digest", "loaded_at")


def empty_tables() -> None:
    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)


def connection() -> Connection:
    return actions.connect(actions.Actor(), make_tenant(), "benchmark.invoices")


def run_id() -> int:
    """A run that the rows can point at, as their foreign key demands."""
    run = Run.unscoped.order_by("pk").first() or actions.run_now(actions.Actor(), connection(), wake=False)
    return int(run.pk)


def validated(corpus: Corpus) -> Callable[[], Iterator[list[dict[str, Any]]]]:
    """What a careful program without an engine does: parse each page, validate each record, leave out what fails."""
    pages.open(corpus)
    return lambda: (list(_valid(body)) for body in pages)


def _valid(body: bytes) -> Iterator[dict[str, Any]]:
    for item in orjson.loads(body)["data"]:
        try:
            yield columns(StripeInvoice.model_validate(item))
        except ValidationError:
            continue


def with_engine_columns(row: dict[str, Any], tenant: int, run: int) -> dict[str, Any]:
    """`row` with the columns of `Ingested` as well, which the raw driver and SQLAlchemy fill beforehand."""
    digest = hashlib.sha256(row["external_id"].encode()).digest()[:16]
    return {"tenant_id": tenant, "run_id": run, "digest": digest, "loaded_at": NOW, **row}
