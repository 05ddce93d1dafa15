"""`ingest reconcile` and `ingest resync`: closed periods held against their source, and read again."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, time, timedelta

from django.core.management.base import CommandError

from ingestion import actions
from ingestion.core import registry
from ingestion.core.text import counted
from ingestion.core.windows import Window, split
from ingestion.database.clock import read_db_now
from ingestion.management.verbs import arguments, backfills, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import ReconciledPeriod
from ingestion.reconciling.due_checks import closed_days

COLUMNS = (
    "id", "tenant", "pipeline", "name", "start", "end", "group", "state", "declared_count", "stored_count",
    "declared_sum", "stored_sum", "difference",
)  # fmt: skip
DAY = timedelta(days=1)
_MOST = 400


def add(verbs: Verbs) -> None:
    parser = arguments.verb(
        verbs, "reconcile", reconcile, "Hold closed periods against their source. Exit code 3 on a breach."
    )
    arguments.add_connection(parser)
    parser.add_argument("--day", type=day, metavar="DATE", help="in UTC; yesterday when no period is given")
    parser.add_argument("--from", dest="start", type=arguments.moment, metavar="TIME", help="included")
    parser.add_argument("--to", dest="end", type=arguments.moment, metavar="TIME", help="not included")
    parser.add_argument("--period", type=arguments.span, default=DAY, metavar="1d", help="how long each period is")
    parser.add_argument("--reason", default="", help="kept in the audit trail")
    parser = arguments.verb(
        verbs, "resync", resync, "Read the period of a reconciliation again from its source, as a backfill."
    )
    parser.add_argument("id", type=int, metavar="ID")
    arguments.add_tenant(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail; needed")
    arguments.add_queue(parser)


def day(text: str) -> Window:
    try:
        start = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-01-31") from None
    return Window(start, start + DAY)


def reconcile(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    windows = _windows(options, registry.get(connection.pipeline).lag)
    actor, rows = arguments.COMMAND_LINE, []
    for window in windows:
        rows += actions.reconcile(actor, connection, window, reason=options["reason"])
    periods = [serializers.reconciliation(row) for row in rows]
    output.rows("reconciliations", periods, COLUMNS)
    for row in rows:
        if row.reason:
            output.say(f"{row.pk}: {row.reason}")
    breaches = [row.pk for row in rows if row.state == ReconciledPeriod.State.BREACH]
    if breaches:
        figures = counted(len(rows), "figure")
        raise CommandError(
            f"{counted(len(breaches), f'of {figures} is', f'of {figures} are')} in breach. "
            "What differs: manage.py ingest show reconciliation "
            f"{breaches[0]}. Read it again: manage.py ingest resync {breaches[0]} --reason …",
            returncode=Exit.PARTIAL,
        )


def resync(options: Options, output: Output) -> None:
    period = lookups.row_of(ReconciledPeriod, options["id"], options)
    parent = actions.resync(arguments.COMMAND_LINE, period, reason=options["reason"], wake=options["queue"])
    backfills.answer(parent, options, output)


def _windows(options: Options, lag: timedelta) -> list[Window]:
    start, end = options["start"], options["end"]
    if options["day"] and (start or end):
        raise CommandError("Give --day, or --from and --to.", returncode=Exit.USAGE)
    if options["day"]:
        return [options["day"]]
    if bool(start) != bool(end):
        raise CommandError("--from and --to belong together.", returncode=Exit.USAGE)
    if not start:
        return closed_days(read_db_now(), lag, 1)
    if not start < end or options["period"] <= timedelta(0):
        raise CommandError("--from must be before --to, and --period longer than nothing.", returncode=Exit.USAGE)
    if (end - start) / options["period"] > _MOST:
        raise CommandError(
            f"These are more than {_MOST} periods; ask for fewer, or longer ones.", returncode=Exit.USAGE
        )
    return split(Window(start, end), options["period"])
