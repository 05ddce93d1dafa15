"""Deliveries that no run is to take in."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from ingestion import deliveries
from ingestion.conf import config
from ingestion.models import Connection, Delivery, Run


def make_runs() -> list[int]:
    """A run for each connection with deliveries that has none, because whoever should have made it died, or because it
    was paused; whose they are, a tenant's id for each.
    """
    active = Run.unscoped.filter(webhook_key=OuterRef("pk"))
    waiting = Delivery.unscoped.filter(connection=OuterRef("pk"), state=Delivery.State.PENDING)
    found = Connection.unscoped.filter(Exists(waiting), ~Exists(active), paused_at__isnull=True)
    connections = found.select_related("tenant").order_by("pk")[: config().TICK_LIMIT]
    return [connection.tenant_id for connection in connections if deliveries.start_run(connection) is not None]
