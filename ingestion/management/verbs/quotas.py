"""`ingest quota`: what tenants have used this month, and letting one use more."""

from __future__ import annotations

from typing import Any

from ingestion import actions, limits
from ingestion.core import meters
from ingestion.database.clock import read_db_now
from ingestion.management.verbs import arguments, lookups
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import QuotaOverride, Tenant

_COLUMNS = ("tenant", "meter", "used", "quota", "percent", "override")


def add(verbs: Verbs) -> None:
    group = verbs.add_parser("quota", help="Show what tenants have used this month, or override a quota.")
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)

    parser = arguments.verb(inner, "show", show, "What was used this month, by tenant and meter.")
    arguments.add_tenant(parser)
    parser.add_argument("--meter", metavar="NAME")

    parser = arguments.verb(inner, "override", override, "Let a tenant use more (or less) than its tier, for a while.")
    arguments.add_tenant(parser, required=True)
    parser.add_argument("--meter", required=True, metavar="NAME")
    parser.add_argument("--limit", required=True, type=arguments.whole, metavar="N", help="for a whole month")
    parser.add_argument(
        "--until", required=True, type=arguments.ahead, metavar="TIME", help="an ISO time, or from now: 24h, 7d"
    )
    parser.add_argument("--reason", required=True)

    parser = arguments.verb(inner, "end", end, "Let an override expire now.")
    parser.add_argument("override", type=int, metavar="ID", help="as `quota show` names it")
    arguments.add_tenant(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")


def show(options: Options, output: Output) -> None:
    tenants = [lookups.tenant(options)] if options["tenant"] else list(Tenant.objects.order_by("key"))
    names = [meters.get(options["meter"]).name] if options["meter"] else [meter.name for meter in meters.registered()]
    rows = [_row(tenant, name) for tenant in tenants for name in names]
    nothing = "There is no tenant yet." if names else "No installed app declares a meter, so nothing is counted."
    output.rows("quotas", rows, _COLUMNS, nothing=nothing)


def _row(tenant: Tenant, meter: str) -> dict[str, Any]:
    used, quota = limits.used_of(tenant.ref, meter), limits.quota(tenant.ref, meter)
    override = limits.in_force(tenant.ref, meter)
    return {
        "tenant": tenant.key,
        "meter": meter,
        "used": used,
        "quota": quota,
        "percent": round(100 * used / quota) if quota else None,
        "override": override.pk if override else None,
        "month": f"{read_db_now():%Y-%m}",
    }


def override(options: Options, output: Output) -> None:
    quota_override = actions.override_quota(
        arguments.COMMAND_LINE,
        lookups.tenant(options),
        options["meter"],
        options["limit"],
        options["until"],
        options["reason"],
    )
    _show(quota_override, output)


def end(options: Options, output: Output) -> None:
    quota_override = lookups.row_of(QuotaOverride, options["override"], options)
    actions.end_override(arguments.COMMAND_LINE, quota_override, options["reason"])
    _show(quota_override, output)


def _show(row: QuotaOverride, output: Output) -> None:
    values = {name: getattr(row, name) for name in ("meter", "limit", "expires_at", "reason", "actor_name")}
    output.fields("override", {"id": row.pk, "tenant": row.tenant.key, **values})
