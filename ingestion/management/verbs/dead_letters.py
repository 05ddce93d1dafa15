"""`ingest replay`, `triage`, `abandon`, `settle` and `reopen`: what can be done with dead letters."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from ingestion import actions
from ingestion.actions import dead_letters_left_out
from ingestion.conf import config
from ingestion.management.verbs import arguments, inline_execution, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import DeadLetter

_REHEARSED = ("id", "pipeline", "source_id", "would", "because")
COLUMNS = (
    "id", "tenant", "pipeline", "name", "source_id", "status", "stage", "error_class", "times_seen", "last_seen", "why",
)  # fmt: skip


def add(verbs: Verbs) -> None:
    parser = arguments.verb(verbs, "replay", replay, "Take open dead letters through their pipeline again.")
    arguments.add_tenant(parser, required=True)
    parser.add_argument("--pipeline", default="", metavar="NAME")
    parser.add_argument("--status", action="append", choices=[*DeadLetter.OPEN], help="new and triaged when not given")
    parser.add_argument(
        "--since", type=arguments.moment, metavar="TIME", help="last seen since then: an ISO time or 24h"
    )
    parser.add_argument("--fingerprint", default="", help="only letters with this cause")
    parser.add_argument(
        "--id", action="append", default=[], type=int, help="only this letter; may be given several times"
    )
    parser.add_argument(
        "--limit", type=arguments.positive, help='oldest first; INGESTION["REPLAY_LIMIT"] when not given'
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="go the whole way and write nothing; say what would become of each letter",
    )
    parser.add_argument(
        "--over-newer",
        action="store_true",
        help="also over rows written after their letter, where no version column tells which is newer",
    )
    parser.add_argument("--reason", default="", help="kept in the audit trail")
    arguments.add_queue(parser)

    parser = arguments.verb(verbs, "triage", triage, "Mark dead letters as looked at, with a note for colleagues.")
    _add_ids(parser)
    parser.add_argument("--note", required=True)

    parser = arguments.verb(verbs, "abandon", abandon, "Give dead letters up for a reason. They stay in the table.")
    _add_ids(parser)
    parser.add_argument("--reason", required=True)

    parser = arguments.verb(verbs, "settle", settle, "Close dead letters whose records arrived another way.")
    _add_ids(parser)
    parser.add_argument("--reason", required=True, help="how they arrived")

    parser = arguments.verb(verbs, "reopen", reopen, "Open dead letters again that were abandoned or settled.")
    _add_ids(parser)
    parser.add_argument("--reason", required=True, help="why they are wanted after all")


def replay(options: Options, output: Output) -> None:
    selection = actions.Selection(
        lookups.tenant(options),
        pipeline=options["pipeline"],
        statuses=options["status"] or DeadLetter.OPEN,
        since=options["since"],
        ids=options["id"],
        fingerprint=options["fingerprint"],
    )
    for pk in options["id"]:
        lookups.row_of(DeadLetter, pk, options)
    limit = options["limit"] or config().REPLAY_LIMIT
    if options["dry_run"]:
        _dry_run(selection, limit, options["over_newer"], output)
        return
    runs = actions.replay(
        arguments.COMMAND_LINE,
        selection,
        limit=limit,
        reason=options["reason"],
        over_newer=options["over_newer"],
        wake=options["queue"],
    )
    named_letters = DeadLetter.objects.for_tenant(selection.tenant).filter(replay_run__in=runs, pk__in=selection.ids)
    _say_left_out(selection, named_letters.values_list("pk", flat=True), output)
    inline_execution.answer(runs, options, output)


def _say_left_out(selection: actions.Selection, included: Collection[int], output: Output) -> None:
    """Write which of the named letters the replay leaves out, and why."""
    left_out = dead_letters_left_out.reasons(selection.tenant, selection.ids, included)
    output.rows("left_out", [{"id": pk, "because": text} for pk, text in left_out.items()], ("id", "because"))


def _dry_run(selection: actions.Selection, limit: int, over_newer: bool, output: Output) -> None:
    reports = actions.dry_run_replay(arguments.COMMAND_LINE, selection, limit=limit, over_newer=over_newer)
    fates = [fate for report in reports for fate in report.letters]
    rows = [
        {**serializers.dead_letter(fate.dead_letter), "would": fate.would, "because": fate.reason} for fate in fates
    ]
    output.rows("dead_letters", rows, _REHEARSED)
    _say_left_out(selection, [fate.dead_letter.pk for fate in fates], output)
    for text in (note for report in reports for note in report.notes):
        output.say(text)
    failures = [
        f"The replay of {report.connection} would fail. {report.failure}" for report in reports if report.failure
    ]
    if failures:
        raise CommandError("\n".join(failures), returncode=Exit.FAILED)
    rejected = sum("fail" in fate.outcomes for fate in fates)
    if rejected:
        raise CommandError(f"{rejected} of {len(fates)} dead letters would fail again.", returncode=Exit.PARTIAL)


def triage(options: Options, output: Output) -> None:
    _act_on_all(
        options, output, lambda dead_letter: actions.triage(arguments.COMMAND_LINE, dead_letter, options["note"])
    )


def abandon(options: Options, output: Output) -> None:
    _act_on_all(
        options, output, lambda dead_letter: actions.abandon(arguments.COMMAND_LINE, dead_letter, options["reason"])
    )


def settle(options: Options, output: Output) -> None:
    _act_on_all(
        options, output, lambda dead_letter: actions.settle(arguments.COMMAND_LINE, dead_letter, options["reason"])
    )


def reopen(options: Options, output: Output) -> None:
    _act_on_all(
        options, output, lambda dead_letter: actions.reopen(arguments.COMMAND_LINE, dead_letter, options["reason"])
    )


def _add_ids(parser: CommandParser) -> None:
    parser.add_argument("letters", nargs="+", type=int, metavar="ID")
    arguments.add_tenant(parser)


def _act_on_all(options: Options, output: Output, act: Callable[[DeadLetter], None]) -> None:
    """All of them or none: a letter that is not there, or in another status, undoes the others."""
    dead_letters = [lookups.row_of(DeadLetter, pk, options) for pk in options["letters"]]
    with transaction.atomic():
        for dead_letter in dead_letters:
            act(dead_letter)
            dead_letter.refresh_from_db()
    output.rows("dead_letters", [serializers.dead_letter(dead_letter) for dead_letter in dead_letters], COLUMNS)
