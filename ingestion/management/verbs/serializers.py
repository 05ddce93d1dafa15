"""Rows of the engine's tables as plain values, the same for text and JSON. Payloads are never among them."""

from __future__ import annotations

from typing import Any

from ingestion import endpoints, scheduling
from ingestion.core.errors import IngestionError
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Rejected
from ingestion.dead_letters import causes
from ingestion.models import (
    Artifact,
    Connection,
    Credential,
    DeadLetter,
    Delivery,
    Event,
    ReconciledPeriod,
    Run,
    Tenant,
    Watermark,
)

Described = dict[str, Any]


def tenant(row: Tenant) -> Described:
    return {name: getattr(row, name) for name in ("key", "name", "tier", "time_zone", "created_at")}


def pipeline(value: Pipeline) -> Described:
    return {
        "name": value.name,
        "title": value.title,
        "schedule": str(value.schedule) if value.schedule else None,
        "catch_up": value.catch_up,
        "source": type(value.source).__name__,
        "version": value.version,
        "tenants": sorted(value.tenants) if value.tenants is not None else None,
    }


def connection(row: Connection) -> Described:
    return {
        "id": row.pk,
        "tenant": row.tenant.key,
        "pipeline": row.pipeline,
        "name": row.name,
        "public_id": row.public_id,
        "address": endpoints.path_of(row),
        "schedule": schedule(row)["schedule"],
        "next_due": row.next_due,
        "paused_at": row.paused_at,
        "paused_reason": row.paused_reason,
    }


def schedule(row: Connection) -> Described:
    """In words; why not, where it cannot be read."""
    try:
        schedule_in_force = scheduling.schedule_of(row)
    except IngestionError as error:
        return {"schedule": f"unreadable: {error}", "json": row.schedule}
    why = scheduling.why_on_request(row)
    return {"schedule": str(schedule_in_force) if schedule_in_force else f"on request: {why}", "json": row.schedule}


def overdue(overdue_connection: scheduling.Overdue) -> Described:
    return {
        **connection(overdue_connection.connection),
        "since": overdue_connection.since,
        "reason": overdue_connection.reason,
    }


def credential(row: Credential) -> Described:
    """The credential's metadata; its values are never shown."""
    names = ("integration", "version", "last_four", "expires_at", "rotated_at", "updated_at")
    return {"tenant": row.tenant.key, **{name: getattr(row, name) for name in names}}


_RUN = (
    "kind", "parent_id", "state", "read", "ok", "skipped", "dead", "skip_reasons", "left_out", "proofs",
    "batches", "attempts", "window_start", "window_end",
    "watermark_before", "watermark_after", "error_class", "error_message", "host", "created_at", "not_before",
    "started_at", "finished_at",
)  # fmt: skip


def run(row: Run) -> Described:
    owner = {"tenant": row.tenant.key, "pipeline": row.pipeline, "name": row.connection.name}
    return {"id": row.pk, **owner, **{name: getattr(row, name) for name in _RUN}}


def event(row: Event) -> Described:
    return {"at": row.at, "name": row.name, "text": row.text, "data": row.data}


_LETTER = (
    "status", "stage", "error_class", "source_id", "position", "times_seen", "replay_attempts",
    "first_seen", "last_seen", "replayed_at", "fingerprint", "note", "correlation_id",
)  # fmt: skip


def dead_letter(row: DeadLetter) -> Described:
    values = {name: getattr(row, name) for name in _LETTER}
    owner = {"tenant": row.tenant.key, "pipeline": row.pipeline, "name": row.connection.name}
    runs = {"run": row.run_id, "replay_run": row.replay_run_id}
    return {"id": row.pk, **owner, **values, **runs, "why": causes.cause(row.errors), "errors": row.errors}


def rejection(row: Run) -> str:
    """The first record that the run rejected, with its reason and its letter; '' where none of them is open."""
    if not row.dead or (first := causes.first_open_of(row)) is None:
        return ""
    where = first.position or first.source_id or "a record"
    return f"{where}: {causes.cause(first.errors, 300)} (dead letter {first.pk})"


_DELIVERY = ("delivery_id", "state", "size", "content_type", "sha256", "received_at", "done_at", "note")


def delivery(row: Delivery) -> Described:
    values = {name: getattr(row, name) for name in _DELIVERY}
    owner = {"tenant": row.tenant.key, "pipeline": row.connection.pipeline, "name": row.connection.name}
    return {"id": row.pk, **owner, **values, "run": row.run_id}


_PERIOD = (
    "start", "end", "group", "state", "cause", "reason", "declared_count", "declared_sum", "stored_count", "stored_sum",
    "difference", "missing_count", "missing", "extra_count", "extra", "differing_count", "differing", "checked_at",
)  # fmt: skip


def reconciliation(row: ReconciledPeriod) -> Described:
    values = {name: getattr(row, name) for name in _PERIOD}
    owner = {"tenant": row.tenant.key, "pipeline": row.connection.pipeline, "name": row.connection.name}
    return {"id": row.pk, **owner, **values, "resync": row.resync_id}


def artifact(row: Artifact) -> Described:
    values = {name: getattr(row, name) for name in ("kind", "sha256", "size", "stored_size", "path", "created_at")}
    return {"id": row.pk, "tenant": row.tenant.key, **values}


def watermark(row: Watermark) -> Described:
    return {"value": row.value, "run": row.run_id, "reason": row.reason, "created_at": row.created_at}


def rejected(refused_record: Rejected) -> Described:
    return {
        "key": refused_record.record.key,
        "position": refused_record.record.position,
        "stage": str(refused_record.stage),
        "error_class": refused_record.error_class,
        "errors": [
            {"path": error.path, "code": error.code, "message": error.message} for error in refused_record.errors
        ],
    }
