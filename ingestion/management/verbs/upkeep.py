"""`ingest health`, `sweep`, `worker` and `scheduler`: what a deployment runs on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError

from ingestion import artifacts, jobs, queueing, scheduling
from ingestion.clock import read_db_now
from ingestion.conf import config
from ingestion.management.verbs import arguments, credentials, described, finding, foreground
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.codes import Exit
from ingestion.management.verbs.connections import COLUMNS
from ingestion.management.verbs.output import Output
from ingestion.models import Run, Tenant
from ingestion.vault import expiry, rotation


def add(verbs: Verbs) -> None:
    arguments.verb(
        verbs,
        "health",
        health,
        "Is everything on time? Exit code 1 when not; meant for monitoring.",
        aliases=("status",),
    )
    parser = arguments.verb(
        verbs, "sweep", sweep, "Delete stored files that no row names, left by crashes a day or more ago."
    )
    arguments.add_tenant(parser)
    parser = arguments.verb(verbs, "scheduler", scheduler, "Drive the tick with rq-scheduler, until SIGTERM.")
    parser.add_argument("--burst", action="store_true", help="end when the tick is sent")
    parser = arguments.verb(verbs, "worker", worker, "Execute the runs of one queue, until SIGTERM.")
    parser.add_argument(
        "--queue", required=True, metavar="NAME", help='one of INGESTION["QUEUES"] or the tick\'s queue'
    )
    parser.add_argument("--burst", action="store_true", help="end when the queue is empty")


def health(options: Options, output: Output) -> None:
    now = read_db_now()
    late_after = timedelta(seconds=4 * config().TICK_SECONDS)
    ticked, overdue = scheduling.last_tick(), scheduling.overdue(now, late_after)
    expired = Run.unscoped.filter(state=Run.State.RUNNING, lease_until__lt=now).select_related("tenant").order_by("pk")
    depths = queueing.depths()
    problems = _tick_problems(ticked, now, late_after)
    if overdue:
        problems.append(f"{len(overdue)} connections are overdue.")
    output.fields("health", {
        "healthy": not problems,
        "last_tick": ticked,
        "tick_age_seconds": round((now - ticked).total_seconds()) if ticked else None,
        "queues": dict(sorted(depths.items())),
    })  # fmt: skip
    if unknown := rotation.unknown():
        problems.append(f"Credentials cannot be read: the settings lack the master keys {', '.join(unknown)}.")
    if None in depths.values():
        output.say("Redis cannot be reached: runs wait until a tick can tell the workers. No data is lost.")
    _part(output, "overdue", [described.connection(row) for row in overdue], COLUMNS)
    _part(output, "expired_leases", [described.run(row) for row in expired], (*foreground.COLUMNS, "host"))
    ending = [described.credential(row) for row in expiry.expiring()]
    _part(output, "expiring_credentials", ending, credentials.COLUMNS)
    if problems:
        raise CommandError(" ".join(problems), returncode=Exit.FAILED)


def _tick_problems(ticked: datetime | None, now: datetime, late_after: timedelta) -> list[str]:
    hint = "Run `manage.py ingest tick --loop` or `ingest scheduler`."
    if ticked is None:
        return [f"No tick has ever run. {hint}"]
    if now - ticked > late_after:
        return [f"The last tick is {round((now - ticked).total_seconds())} s old. {hint}"]
    return []


def sweep(options: Options, output: Output) -> None:
    tenants = [finding.tenant(options)] if options["tenant"] else list(Tenant.objects.order_by("key"))
    swept = [{"tenant": tenant.key, "files": artifacts.sweep(tenant.ref)} for tenant in tenants]
    output.rows("swept", swept, ("tenant", "files"), nothing="There is no tenant yet.")


def worker(options: Options, output: Output) -> None:
    known = [*config().QUEUES.values(), config().TICK_QUEUE]
    if options["queue"] not in known:
        raise CommandError(f"There is no queue {options['queue']!r}; known: {', '.join(known)}.", returncode=Exit.USAGE)
    queueing.work(options["queue"], lost=jobs.lost, burst=options["burst"])


def scheduler(options: Options, output: Output) -> None:
    queueing.schedule(burst=options["burst"])


def _part(output: Output, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        output.say(f"\n{name.replace('_', ' ').capitalize()}")
    output.rows(name, rows, columns)
