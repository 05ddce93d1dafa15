"""`ingest tenant`: a new tenant, its time zone, and which staff may see it."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from ingestion import actions
from ingestion.management.verbs import arguments, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import Tenant


def add(verbs: Verbs) -> None:
    group = verbs.add_parser("tenant", help="Make a tenant, or let a member of staff see one.")
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)
    parser = arguments.verb(inner, "add", add_tenant, "A new tenant.")
    parser.add_argument("key", metavar="KEY", help="names it in commands, paths and logs; never changes")
    parser.add_argument("--name", help="what people call it; the key when left out")
    parser.add_argument("--tier", choices=Tenant.Tier.values, default=Tenant.Tier.FREE, help="which queue its runs use")
    parser.add_argument("--time-zone", default="UTC", type=arguments.zone, help="cron expressions are read in it")

    parser = arguments.verb(inner, "time-zone", time_zone, "Read the tenant's cron expressions in another time zone.")
    arguments.add_tenant(parser, required=True)
    parser.add_argument("--zone", required=True, type=arguments.zone, help="for example Europe/Amsterdam")
    parser.add_argument("--reason", default="", help="kept in the audit trail")

    parser = arguments.verb(inner, "grant", grant, "Let a member of staff see the tenant.")
    arguments.add_tenant(parser, required=True)
    parser.add_argument("--user", required=True, metavar="NAME")


def add_tenant(options: Options, output: Output) -> None:
    name = options["name"] or options["key"]
    tenant = actions.add_tenant(arguments.COMMAND_LINE, options["key"], name, options["tier"], options["time_zone"])
    _show(tenant, output)


def time_zone(options: Options, output: Output) -> None:
    tenant = lookups.tenant(options)
    moved = actions.set_time_zone(arguments.COMMAND_LINE, tenant, options["zone"], options["reason"])
    _show(tenant, output)
    output.rows(
        "moved", [serializers.connection(connection) for connection in moved], ("id", "pipeline", "name", "next_due")
    )


def grant(options: Options, output: Output) -> None:
    tenant = lookups.tenant(options)
    users = get_user_model()
    user = users.objects.filter(**{users.USERNAME_FIELD: options["user"]}).first()
    if user is None:
        raise CommandError(f"There is no user {options['user']!r}; make one in the console.", returncode=Exit.USAGE)
    actions.grant(arguments.COMMAND_LINE, tenant, user)
    _show(tenant, output)


def _show(tenant: Tenant, output: Output) -> None:
    output.fields(
        "tenant", {"key": tenant.key, "name": tenant.name, "tier": tenant.tier, "time_zone": tenant.time_zone}
    )
