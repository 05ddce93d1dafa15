"""What an operator can do with a run."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ingestion import deliveries, events, turns
from ingestion.actions.actor import Actor
from ingestion.actions.connections import require_unpaused
from ingestion.core.errors import ActionRefused
from ingestion.models import DeadLetter, Run, RunArtifact
from ingestion.running.closing import announce


def cancel(actor: Actor, run: Run, reason: str = "") -> None:
    """End a queued run now, a running one at its next batch boundary. Raises ActionRefused when it has ended."""
    actor.require("cancel_run", run.tenant)
    mine = Run.objects.for_tenant(run.tenant).filter(pk=run.pk)
    with transaction.atomic():
        at_once = mine.filter(state=Run.State.QUEUED).update(
            state=Run.State.CANCELLED, finished_at=timezone.now(), cancel_requested=True, webhook_key=None
        )
        if not at_once and not mine.filter(state=Run.State.RUNNING).update(cancel_requested=True):
            raise ActionRefused(f"Run {run.pk} has ended already.")
        if at_once:
            transaction.on_commit(lambda: announce(run.pk), robust=True)
            DeadLetter.objects.for_tenant(run.tenant).filter(replay_run=run, status__in=DeadLetter.OPEN).update(
                replay_run=None
            )
        events.record(run, "cancelled" if at_once else "cancel requested", reason)
        actor.audit(run.tenant, "cancel", run, reason)


def retry(actor: Actor, run: Run, reason: str = "", *, hint: bool = True) -> Run:
    """A new run over the same window or inbox as `run`, which must have failed or been cancelled.

    Asked twice for the same run it gives the same one back: a second click, or a second operator, repeats nothing.
    Once that one has failed too, it is the one to retry. Without `hint` no worker is told; the caller executes the run
    itself.
    """
    actor.require("run_connection", run.tenant)
    if run.state not in (Run.State.FAILED, Run.State.CANCELLED):
        raise ActionRefused(
            f"Run {run.pk} is {run.get_state_display().lower()}; only failed and cancelled runs are retried."
        )
    if run.kind == Run.Kind.REPLAY:
        raise ActionRefused("Replay the dead letters again instead; those still open were released.")
    require_unpaused(run.connection)
    if run.kind == Run.Kind.WEBHOOK:
        return _take_deliveries(actor, run, reason, hint)
    mine = Run.objects.for_tenant(run.tenant)
    with transaction.atomic():
        mine.select_for_update().get(pk=run.pk)  # whoever asks at the same time waits here and finds what we made
        earlier = mine.filter(retry_of=run).first()
        if earlier is not None:
            return _not_ended_badly(run, earlier)
        again = Run.unscoped.create(
            retry_of=run,
            tenant=run.tenant,
            connection=run.connection,
            pipeline=run.pipeline,
            kind=Run.Kind.MANUAL if run.kind == Run.Kind.SCHEDULED else run.kind,
            params=run.params,
            window_start=run.window_start,
            window_end=run.window_end,
            watermark_before=run.watermark_before,
            requested_by_id=actor.user.pk if actor.user else None,
        )
        for link in run.artifact_links.filter(role=RunArtifact.Role.INPUT):
            RunArtifact.unscoped.create(
                tenant=run.tenant, run=again, artifact_id=link.artifact_id, role=link.role, name=link.name
            )
        events.record(again, "queued", f"retry of run {run.pk}, asked for by {actor.name}")
        actor.audit(run.tenant, "retry", run, reason, run=again.pk)
        if hint:
            turns.hint(again)
    return again


def _not_ended_badly(run: Run, again: Run) -> Run:
    if again.state in (Run.State.FAILED, Run.State.CANCELLED):
        ended = again.get_state_display().lower()
        raise ActionRefused(f"Run {run.pk} was retried as run {again.pk}, which is {ended}: retry run {again.pk}.")
    return again


def _take_deliveries(actor: Actor, run: Run, reason: str, hint: bool) -> Run:
    """Deliveries belong to their connection: its next run takes them, and need not wait any longer."""
    with transaction.atomic():
        again = deliveries.run_at_once(run.connection, hint=hint)
        if again is None:
            raise ActionRefused("A run is taking the deliveries in already.")
        events.record(again, "queued", f"at once, asked for by {actor.name}")
        actor.audit(run.tenant, "retry", run, reason, run=again.pk)
    return again
