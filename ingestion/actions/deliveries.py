"""Store deliveries of a sender that the caller has authenticated; abandon deliveries that no run takes in."""

from __future__ import annotations

import hashlib
import logging

from django.db import IntegrityError, transaction

from ingestion import deliveries
from ingestion.actions.actor import Actor
from ingestion.actions.runs import end_queued
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import ActionRefused, PayloadTooLarge
from ingestion.core.ingestion_modes import require_deliveries
from ingestion.core.text import short, storable
from ingestion.database.clock import DbNow
from ingestion.models import Connection, Delivery, Run

logger = logging.getLogger("ingestion")
_LONGEST = 191


def deliver(
    connection: Connection, delivery_id: str, body: bytes, *, content_type: str = "", wake: bool = True
) -> bool:
    """Store a delivery and queue the run that takes it in, in one transaction; False when it was stored before.

    Safe to repeat: answer the sender only after it has returned. A paused connection's deliveries wait. Without a
    `delivery_id` the body's hash stands for it. The same id with other bytes is not trusted to be the same: it is kept
    as a delivery of its own, under the id with a hash behind it and with a note, and taken in after the first.
    Before anything is stored it raises UnknownPipeline, TenantNotServed, DeliveriesNotTaken (its source takes none) or
    PayloadTooLarge; besides, what the database raises when it is not available.
    """
    pipeline = registry.get(connection.pipeline)
    pipeline.require_served(connection.tenant.key)
    require_deliveries(pipeline)
    limit = config().MAX_DELIVERY_BYTES
    if len(body) > limit:
        raise PayloadTooLarge(
            f'The delivery has {len(body)} bytes; the limit is {limit} (INGESTION["MAX_DELIVERY_BYTES"]).'
        )
    sha256 = hashlib.sha256(body).hexdigest()
    key = short(delivery_id, _LONGEST) or f"sha256:{sha256}"
    new = Delivery(
        tenant_id=connection.tenant_id,
        connection=connection,
        delivery_id=key,
        body=body,
        sha256=sha256,
        size=len(body),
        content_type=storable(content_type, 100),
    )
    stored_hash = _find_stored_hash(connection, key) or _store(new, wake)
    if stored_hash is None:
        return True
    if stored_hash == sha256:
        return False
    new.delivery_id = f"{key[: _LONGEST - 17]}~{sha256[:16]}"
    new.note = f"Came under the id {key[:200]}, which an earlier delivery has with other bytes."
    stored = (_find_stored_hash(connection, new.delivery_id) or _store(new, wake)) is None
    if stored:
        logger.warning(
            "delivery id used twice",
            extra={"tenant_id": connection.tenant_id, "pipeline": connection.pipeline, "event": "delivery_id_reused"},
        )
    return stored


def abandon_delivery(actor: Actor, delivery: Delivery, reason: str) -> None:
    """Give up a waiting delivery that no run can take in, or should. The run that waits for it alone ends.

    Its bytes stay until `ingest sweep` deletes them, and what comes with its id until then is a repetition of it.
    Raises ActionRefused without a reason, where it waits no more, and while a run is taking deliveries in.
    """
    actor.require("triage_deadletter", delivery.tenant)
    if not reason:
        raise ActionRefused("Say why this delivery is given up; the reason is kept with it.")
    with transaction.atomic():
        waiting_runs = Run.objects.for_tenant(delivery.tenant).filter(webhook_key=delivery.connection_id)
        run = waiting_runs.select_for_update().first()  # locked, so that no worker claims it meanwhile
        if run is not None and run.state == Run.State.RUNNING:
            raise ActionRefused(f"Run {run.pk} is taking deliveries in; wait for its end, or cancel it first.")
        waiting = deliveries.pending(delivery.connection_id).filter(tenant_id=delivery.tenant_id)
        given_up = {"state": Delivery.State.ABANDONED, "done_at": DbNow(), "note": storable(reason, 300)}
        if not waiting.filter(pk=delivery.pk).update(**given_up):
            raise ActionRefused(f"Delivery {delivery.pk} does not wait any more.")
        if run is not None and not waiting.exists():
            end_queued(run, "no delivery is left to take in", requested=False)
        actor.audit(delivery.tenant, "abandon", delivery, reason)


def _store(new: Delivery, wake: bool) -> str | None:
    """Insert `new` together with its run; when another process stored its id meanwhile, the hash it has there."""
    try:
        with transaction.atomic():
            new.save(force_insert=True)
            deliveries.ensure_run(new.connection, wake=wake)
        return None
    except IntegrityError:
        new.pk = None
        stored_hash = _find_stored_hash(new.connection, new.delivery_id, lock=True)
        if stored_hash is None:
            raise
        return stored_hash


def _find_stored_hash(connection: Connection, delivery_id: str, *, lock: bool = False) -> str | None:
    """The hash of the stored delivery of that id. With `lock` also one committed after our own transaction began."""
    deliveries_of_id = Delivery.unscoped.filter(connection=connection, delivery_id=delivery_id)
    if not lock:
        return deliveries_of_id.values_list("sha256", flat=True).first()
    with transaction.atomic():
        return deliveries_of_id.select_for_update().values_list("sha256", flat=True).first()
