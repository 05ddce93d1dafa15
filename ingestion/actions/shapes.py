"""What an operator can do about a changed shape of what a source delivers: accept the new one, or dismiss it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ingestion.actions.actor import Actor
from ingestion.core.errors import ActionRefused
from ingestion.models import Connection, KnownShape


def accept_shape(actor: Actor, connection: Connection, reason: str, *, version: int | None = None) -> KnownShape:
    """Make the pending shape of `connection` the accepted one; a retry of the run that it stopped then goes through.

    `version`: the one that was looked at. Raises ActionRefused without a reason, when nothing is pending, or when it
    has changed since.
    """
    with transaction.atomic():
        row, now = _pending(actor, connection, reason, version), timezone.now()
        accepted = {"shape": row.pending, "changed_at": now, "accepted_at": now, "accepted_by": actor.name[:200]}
        return _settle(actor, row, "accept shape", reason, accepted)


def dismiss_shape(actor: Actor, connection: Connection, reason: str, *, version: int | None = None) -> KnownShape:
    """Forget the pending shape of `connection` and keep the accepted one.

    A run that finds it again stops again; one over deliveries, which never stops, notes it again.

    `version` and what is raised: as for `accept_shape`.
    """
    with transaction.atomic():
        return _settle(actor, _pending(actor, connection, reason, version), "dismiss shape", reason, {})


def _pending(actor: Actor, connection: Connection, reason: str, version: int | None) -> KnownShape:
    """The connection's row, locked, with a shape that waits and is the one that was looked at."""
    actor.require("accept_shape", connection.tenant)
    if not reason:
        raise ActionRefused("Say why; the reason is kept in the audit trail.")
    rows = KnownShape.objects.for_tenant(connection.tenant).filter(connection=connection)
    row = rows.select_for_update().first()
    if row is None or row.pending is None:
        raise ActionRefused(f"No changed shape of {connection} waits to be accepted or dismissed.")
    if version is not None and row.version != version:
        raise ActionRefused("The shape has changed since you looked at it. Look again, then decide.")
    return row


def _settle(actor: Actor, row: KnownShape, action: str, reason: str, values: dict[str, Any]) -> KnownShape:
    KnownShape.objects.for_tenant(row.tenant_id).filter(pk=row.pk).update(
        **values,
        version=F("version") + 1,
        pending=None,
        pending_changes=[],
        pending_run=None,
        pending_since=None,
    )
    paths = [str(change.get("path", "")) for change in row.pending_changes]
    actor.audit(row.tenant, action, row.connection, reason, run=row.pending_run_id, paths=paths)
    row.refresh_from_db()
    return row
