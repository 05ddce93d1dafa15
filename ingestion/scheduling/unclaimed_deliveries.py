"""Makes runs for deliveries that no run is going to ingest."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from ingestion import deliveries
from ingestion.conf import config
from ingestion.models import Connection, Delivery, Run


def make_runs() -> list[int]:
    """Make a run for each connection with pending deliveries and no run; return the tenant's id of each run.

    The process that should have made the run has died, or the connection was paused.
    """
    active = Run.unscoped.filter(webhook_key=OuterRef("pk"))
    waiting = Delivery.unscoped.filter(connection=OuterRef("pk"), state=Delivery.State.PENDING)
    unclaimed = Connection.unscoped.filter(Exists(waiting), ~Exists(active), paused_at__isnull=True)
    connections = unclaimed.select_related("tenant").order_by("pk")[: config().TICK_LIMIT]
    return [connection.tenant_id for connection in connections if deliveries.start_run(connection) is not None]
