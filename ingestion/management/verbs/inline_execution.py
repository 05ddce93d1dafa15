"""Carrying runs in this process, and saying how they ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.management.base import CommandError
from django.db.models import Q

from ingestion import dispatch, queueing
from ingestion.core.errors import ErrorBudgetExceeded
from ingestion.core.text import rejections
from ingestion.management.verbs import serializers
from ingestion.management.verbs.arguments import Options
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output, shown_as
from ingestion.management.verbs.stop_signals import stopping
from ingestion.models import Connection, Event, Run, RunArtifact
from ingestion.running import Hooks, execute, stalled
from ingestion.scheduling.waiting import why_unclaimed

COLUMNS = ("id", "tenant", "pipeline", "name", "kind", "state", "read", "ok", "skipped", "dead")
POLL_SECONDS = 1.0
_ASKING = ("note", "drift", "quota warning")
"""Events that ask somebody to look, or to answer; the others only tell what happened."""
_MOST_NOTES = 20
"""A run's in text; in JSON all of them are."""


def answer(
    runs: Sequence[Run], options: Options, output: Output, *, others: Sequence[Run] = (), unmade: Unmade | None = None
) -> None:
    """Execute `runs` here, unless --queue gave them to the workers, and say how each ended.

    Also said are `others`, which were executed before or run elsewhere, and those that had to be executed first. The
    exit code is the worst of all these runs' and of `unmade`'s.
    """
    executed = [*others]
    if not options["queue"]:
        with stopping() as stop:
            for run in runs:
                executed += [*carry(run, stop), run]
    answered = list({run.pk: run for run in [*executed, *runs]}.values())
    for run in answered:
        run.refresh_from_db()
    notes, files = {run.pk: _notes(run) for run in answered}, _files_of(answered)
    rows = [{**serializers.run(run), "file": files.get(run.pk, ""), "notes": notes[run.pk]} for run in answered]
    output.rows("runs", rows, (*COLUMNS, *(("file",) if files else ())))
    named = {run.pk: f"Run {run.pk} ({files[run.pk]})" if run.pk in files else f"Run {run.pk}" for run in answered}
    for run in answered:
        for text in (*_explained(run, named[run.pk]), *_noted(run, named[run.pk], notes[run.pk])):
            output.say(text)
    if not options["queue"]:
        _judge(answered, named, unmade)


@dataclass(frozen=True, slots=True)
class Unmade:
    """Why a command that executed waiting runs did not make one of its own, and its exit code for that."""

    because: str
    code: Exit


def carry(run: Run, stop: threading.Event) -> list[Run]:
    """Execute `run` here, after those of its connection that no worker would ever execute, which are returned."""
    if stop.is_set():
        return []
    earlier = carry_earlier(run.connection, stop, before=run)
    if execute(run.pk, Hooks(stop=stop.is_set)) is None:
        # Not ours: a worker that the tick told was quicker. The answer is the same, it only takes somebody else's time.
        run.refresh_from_db()
        while run.state == Run.State.RUNNING and not stop.wait(POLL_SECONDS):
            run.refresh_from_db()
    return earlier


def carry_earlier(connection: Connection, stop: threading.Event, before: Run | None = None) -> list[Run]:
    """Release the tenant's runs whose process died; where no worker serves it, execute here what waits and is due.

    That are queued runs of the connection, the oldest first, and only those made earlier than `before`. Returns those
    that were executed, however they ended.
    """
    runs = Run.objects.for_tenant(connection.tenant)
    stalled.release(runs)
    if is_served(connection):
        return []
    queued = runs.filter(dispatch.is_due(), connection=connection, state=Run.State.QUEUED, parent=None)
    if before is not None:
        queued = queued.filter(pk__lt=before.pk)
    line = list(queued.select_related("tenant", "connection__tenant").order_by("pk"))
    hooks = Hooks(stop=stop.is_set)
    return [run for run in line if not stop.is_set() and execute(run.pk, hooks) is not None]


def is_served(connection: Connection) -> bool:
    """Whether workers serve the queue of the connection's tenant, as far as Redis can be asked."""
    return bool(queueing.workers(connection.tenant.tier))


def _files_of(runs: Sequence[Run]) -> dict[int, str]:
    """The names of the files that were uploaded for each run, of those that have some."""
    links: list[RunArtifact] = []
    for owner in {run.tenant_id for run in runs}:
        own = [run for run in runs if run.tenant_id == owner]
        links += RunArtifact.objects.for_tenant(owner).filter(run__in=own, role=RunArtifact.Role.INPUT).order_by("pk")
    found: dict[int, list[str]] = {}
    for link in links:
        found.setdefault(link.run_id, []).append(shown_as(link.name))
    return {pk: ", ".join(names) for pk, names in found.items()}


def _explained(run: Run, named: str) -> list[str]:
    """Why some of its records were skipped or left out, and what was proved of its files."""
    totals = {"skipped": run.skip_reasons, "left out": run.left_out}
    told = [f"{named}, {shown_as(name)}: {shown_as(counts)}" for name, counts in totals.items() if counts]
    proved = ((subject, ", ".join(map(_times, verdicts.items()))) for subject, verdicts in run.proofs.items())
    return [*told, *(f"Run {run.pk}, {shown_as(subject)}: {text}" for subject, text in proved)]


def _notes(run: Run) -> list[str]:
    """What its timeline, and that of its shards, asks somebody to look at: once each, in the order it was said."""
    runs = Run.objects.for_tenant(run.tenant_id).filter(Q(pk=run.pk) | Q(parent=run))
    asking = Event.objects.for_tenant(run.tenant_id).filter(run__in=runs, name__in=_ASKING).order_by("pk")
    return list(dict.fromkeys(asking.values_list("text", flat=True)))


def _noted(run: Run, named: str, notes: Sequence[str]) -> list[str]:
    lines = [f"{named}, note: {shown_as(note)}" for note in notes[:_MOST_NOTES]]
    more = len(notes) - len(lines)
    return [*lines, f"{named}: {more:,} more notes. See: manage.py ingest show run {run.pk}"] if more else lines


def _times(verdict: tuple[str, int]) -> str:
    text, count = verdict
    return shown_as(text) if count == 1 else f"{shown_as(text)} ({count} times)"


def _judge(runs: Sequence[Run], named: Mapping[int, str], unmade: Unmade | None) -> None:
    codes = {_code(run) for run in runs} | ({unmade.code} if unmade else set())
    for worst in (Exit.FAILED, Exit.WAITING, Exit.PARTIAL):
        if worst in codes:
            sentences = [*(_sentence(run, named[run.pk]) for run in runs), unmade.because if unmade else ""]
            raise CommandError("\n".join(filter(None, sentences)), returncode=worst)


def _code(run: Run) -> Exit:
    match run.state:
        case Run.State.SUCCEEDED:
            return Exit.DONE
        case Run.State.PARTIAL:
            return Exit.PARTIAL
        case Run.State.QUEUED | Run.State.RUNNING if not run.error_class:
            return Exit.WAITING
        case _:
            return Exit.FAILED


def _sentence(run: Run, named: str) -> str:
    """Cause and next step of a run that did not simply succeed."""
    cause = (
        f"{run.error_class}: {run.error_message.removesuffix('.')}"
        if run.error_class
        else "it was not executed to its end"
    )
    match run.state:
        case Run.State.SUCCEEDED:
            return ""
        case Run.State.PARTIAL:
            what = rejections(run.dead, run.read)
            return f"{named} is partial: {what}.{_first(run)} See: manage.py ingest list dead-letters --run {run.pk}"
        case Run.State.QUEUED if run.error_class:
            return f"{named} is queued again, for an attempt failed: {cause}. {_goes_on(run)}"
        case Run.State.QUEUED:
            return f"{named} is queued: {why_unclaimed(run)}. {_goes_on(run)}"
        case Run.State.RUNNING if run.is_backfill:
            return f"{named} has shards that wait. {_goes_on(run)}"
        case Run.State.RUNNING:
            return f"{named} is running on {run.host}."
        case _:
            first = _first(run) if run.error_class == ErrorBudgetExceeded.__name__ else ""
            return f"{named} {run.state}: {cause}.{first} See: manage.py ingest show run {run.pk}"


def _first(run: Run) -> str:
    """The run's first rejection as a sentence of its own; '' where none of them is open."""
    return f" The first: {text}." if (text := serializers.rejection(run).removesuffix(".")) else ""


def _goes_on(run: Run) -> str:
    """Who takes up a run that waits, and from when on: a worker, or this very shell where none would."""
    what, since = ("them", "") if run.is_backfill else ("it", _since(run))
    if is_served(run.connection):
        return f"A worker goes on with {what}{since}."
    again = f"retry {run.pk}" if run.is_backfill else f"run {run.connection.in_shell}"
    return f"No worker hears of {what}: manage.py ingest {again} goes on with {what}{since}."


def _since(run: Run) -> str:
    return f" from {run.not_before:%Y-%m-%d %H:%M:%SZ} on" if run.not_before else ""
