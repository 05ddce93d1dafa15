"""What every contestant stands on: the tenant, its connection, a run to point at, and the rows as values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
from django.core.management import call_command
from pydantic import ValidationError

from benchmarks.app.models import Invoice
from benchmarks.app.pipelines import StripeInvoice, columns, pages
from ingestion import actions
from ingestion.models import Connection, Run
from ingestion.testing import make_tenant

BATCH = 1000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = (
    "tenant_id", "run_id", "digest", "loaded_at",
    "external_id", "number", "customer", "email", "country", "status", "currency",
    "amount_due", "amount_paid", "tax", "billed_at", "due_at",
)  # fmt: skip


def migrate() -> None:
    call_command("migrate", verbosity=0, run_syncdb=False)
    call_command("flush", verbosity=0, interactive=False)


def connection() -> Connection:
    return actions.connect(actions.Actor(), make_tenant(), "benchmark.invoices")


def run_id() -> int:
    """A run that the rows can point at, as their foreign key demands."""
    known = Run.unscoped.order_by("pk").first()
    if known is None:
        known = actions.run_now(actions.Actor(), connection(), hint=False)
    return int(known.pk)


def validated(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """What a careful program without an engine does: parse the page, validate each record, leave out what fails."""
    pages.open(folder)
    cursor = None
    while True:
        body, cursor = pages(None, cursor)
        yield list(valid_rows(body))
        if cursor is None:
            return


def valid_rows(body: bytes) -> Iterator[dict[str, Any]]:
    for item in orjson.loads(body)["data"]:
        try:
            yield columns(StripeInvoice.model_validate(item))
        except ValidationError:
            continue


def stored_values(rows: list[dict[str, Any]], owner: tuple[int, int]) -> list[tuple[Any, ...]]:
    """`rows` as the raw driver takes them, in the order of NAMES, with the engine's own columns."""
    tenant, run = owner
    return [
        (tenant, run, hashlib.sha256(row["external_id"].encode()).digest()[:16], NOW.replace(tzinfo=None), *_plain(row))
        for row in rows
    ]


def _plain(row: dict[str, Any]) -> Iterator[Any]:
    for name in NAMES[4:]:
        value = row[name]
        if isinstance(value, datetime):
            yield value.astimezone(UTC).replace(tzinfo=None)
        else:
            yield value


def upsert_sql(vendor: str) -> str:
    """The statement a program would write by hand for this table."""
    table, marks = Invoice._meta.db_table, ", ".join(["%s" if vendor == "mysql" else "?"] * len(NAMES))
    into = f"INSERT INTO {table} ({', '.join(NAMES)}) VALUES ({marks})"
    updates = [name for name in NAMES if name not in ("tenant_id", "external_id")]
    if vendor == "mysql":
        return f"{into} ON DUPLICATE KEY UPDATE " + ", ".join(f"{name} = VALUES({name})" for name in updates)
    changes = ", ".join(f"{name} = excluded.{name}" for name in updates)
    return f"{into} ON CONFLICT (tenant_id, external_id) DO UPDATE SET {changes}"


def keys_of(folder: Path) -> list[str]:
    pages.open(folder)
    held = pages.held or []
    return [str(item["id"]) for body in held for item in msgspec.json.decode(body)["data"]]
