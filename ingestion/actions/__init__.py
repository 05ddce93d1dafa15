"""All an operator may do, each once: permission check and audit inside, the same for admin, commands and code."""

from ingestion.actions.actor import Actor
from ingestion.actions.backfills import backfill, require_windowed, shards_of
from ingestion.actions.connections import configure, connect, connections_of, pause, resume, rewind, run_now
from ingestion.actions.credentials import (
    delete_credential,
    expire_credential,
    rotate_keys,
    set_credential,
    test_connection,
)
from ingestion.actions.dead_letters import (
    Selection,
    abandon,
    dry_run_replay,
    reopen,
    replay,
    replayable,
    settle,
    triage,
)
from ingestion.actions.deliveries import abandon_delivery, deliver
from ingestion.actions.hold_offs import end_hold_off
from ingestion.actions.previews import preview
from ingestion.actions.quotas import end_override, override_quota
from ingestion.actions.reconciliations import reconcile, resync
from ingestion.actions.runs import cancel, retry
from ingestion.actions.schedules import set_schedule, set_time_zone
from ingestion.actions.shapes import accept_shape, dismiss_shape
from ingestion.actions.tenants import add_tenant, grant
from ingestion.actions.uploads import Received, upload

__all__ = [
    "Actor",
    "Received",
    "Selection",
    "abandon",
    "abandon_delivery",
    "accept_shape",
    "add_tenant",
    "backfill",
    "cancel",
    "configure",
    "connect",
    "connections_of",
    "delete_credential",
    "deliver",
    "dismiss_shape",
    "dry_run_replay",
    "end_hold_off",
    "end_override",
    "expire_credential",
    "grant",
    "override_quota",
    "pause",
    "preview",
    "reconcile",
    "reopen",
    "replay",
    "replayable",
    "require_windowed",
    "resume",
    "resync",
    "retry",
    "rewind",
    "rotate_keys",
    "run_now",
    "set_credential",
    "set_schedule",
    "set_time_zone",
    "settle",
    "shards_of",
    "test_connection",
    "triage",
    "upload",
]
