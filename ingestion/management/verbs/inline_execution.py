"""Execute runs in this process, and write to the terminal how they ended."""

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
from ingestion.running.verification import UNVERIFIABLE
from ingestion.scheduling.waiting import why_unclaimed

COLUMNS = ("id", "tenant", "pipeline", "name", "kind", "state", "read", "ok", "skipped", "dead")
POLL_SECONDS = 1.0
_ASKING = ("note", "drift", "quota warning")
"""Events that an operator has to look at or to answer; all other events only tell what happened."""
_MOST_NOTES = 20
"""A run's in text; in JSON all of them are."""


def answer(
    runs: Sequence[Run],
    options: Options,
    output: Output,
    *,
    further_runs: Sequence[Run] = (),
    unmade: Unmade | None = None,
) -> None:
    """Execute `runs` here, unless --queue gave them to the workers, and say how each ended.

    `further_runs` were executed before or run elsewhere; the answer covers them as well, and the runs that had to be
    executed first. The exit code is the worst of all these runs' and of `unmade`'s.
    """
    executed = [*further_runs]
    if not options["queue"]:
        with stopping() as stop:
            for run in runs:
                executed += [*execute_here(run, stop), run]
    answered = list({run.pk: run for run in [*executed, *runs]}.values())
    for run in answered:
        run.refresh_from_db()
    notes, files = {run.pk: _read_notes(run) for run in answered}, _files_of(answered)
    rows = [{**serializers.run(run), "file": files.get(run.pk, ""), "notes": notes[run.pk]} for run in answered]
    output.rows("runs", rows, (*COLUMNS, *(("file",) if files else ())))
    named = {run.pk: f"Run {run.pk} ({files[run.pk]})" if run.pk in files else f"Run {run.pk}" for run in answered}
    for run in answered:
        for text in (
            *_explain_skips_and_proofs(run, named[run.pk]),
            *_describe_notes(run, named[run.pk], notes[run.pk]),
        ):
            output.say(text)
    if not options["queue"]:
        _raise_worst(answered, named, unmade)


@dataclass(frozen=True, slots=True)
class Unmade:
    """Why a command that executed waiting runs did not make one of its own, and its exit code for that."""

    because: str
    code: Exit


def execute_here(run: Run, stop: threading.Event) -> list[Run]:
    """Execute `run` here, after the runs of its connection that no worker would execute; returns these earlier runs."""
    if stop.is_set():
        return []
    earlier = execute_earlier(run.connection, stop, before=run)
    if execute(run.pk, Hooks(stop=stop.is_set)) is None:
        # A worker that the tick told has claimed the run first. The command waits for that worker and answers the same.
        run.refresh_from_db()
        while run.state == Run.State.RUNNING and not stop.wait(POLL_SECONDS):
            run.refresh_from_db()
    return earlier


def execute_earlier(connection: Connection, stop: threading.Event, before: Run | None = None) -> list[Run]:
    """Release the tenant's runs whose process died; where no worker serves it, execute the runs that are due here.

    These are queued runs of the connection, the oldest first, and only runs created before `before`. Returns the runs
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
    """The names of the files that were uploaded for each run; a run without files has no entry."""
    links: list[RunArtifact] = []
    for tenant_id in {run.tenant_id for run in runs}:
        runs_of_tenant = [run for run in runs if run.tenant_id == tenant_id]
        links += (
            RunArtifact.objects.for_tenant(tenant_id)
            .filter(run__in=runs_of_tenant, role=RunArtifact.Role.INPUT)
            .order_by("pk")
        )
    names_by_run: dict[int, list[str]] = {}
    for link in links:
        names_by_run.setdefault(link.run_id, []).append(shown_as(link.name))
    return {pk: ", ".join(names) for pk, names in names_by_run.items()}


def _explain_skips_and_proofs(run: Run, named: str) -> list[str]:
    """Why some records of the run were skipped or left out, and what was proved of its files."""
    totals = {"skipped": run.skip_reasons, "left out": run.left_out}
    reasons = [f"{named}, {shown_as(name)}: {shown_as(counts)}" for name, counts in totals.items() if counts]
    proved = (
        (subject, ", ".join(map(_describe_verdict, verdicts.items()))) for subject, verdicts in run.proofs.items()
    )
    return [*reasons, *(f"Run {run.pk}, {shown_as(subject)}: {text}" for subject, text in proved)]


def _read_notes(run: Run) -> list[str]:
    """The notes for an operator in the timelines of the run and its shards: each text once, in order."""
    runs = Run.objects.for_tenant(run.tenant_id).filter(Q(pk=run.pk) | Q(parent=run))
    # The end of a run tells the result of each control total; one that could not be verified wants a look.
    unverified = Q(name__in=(Run.State.SUCCEEDED, Run.State.PARTIAL), text__contains=UNVERIFIABLE)
    notes = Event.objects.for_tenant(run.tenant_id).filter(Q(name__in=_ASKING) | unverified, run__in=runs)
    return list(dict.fromkeys(notes.order_by("pk").values_list("text", flat=True)))


def _describe_notes(run: Run, named: str, notes: Sequence[str]) -> list[str]:
    lines = [f"{named}, note: {shown_as(note)}" for note in notes[:_MOST_NOTES]]
    more = len(notes) - len(lines)
    return [*lines, f"{named}: {more:,} more notes. See: manage.py ingest show run {run.pk}"] if more else lines


def _describe_verdict(verdict: tuple[str, int]) -> str:
    text, count = verdict
    return shown_as(text) if count == 1 else f"{shown_as(text)} ({count} times)"


def _raise_worst(runs: Sequence[Run], named: Mapping[int, str], unmade: Unmade | None) -> None:
    codes = {_exit_code(run) for run in runs} | ({unmade.code} if unmade else set())
    for worst in (Exit.FAILED, Exit.WAITING, Exit.PARTIAL):
        if worst in codes:
            sentences = [*(_describe_outcome(run, named[run.pk]) for run in runs), unmade.because if unmade else ""]
            raise CommandError("\n".join(filter(None, sentences)), returncode=worst)


def _exit_code(run: Run) -> Exit:
    match run.state:
        case Run.State.SUCCEEDED:
            return Exit.DONE
        case Run.State.PARTIAL:
            return Exit.PARTIAL
        case Run.State.QUEUED | Run.State.RUNNING if not run.error_class:
            return Exit.WAITING
        case _:
            return Exit.FAILED


def _describe_outcome(run: Run, named: str) -> str:
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
            share, first = rejections(run.dead, run.read), _quote_first_rejection(run)
            return f"{named} is partial: {share}.{first} See: manage.py ingest list dead-letters --run {run.pk}"
        case Run.State.QUEUED if run.error_class:
            return f"{named} is queued again, for an attempt failed: {cause}. {_tell_next_step(run)}"
        case Run.State.QUEUED:
            return f"{named} is queued: {why_unclaimed(run)}. {_tell_next_step(run)}"
        case Run.State.RUNNING if run.is_backfill:
            return f"{named} has shards that wait. {_tell_next_step(run)}"
        case Run.State.RUNNING:
            return f"{named} is running on {run.host}."
        case _:
            first = _quote_first_rejection(run) if run.error_class == ErrorBudgetExceeded.__name__ else ""
            return f"{named} {run.state}: {cause}.{first} See: manage.py ingest show run {run.pk}"


def _quote_first_rejection(run: Run) -> str:
    """The run's first rejection as a sentence of its own; '' where none of them is open."""
    return f" The first: {text}." if (text := serializers.rejection(run).removesuffix(".")) else ""


def _tell_next_step(run: Run) -> str:
    """Which process takes up a waiting run, and from when on: a worker, or this shell where no worker would."""
    pronoun, since = ("them", "") if run.is_backfill else ("it", _tell_start(run))
    if is_served(run.connection):
        return f"A worker goes on with {pronoun}{since}."
    again = f"retry {run.pk}" if run.is_backfill else f"run {run.connection.in_shell}"
    return f"No worker hears of {pronoun}: manage.py ingest {again} goes on with {pronoun}{since}."


def _tell_start(run: Run) -> str:
    return f" from {run.not_before:%Y-%m-%d %H:%M:%SZ} on" if run.not_before else ""
