"""What an operator can do about the shape of what a source delivers: accept the new one."""

from __future__ import annotations

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
    actor.require("accept_shape", connection.tenant)
    if not reason:
        raise ActionRefused("Say why the new shape is accepted; the reason is kept in the audit trail.")
    with transaction.atomic():
        rows = KnownShape.objects.for_tenant(connection.tenant).filter(connection=connection)
        row = rows.select_for_update().first()
        if row is None or row.pending is None:
            raise ActionRefused(f"No changed shape of {connection} waits to be accepted.")
        if version is not None and row.version != version:
            raise ActionRefused("The shape has changed since you looked at it. Look again, then accept.")
        now = timezone.now()
        rows.update(
            version=F("version") + 1,
            shape=row.pending,
            changed_at=now,
            accepted_at=now,
            accepted_by=actor.name[:200],
            pending=None,
            pending_changes=[],
            pending_run=None,
            pending_since=None,
        )
        paths = [str(one.get("path", "")) for one in row.pending_changes]
        actor.audit(connection.tenant, "accept shape", connection, reason, run=row.pending_run_id, paths=paths)
    row.refresh_from_db()
    return row
