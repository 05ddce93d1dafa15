"""What an operator can do with one connection: the buttons of its page, each where its source makes it possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import actions, scheduling
from ingestion.actions import Actor
from ingestion.actions.backfills import reads_windows
from ingestion.admin.kit import commands
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.verbs import Done, Verb
from ingestion.admin.pages import shards
from ingestion.admin.pages.connection_forms import RewindForm
from ingestion.admin.pages.schedule_forms import BackfillForm, ScheduleForm, schedule_initial
from ingestion.core import ingestion_modes, registry
from ingestion.core.capabilities import Previewable, Testable
from ingestion.core.errors import IngestionError
from ingestion.core.pipeline import Pipeline
from ingestion.core.text import counted
from ingestion.core.time_zones import zone_named
from ingestion.models import Connection

RUN = "ingestion.run_connection"


def pipeline_supports(
    supports: Callable[[Pipeline, Connection], bool], *, paused: bool = True
) -> Callable[[Connection], bool]:
    """Whether a button applies: where `supports` says so of the pipeline, and the pipeline is here and for this tenant.

    `paused`: also while the connection is paused.
    """

    def applies(connection: Connection) -> bool:
        if connection.is_paused and not paused:
            return False
        try:
            pipeline = registry.get(connection.pipeline)
            return pipeline.serves(connection.tenant.key) and supports(pipeline, connection)
        except IngestionError:
            return False

    return applies


can_preview = pipeline_supports(lambda pipeline, connection: isinstance(pipeline.source, Previewable))
can_upload = pipeline_supports(lambda pipeline, connection: ingestion_modes.takes_files(pipeline), paused=False)


def _run_now(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    run = actions.run_now(actor, connection, reason=values["reason"])
    return Done(_("Run %s is queued.") % run.pk, show=run)


def _pause(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    actions.pause(actor, connection, values["reason"])
    return Done(_("Paused. A run that is under way stops at its next batch."))


def _resume(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    actions.resume(actor, connection, values["reason"])
    return Done(_("Resumed."))


def _rewind(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    mark = actions.rewind(actor, connection, values["to"], values["reason"])
    return Done(_("The next run starts from %s.") % f"{mark.value:%Y-%m-%d %H:%M:%S %Z}")


def _schedule(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    actions.set_schedule(actor, connection, values["declared"], values["reason"])
    return Done(_("Due from now on: %s.") % in_words(connection))


def _next_times(connection: Connection, values: Mapping[str, Any]) -> Sequence[str]:
    """The next five due times under the schedule that the form holds."""
    planned = Connection(
        tenant=connection.tenant,
        pipeline=connection.pipeline,
        name=connection.name,
        schedule=values["declared"],
    )
    schedule_in_force = scheduling.schedule_of(planned)
    zone = zone_named(getattr(schedule_in_force, "zone", "") or connection.tenant.time_zone)
    times = [f"{moment:%Y-%m-%d %H:%M:%S} UTC ({moment.astimezone(zone):%a %H:%M:%S %Z})"
             for moment in scheduling.upcoming(planned, schedule_in_force)]  # fmt: skip
    due = gettext("Due from now on: %s.") % in_words(planned)
    return [f"{due} {gettext('The next times:')}", *times] if times else [due]


def in_words(connection: Connection) -> str:
    try:
        return str(scheduling.schedule_of(connection) or gettext("on request only"))
    except IngestionError as error:
        return str(error)


def _end_hold_off(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    ended = actions.end_hold_off(actor, connection, values["reason"])
    waited = counted(len(ended.runs), "run that waited for it starts", "runs that waited for it start")
    return Done(_("%(source)s may be called again now; %(waited)s.") % {"source": ended.integration, "waited": waited})


def _has_hold_off(connection: Connection) -> bool:
    """Looked up once a page: the page says it, and offers the button."""
    return getattr(connection, "hold_off", None) is not None


def _test(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    return Done(_("It works: %s") % actions.test_connection(actor, connection))


VERBS = [
    Verb("run", _("Run now"), RUN, _run_now,
         applies=pipeline_supports(lambda pipeline, c: ingestion_modes.finds(pipeline), paused=False),
         explain=_("Queues one run over the next window, beside the schedule."),
         command=lambda c: commands.for_connection("run", c, "--queue")),
    Verb("test", _("Test connection"), RUN, _test,
         applies=pipeline_supports(lambda pipeline, c: isinstance(pipeline.source, Testable)),
         explain=_("Asks the source for a sign of life with the stored credential. Nothing is loaded."),
         command=lambda c: commands.for_connection("credential test", c)),
    Verb("end_hold_off", _("End hold-off"), RUN, _end_hold_off, ReasonForm, applies=_has_hold_off,
         explain=_("Nobody calls the source until the time on the page, because it asked for that or kept failing. "
                   "This ends it now: the runs that wait start, and the source may refuse them again."),
         command=lambda c: commands.for_connection("hold-off end", c, "--reason", "…")),
    Verb("pause", _("Pause"), RUN, _pause, ReasonForm, applies=lambda c: not c.is_paused,
         explain=_("Nothing new starts until it is resumed. A run under way stops at its next batch."),
         command=lambda c: commands.for_connection("pause", c, "--reason", "…")),
    Verb("resume", _("Resume"), RUN, _resume, applies=lambda c: c.is_paused,
         explain=_("Goes on from where it stopped."),
         command=lambda c: commands.for_connection("resume", c)),
    Verb("rewind", _("Rewind"), "ingestion.rewind_watermark", _rewind, RewindForm,
         applies=pipeline_supports(lambda pipeline, c: ingestion_modes.finds(pipeline)),
         explain=_("The next run reads everything since then again. Unchanged records are skipped."),
         command=commands.rewind),
    Verb("schedule", _("Schedule"), RUN, _schedule, ScheduleForm,
         applies=pipeline_supports(lambda pipeline, c: ingestion_modes.finds(pipeline) or c.schedule is not None),
         explain=_("When it is due from now on. A run under way goes on."), initial=schedule_initial,
         preview=_next_times, command=lambda c: commands.for_connection("schedule", c, "--every", "15m")),
    Verb("backfill", _("Backfill"), RUN, shards.backfill, BackfillForm,
         applies=pipeline_supports(lambda pipeline, c: reads_windows(pipeline, c), paused=False),
         explain=_("Reads a window of the past again, in shards that run side by side. The live runs go on, and the "
                   "watermark does not move."),
         preview=shards.preview, command=commands.backfill),
]  # fmt: skip
