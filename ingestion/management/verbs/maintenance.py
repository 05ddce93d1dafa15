"""`ingest health`, `sweep`, `worker` and `scheduler`: what a deployment runs on."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import CommandError

from ingestion import artifacts, deliveries, jobs, queueing, retention, scheduling
from ingestion.actions.refused_configs import refused_configs
from ingestion.conf import config
from ingestion.core.text import counted
from ingestion.database.clock import read_db_now
from ingestion.management.verbs import arguments, credentials, inline_execution, lookups, reconciliations, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import ReconciledPeriod, Run, Tenant
from ingestion.vault import expiry, rotation

_NAMED = 10
OVERDUE = ("id", "tenant", "pipeline", "name", "since", "reason")


def add(verbs: Verbs) -> None:
    arguments.verb(
        verbs,
        "health",
        health,
        "Is everything on time? Exit code 1 when not; meant for monitoring.",
        aliases=("status",),
    )
    parser = arguments.verb(
        verbs,
        "sweep",
        sweep,
        "Delete stored files that no row names, left by crashes a day or more ago, and rows kept long enough.",
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
    late_after = scheduling.late_after()
    ticked, overdue = scheduling.last_tick(), scheduling.overdue(now, late_after)
    leased = Run.unscoped.filter(state=Run.State.RUNNING, lease_until__lt=now)
    expired = leased.select_related("tenant", "connection").order_by("pk")
    depths = queueing.depths()
    problems = list(filter(None, [scheduling.tick_problem(ticked, now, late_after)]))
    if overdue:
        more = " or more" if len(overdue) >= scheduling.SHOWN else ""
        late = counted(len(overdue), "connection is", f"{more} connections are".strip())
        problems.append(f"{late} overdue, the first because: {overdue[0].reason}")
    if waiting := deliveries.long_pending(now):
        problems.append(
            f"Deliveries have waited for more than an hour for {', '.join(map(str, waiting[:_NAMED]))}"
            f"{' and others' if len(waiting) > _NAMED else ''}: `manage.py ingest list runs` says why"
        )
    output.fields("health", {
        "healthy": not problems,
        "last_tick": ticked,
        "tick_age_seconds": round((now - ticked).total_seconds()) if ticked else None,
        "queues": dict(sorted(depths.items())),
    })  # fmt: skip
    if unknown := rotation.unknown():
        problems.append(f"Credentials cannot be read: the settings lack the master keys {', '.join(unknown)}.")
    elif problem := rotation.problem():
        problems.append(f"Credentials cannot be read: {problem}")
    if None in depths.values():
        output.say("Redis cannot be reached: runs wait until a tick can tell the workers. No data is lost.")
    _part(output, "overdue", [serializers.overdue(overdue_connection) for overdue_connection in overdue], OVERDUE)
    _part(output, "expired_leases", [serializers.run(row) for row in expired], (*inline_execution.COLUMNS, "host"))
    wrong = [{**serializers.connection(row), "because": reason} for row, reason in refused_configs()]
    _part(output, "refused_configs", wrong, ("id", "tenant", "pipeline", "name", "because"))
    breaches = ReconciledPeriod.unscoped.filter(state=ReconciledPeriod.State.BREACH)
    rows = breaches.select_related("tenant", "connection").order_by("-pk")[: scheduling.SHOWN]
    _part(output, "breaches", [serializers.reconciliation(row) for row in rows], reconciliations.COLUMNS)
    ending = [serializers.credential(row) for row in expiry.expiring()]
    _part(output, "expiring_credentials", ending, credentials.COLUMNS)
    if problems:
        raise CommandError(". ".join(_sentence(problem) for problem in problems) + ".", returncode=Exit.FAILED)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def sweep(options: Options, output: Output) -> None:
    tenants = [lookups.tenant(options)] if options["tenant"] else list(Tenant.objects.order_by("key"))
    tables = retention.retentions()
    swept = [
        {
            "tenant": tenant.key,
            "files": artifacts.sweep(tenant.ref),
            **{table.name: retention.prune(tenant, table) for table in tables},
        }
        for tenant in tenants
    ]
    output.rows(
        "swept", swept, ("tenant", "files", *(table.name for table in tables)), nothing="There is no tenant yet."
    )


def worker(options: Options, output: Output) -> None:
    queues = [*config().QUEUES.values(), config().TICK_QUEUE]
    if options["queue"] not in queues:
        raise CommandError(
            f"There is no queue {options['queue']!r}; known: {', '.join(queues)}.", returncode=Exit.USAGE
        )
    if queueing.queue_status(options["queue"]) is None:
        raise CommandError("Redis cannot be reached, so no worker can serve its queue.", returncode=Exit.FAILED)
    output.say(f"Worker {os.getpid()} serves {options['queue']}; SIGTERM ends it after the batch at hand.")
    jobs.work(options["queue"], burst=options["burst"])


def scheduler(options: Options, output: Output) -> None:
    queueing.schedule(burst=options["burst"])


def _part(output: Output, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        output.say(f"\n{name.replace('_', ' ').capitalize()}")
    output.rows(name, rows, columns)
