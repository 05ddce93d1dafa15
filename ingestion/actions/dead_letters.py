"""What an operator can do with dead letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from ingestion import dispatch, events
from ingestion.actions import dead_letters_left_out
from ingestion.actions.actor import Actor
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import ActionRefused
from ingestion.core.text import counted
from ingestion.models import Connection, DeadLetter, Run, Tenant, TenantQuerySet
from ingestion.running import replay_dry_run
from ingestion.running.newer_rows import FORCE
from ingestion.running.replay_dry_run import ReplayReport


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters of one tenant: the same filter in the admin, the command and code."""

    tenant: Tenant
    pipeline: str = ""
    statuses: Sequence[str] = DeadLetter.OPEN
    since: datetime | None = None
    """Last seen at or after."""
    ids: Sequence[int] = ()
    fingerprint: str = ""

    def dead_letters(self) -> TenantQuerySet[DeadLetter]:
        query = DeadLetter.objects.for_tenant(self.tenant).filter(status__in=self.statuses)
        if self.pipeline:
            query = query.filter(pipeline=self.pipeline)
        if self.since:
            query = query.filter(last_seen__gte=self.since)
        if self.ids:
            query = query.filter(pk__in=self.ids)
        if self.fingerprint:
            query = query.filter(fingerprint=self.fingerprint)
        return query


def replayable(selection: Selection) -> TenantQuerySet[DeadLetter]:
    """The open letters of `selection` that no other replay holds."""
    free = Q(replay_run__isnull=True) | ~Q(replay_run__state__in=Run.ACTIVE)
    return selection.dead_letters().filter(free, status__in=DeadLetter.OPEN)


def replay(
    actor: Actor,
    selection: Selection,
    *,
    limit: int | None = None,
    reason: str = "",
    over_newer: bool = False,
    wake: bool = True,
) -> list[Run]:
    """Queue one replay run for each connection with matching letters, oldest letters first.

    A letter is held by at most one replay run: of two operators the first one gets it. Raises ActionRefused when
    nothing matches or a pipeline's code is gone. With `over_newer` rows are overwritten that were written after their
    letter, where no version tells which is newer; otherwise they are left, and the run says so. Without `wake` no
    worker is told; the caller executes the runs itself, a test with `ingestion.testing.execute`.
    """
    actor.require("replay_deadletter", selection.tenant)
    limit = limit or config().REPLAY_LIMIT
    runs: list[Run] = []
    with transaction.atomic():
        oldest = replayable(selection).order_by("last_seen", "pk")
        chosen = list(oldest.values_list("connection_id", "replay_run_id", "pk")[:limit])
        if not chosen:
            raise ActionRefused(dead_letters_left_out.nothing(selection.tenant, selection.ids))
        for connection_id in sorted({connection for connection, _, _ in chosen}):
            letters = [(holder, pk) for connection, holder, pk in chosen if connection == connection_id]
            params = {FORCE: True} if over_newer else {}
            run = _queue_replay(actor, selection.tenant, connection_id, letters, reason, params)
            if wake:
                dispatch.wake(run)
            runs.append(run)
    return runs


def dry_run_replay(
    actor: Actor, selection: Selection, *, limit: int | None = None, over_newer: bool = False
) -> list[ReplayReport]:
    """What `replay` would do to each letter, connection by connection; nothing is written but the audit trail's rows.

    Raises ActionRefused when nothing matches, as `replay` does, and UnknownPipeline when a pipeline's code is gone.
    """
    actor.require("replay_deadletter", selection.tenant)
    oldest = replayable(selection).order_by("last_seen", "pk").values_list("connection_id", "pk")
    chosen: dict[int, list[int]] = defaultdict(list)
    for connection_id, pk in oldest[: limit or config().REPLAY_LIMIT]:
        chosen[connection_id].append(pk)
    if not chosen:
        raise ActionRefused(dead_letters_left_out.nothing(selection.tenant, selection.ids))
    connections = Connection.objects.for_tenant(selection.tenant).select_related("tenant").filter(pk__in=chosen)
    reports = []
    for connection in connections.order_by("pk"):
        ids = chosen[connection.pk]
        actor.audit(selection.tenant, "dry-run replay", connection, dead_letters=len(ids))
        reports.append(replay_dry_run.dry_run_replay(connection, ids, over_newer=over_newer))
    return reports


def _queue_replay(
    actor: Actor,
    tenant: Tenant,
    connection_id: int,
    chosen: Sequence[tuple[int | None, int]],
    reason: str,
    params: Mapping[str, Any],
) -> Run:
    connection = Connection.objects.for_tenant(tenant).select_related("tenant").get(pk=connection_id)
    registry.get(connection.pipeline)
    run = Run.unscoped.create(
        tenant=tenant,
        connection=connection,
        pipeline=connection.pipeline,
        kind=Run.Kind.REPLAY,
        params=params,
        requested_by_id=actor.user.pk if actor.user else None,
    )
    count = sum(
        _assign_letters(tenant, run, holder, [pk for was, pk in chosen if was == holder])
        for holder in {h for h, _ in chosen}
    )
    events.record(run, "queued", f"{counted(count, 'dead letter')}, asked for by {actor.name}")
    actor.audit(tenant, "replay", connection, reason, run=run.pk, dead_letters=count, **params)
    return run


def _assign_letters(tenant: Tenant, run: Run, holder: int | None, ids: Sequence[int]) -> int:
    """Assign letters of `holder` (an ended run or None) to `run`; letters that another run took meanwhile stay."""
    count = 0
    for start in range(0, len(ids), 500):
        available = DeadLetter.objects.for_tenant(tenant).filter(
            pk__in=ids[start : start + 500], replay_run_id=holder, status__in=DeadLetter.OPEN
        )
        count += available.update(replay_run=run)
    return count


def triage(actor: Actor, dead_letter: DeadLetter, note: str) -> None:
    """Mark a letter as looked at, with a note for colleagues."""
    _change(actor, dead_letter, DeadLetter.Status.TRIAGED, "triage", note)


def abandon(actor: Actor, dead_letter: DeadLetter, reason: str) -> None:
    """Give a letter up for a reason. It stays; the same record delivered again only raises its count."""
    if not reason:
        raise ActionRefused("Say why this record is given up; the reason is kept with it.")
    _change(actor, dead_letter, DeadLetter.Status.ABANDONED, "abandon", reason)


def settle(actor: Actor, dead_letter: DeadLetter, reason: str) -> None:
    """Close a letter whose record arrived another way: entered by hand, in a later file, under another id.

    As with one that is given up, the same record delivered again only raises its count.
    """
    if not reason:
        raise ActionRefused("Say how this record arrived; the reason is kept with it.")
    _change(actor, dead_letter, DeadLetter.Status.SETTLED, "settle", reason)


def reopen(actor: Actor, dead_letter: DeadLetter, reason: str) -> None:
    """Open a letter again that was abandoned or settled, by a person or by a load that superseded it.

    It is a new letter again: a replay takes it, and the next good version of its record closes it.
    """
    if not reason:
        raise ActionRefused("Say why this record is wanted after all; the reason is kept with it.")
    _change(actor, dead_letter, DeadLetter.Status.NEW, "reopen", reason, DeadLetter.GIVEN_UP)


def _change(
    actor: Actor,
    dead_letter: DeadLetter,
    status: str,
    action: str,
    text: str,
    before: Sequence[str] = DeadLetter.OPEN,
) -> None:
    """Move a letter on from one of the statuses `before`. Raises ActionRefused where it is in none of them."""
    actor.require("triage_deadletter", dead_letter.tenant)
    with transaction.atomic():
        if (
            not Selection(dead_letter.tenant, ids=[dead_letter.pk], statuses=before)
            .dead_letters()
            .update(status=status, note=text)
        ):
            dead_letter.refresh_from_db(fields=["status"])
            raise ActionRefused(dead_letters_left_out.unchanged(dead_letter.pk, dead_letter.status))
        actor.audit(dead_letter.tenant, action, f"dead letter {dead_letter.pk}", text)
