"""What an operator can do with a run."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ingestion import deliveries, dispatch, events, queueing
from ingestion.actions.actor import Actor
from ingestion.actions.backfills import start_shards
from ingestion.actions.connections import require_unpaused
from ingestion.core.errors import ActionRefused
from ingestion.core.windows import Window
from ingestion.models import DeadLetter, Run, RunArtifact
from ingestion.running import shards, stalled
from ingestion.running.closing import announce


def cancel(actor: Actor, run: Run, reason: str = "") -> None:
    """End a run: now where it is queued or its process died, else at its next batch boundary.

    Raises ActionRefused when it has ended.

    A backfill is cancelled with all of its shards; a single shard is not.
    """
    actor.require("cancel_run", run.tenant)
    _refuse_shard(run)
    if run.is_backfill:
        _cancel_backfill(actor, run, reason)
        return
    running = Run.objects.for_tenant(run.tenant).filter(pk=run.pk, state=Run.State.RUNNING)
    with transaction.atomic():
        if not end_queued(run, reason):
            if not running.update(cancel_requested=True):
                raise ActionRefused(f"Run {run.pk} has ended already.")
            events.record(run, "cancel requested", reason)
        actor.audit(run.tenant, "cancel", run, reason)
    stalled.release(running)


def end_queued(run: Run, why: str, *, requested: bool = True) -> bool:
    """End a run that no worker has begun, inside the caller's transaction; False where it is not queued.

    Without `requested` no operator stopped the run; it has nothing left to do.
    """
    queued = Run.objects.for_tenant(run.tenant).filter(pk=run.pk, state=Run.State.QUEUED)
    if not queued.update(
        state=Run.State.CANCELLED, finished_at=timezone.now(), cancel_requested=requested, webhook_key=None
    ):
        return False
    transaction.on_commit(lambda: announce(run.pk), robust=True)
    dead_letters = DeadLetter.objects.for_tenant(run.tenant).filter(replay_run=run, status__in=DeadLetter.OPEN)
    dead_letters.update(replay_run=None)
    events.record(run, "cancelled", why)
    return True


def _cancel_backfill(actor: Actor, parent: Run, reason: str) -> None:
    with transaction.atomic():
        if (
            not Run.objects.for_tenant(parent.tenant)
            .filter(pk=parent.pk, state__in=Run.ACTIVE)
            .update(cancel_requested=True)
        ):
            raise ActionRefused(f"Run {parent.pk} has ended already.")
        shard_runs = Run.objects.for_tenant(parent.tenant).filter(parent=parent)
        # Asked first of all of them: a worker that claims one before the next statement stops at its first batch.
        shard_runs.filter(state__in=Run.ACTIVE).update(cancel_requested=True)
        unstarted = shard_runs.filter(state=Run.State.QUEUED).update(
            state=Run.State.CANCELLED, finished_at=timezone.now()
        )
        events.record(parent, "cancel requested", reason, shards_that_waited=unstarted)
        actor.audit(parent.tenant, "cancel", parent, reason)
        transaction.on_commit(lambda: shards.close_if_done(parent.pk), robust=True)
    stalled.release(shard_runs)


def _refuse_shard(run: Run) -> None:
    if run.parent_id is not None:
        raise ActionRefused(f"Run {run.pk} is a shard of backfill {run.parent_id}; do that with the backfill.")


def retry(actor: Actor, run: Run, reason: str = "", *, wake: bool = True) -> Run:
    """A new run over the same window or inbox as `run`, which must have failed or been cancelled.

    Asked twice for the same run it gives the same one back: a second click, or a second operator, repeats nothing.
    Once that one has failed too, it is the one to retry. Of a backfill only the shards are repeated that failed or were
    cancelled; one that has begun, and whose processes died, is given back itself, to go on with the shards that are
    left. Without `wake` no worker is told; the caller executes the run itself.
    """
    actor.require("run_connection", run.tenant)
    _refuse_shard(run)
    if run.is_backfill and run.state == Run.State.RUNNING:
        return _continue_backfill(actor, run, reason, wake)
    if run.state not in (Run.State.FAILED, Run.State.CANCELLED):
        raise ActionRefused(
            f"Run {run.pk} is {run.get_state_display().lower()}; only failed and cancelled runs are retried."
        )
    if run.kind == Run.Kind.REPLAY:
        raise ActionRefused("Replay the dead letters again instead; those still open were released.")
    require_unpaused(run.connection)
    if run.kind == Run.Kind.WEBHOOK:
        return _take_deliveries(actor, run, reason, wake)
    if run.is_backfill:
        return _retry_backfill(actor, run, reason, wake=wake)
    runs = Run.objects.for_tenant(run.tenant)
    with transaction.atomic():
        runs.select_for_update().get(pk=run.pk)  # a second request waits here, then finds the new run
        earlier = runs.filter(retry_of=run).first()
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
        if wake:
            dispatch.wake(again)
    return again


def _continue_backfill(actor: Actor, parent: Run, reason: str, wake: bool) -> Run:
    """The backfill itself, its shards queued again whose processes died. Raises ActionRefused while one is at work."""
    require_unpaused(parent.connection)
    shard_runs = Run.objects.for_tenant(parent.tenant).filter(parent=parent)
    stalled.release(shard_runs)
    if shard_runs.filter(state=Run.State.RUNNING).exists():
        raise ActionRefused(f"Run {parent.pk} is running: shards of it are at work. Cancel it, or wait for its end.")
    with transaction.atomic():
        events.record(parent, "note", f"goes on, asked for by {actor.name}")
        actor.audit(parent.tenant, "retry", parent, reason, run=parent.pk)
        if wake:
            for shard in shards.next_shards(parent):
                queueing.wake(shard.pk, shard.tenant.tier, shard.fence)
    return parent


def _not_ended_badly(run: Run, again: Run) -> Run:
    if again.state in (Run.State.FAILED, Run.State.CANCELLED):
        ended = again.get_state_display().lower()
        raise ActionRefused(f"Run {run.pk} was retried as run {again.pk}, which is {ended}: retry run {again.pk}.")
    return again


def _take_deliveries(actor: Actor, run: Run, reason: str, wake: bool) -> Run:
    """Deliveries belong to their connection: its next run takes them, and need not wait any longer."""
    with transaction.atomic():
        again = deliveries.run_at_once(run.connection, wake=wake)
        if again is None:
            raise ActionRefused("A run is taking the deliveries in already.")
        events.record(again, "queued", f"at once, asked for by {actor.name}")
        actor.audit(run.tenant, "retry", run, reason, run=again.pk)
    return again


def _retry_backfill(actor: Actor, ended: Run, reason: str, *, wake: bool) -> Run:
    """A new parent over the windows that `ended` left open, each read from its beginning: loading is idempotent."""
    runs = Run.objects.for_tenant(ended.tenant)
    unfinished = ended.shards.filter(state__in=(Run.State.FAILED, Run.State.CANCELLED)).order_by("pk")
    windows = [
        Window(start, end) for start, end in unfinished.values_list("window_start", "window_end") if start and end
    ]
    if not windows:
        raise ActionRefused(f"Every shard of run {ended.pk} has ended well; there is nothing to repeat.")
    params = {name: ended.params[name] for name in ("shard", "parallel")}
    with transaction.atomic():
        runs.select_for_update().get(pk=ended.pk)  # a second request waits here, then finds the new run
        earlier = runs.filter(retry_of=ended).first()
        if earlier is not None:
            return _not_ended_badly(ended, earlier)
        again = start_shards(actor, ended.connection, windows, params, ended.params.get("config"), wake=wake)
        runs.filter(pk=again.pk).update(retry_of=ended)
        events.record(again, "note", f"retry of run {ended.pk}")
        actor.audit(ended.tenant, "retry", ended, reason, run=again.pk, shards=len(windows))
    return again
