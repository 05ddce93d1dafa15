"""`ingest list`: newest first, filtered, without payloads."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from ingestion import scheduling
from ingestion.core import registry
from ingestion.dead_letters import causes
from ingestion.dead_letters.writing import about
from ingestion.management.verbs import (
    arguments,
    connections,
    dead_letters,
    deliveries,
    inline_execution,
    lookups,
    reconciliations,
    serializers,
)
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Artifact, Connection, DeadLetter, Delivery, ReconciledPeriod, Run, Tenant

_NOTHING = "Nothing matches."


def add(verbs: Verbs) -> None:
    parser: CommandParser = verbs.add_parser("list", help="Show runs, connections, pipelines, dead letters and more.")
    kinds = parser.add_subparsers(metavar="WHAT", dest="what", required=True)

    runs_ = arguments.verb(kinds, "runs", list_runs, "Runs, newest first.")
    runs_.add_argument("--state", choices=Run.State.values, action="append")
    runs_.add_argument("--kind", choices=Run.Kind.values)
    runs_.add_argument("--parent", type=int, metavar="RUN", help="the shards of this backfill; left out otherwise")
    letters_ = arguments.verb(kinds, "dead-letters", list_dead_letters, "Dead letters, newest first.")
    letters_.add_argument(
        "--status",
        choices=DeadLetter.Status.values,
        action="append",
        help="open ones when not given, all when --run is given",
    )
    letters_.add_argument("--fingerprint")
    letters_.add_argument("--run", type=int, help="written, seen last or replayed by this run")
    connections_ = arguments.verb(kinds, "connections", list_connections, "Connections by tenant and pipeline.")
    connections_.add_argument("--paused", action="store_true")
    connections_.add_argument("--overdue", action="store_true", help="those that should have run by now, and why")
    artifacts_ = arguments.verb(kinds, "artifacts", list_artifacts, "Raw bytes that are kept, newest first.")
    artifacts_.add_argument("--kind", choices=Artifact.Kind.values)
    artifacts_.add_argument("--run", type=int, help="read or kept by this run")
    deliveries_ = arguments.verb(kinds, "deliveries", list_deliveries, "Webhooks and pushed records, newest first.")
    deliveries_.add_argument("--state", choices=Delivery.State.values)
    deliveries_.add_argument("--run", type=int, help="taken in by this run")
    periods_ = arguments.verb(
        kinds, "reconciliations", list_reconciliations, "Closed periods held against their source."
    )
    periods_.add_argument("--state", choices=ReconciledPeriod.State.values, action="append")
    for parser in (runs_, letters_, connections_, artifacts_, deliveries_, periods_):
        arguments.add_tenant(parser)
        parser.add_argument("--limit", type=arguments.positive, default=50)
    for parser in (runs_, letters_, connections_, deliveries_, periods_):
        parser.add_argument("--pipeline", metavar="NAME")
    for parser in (runs_, letters_, artifacts_, deliveries_, periods_):
        parser.add_argument("--since", type=arguments.moment, metavar="TIME", help="an ISO time, or an age like 24h")
    arguments.verb(kinds, "pipelines", list_pipelines, "Pipelines that installed apps register.")
    arguments.verb(kinds, "tenants", list_tenants, "Tenants by key.")


def list_runs(options: Options, output: Output) -> None:
    rows = _filtered(
        lookups.scoped(Run, options).select_related("connection"),
        options,
        pipeline="pipeline",
        state="state__in",
        kind="kind",
        since="created_at__gte",
        parent="parent_id",
    ).order_by("-pk")
    if not options["parent"]:
        rows = rows.filter(parent__isnull=True)
    columns = (*inline_execution.COLUMNS, "created_at", "error_class")
    output.rows("runs", [serializers.run(row) for row in rows[: options["limit"]]], columns, _NOTHING)


def list_dead_letters(options: Options, output: Output) -> None:
    """Open ones; those of one run whatever became of them, for a replay may have closed them since."""
    rows, nothing = lookups.scoped(DeadLetter, options), _NOTHING
    if options["run"]:
        run = lookups.row_of(Run, options["run"], options)
        rows = rows.filter(pk__in=about(run).values("pk"))
        explanation, listed = causes.seen_by_other_runs(run)
        nothing = f"{explanation}." if explanation and not listed else _NOTHING
    elif not options["status"]:
        options = {**options, "status": list(DeadLetter.OPEN)}
    rows = _filtered(
        rows, options, pipeline="pipeline", status="status__in", since="last_seen__gte", fingerprint="fingerprint"
    ).select_related("connection").defer("payload").order_by("-pk")  # fmt: skip
    described = [serializers.dead_letter(row) for row in rows[: options["limit"]]]
    output.rows("dead_letters", described, dead_letters.COLUMNS, nothing)


def list_connections(options: Options, output: Output) -> None:
    rows = _filtered(lookups.scoped(Connection, options), options, pipeline="pipeline")
    if options["paused"]:
        rows = rows.filter(paused_at__isnull=False)
    if options["overdue"]:
        rows = scheduling.late_among(rows)
    listed = list(rows.order_by("tenant__key", "pipeline", "name")[: options["limit"]])
    late = scheduling.why_late(listed)
    reasons = {pk: overdue.reason for pk, overdue in late.items()}
    described = [{**serializers.connection(row), "late": reasons.get(row.pk, "")} for row in listed]
    output.rows("connections", described, connections.columns_of(described), _NOTHING)


def list_artifacts(options: Options, output: Output) -> None:
    rows = _filtered(
        lookups.scoped(Artifact, options), options, kind="kind", run="run_links__run_id", since="created_at__gte"
    ).order_by("-pk")
    columns = ("id", "tenant", "kind", "sha256", "size", "stored_size", "created_at")
    output.rows("artifacts", [serializers.artifact(row) for row in rows[: options["limit"]]], columns, _NOTHING)


def list_deliveries(options: Options, output: Output) -> None:
    rows = _filtered(
        lookups.scoped(Delivery, options), options, pipeline="connection__pipeline", state="state", run="run_id",
        since="received_at__gte",
    ).select_related("connection").defer("body").order_by("-pk")  # fmt: skip
    listed = list(rows[: options["limit"]])
    waits = scheduling.why_pending(listed)
    described = [{**serializers.delivery(row), "waits_because": waits.get(row.pk, "")} for row in listed]
    output.rows("deliveries", described, (*deliveries.COLUMNS, *(("waits_because",) if waits else ())), _NOTHING)


def list_reconciliations(options: Options, output: Output) -> None:
    rows = _filtered(
        lookups.scoped(ReconciledPeriod, options), options, pipeline="connection__pipeline", state="state__in",
        since="checked_at__gte",
    ).select_related("connection").order_by("-pk")  # fmt: skip
    described = [serializers.reconciliation(row) for row in rows[: options["limit"]]]
    output.rows("reconciliations", described, reconciliations.COLUMNS, _NOTHING)


def list_pipelines(options: Options, output: Output) -> None:
    rows = [serializers.pipeline(value) for value in registry.registered()]
    how = "https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/write-a-pipeline.md"
    nothing = f"No installed app has a pipelines.py that declares one. See {how}"
    output.rows("pipelines", rows, ("name", "source", "schedule", "version", "title"), nothing)


def list_tenants(options: Options, output: Output) -> None:
    rows = [serializers.tenant(row) for row in Tenant.objects.order_by("key")]
    output.rows(
        "tenants",
        rows,
        ("key", "name", "tier", "time_zone", "created_at"),
        "There is no tenant yet. Make one: manage.py ingest tenant add KEY --name NAME",
    )


def _filtered(query: QuerySet[Any], options: Options, **lookup_of: str) -> QuerySet[Any]:
    """`query` under every lookup whose option was given."""
    return query.filter(**{lookup: options[name] for name, lookup in lookup_of.items() if options.get(name)})
