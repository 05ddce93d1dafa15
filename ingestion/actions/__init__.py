"""All an operator may do, each once: permission check and audit inside, the same for admin, commands and code."""

from ingestion.actions.actor import Actor
from ingestion.actions.connections import configure, connect, pause, resume, rewind, run_now
from ingestion.actions.letters import Selection, abandon, replay, replayable, triage
from ingestion.actions.previews import preview
from ingestion.actions.runs import cancel, retry
from ingestion.actions.tenants import add_tenant, grant
from ingestion.actions.uploads import Received, upload

__all__ = [
    "Actor",
    "Received",
    "Selection",
    "abandon",
    "add_tenant",
    "cancel",
    "configure",
    "connect",
    "grant",
    "pause",
    "preview",
    "replay",
    "replayable",
    "resume",
    "retry",
    "rewind",
    "run_now",
    "triage",
    "upload",
]
