"""What a verb's arguments name, looked up in the database; exit code 2 when it is not there.

With --tenant a thing of another tenant is not there either.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TypeVar

from django.core.management.base import CommandError
from django.db import models

from ingestion.core import registry
from ingestion.management.verbs.arguments import Options
from ingestion.management.verbs.exit_codes import Exit
from ingestion.models import Connection, Tenant, TenantOwned

_TENANTS = "`manage.py ingest list tenants` shows them, `manage.py ingest tenant add KEY` makes one."
_NAMED = 10
M = TypeVar("M", bound=TenantOwned)


def tenant(options: Options) -> Tenant:
    key = options["tenant"]
    row = Tenant.objects.filter(key=key).first()
    if row is not None:
        return row
    near = difflib.get_close_matches(key, Tenant.objects.values_list("key", flat=True), n=1)
    hint = f"Did you mean {near[0]!r}?" if near else _TENANTS
    raise CommandError(f"There is no tenant {key!r}. {hint}", returncode=Exit.USAGE)


def connection(options: Options) -> Connection:
    """The connection of --tenant, --pipeline and --name. Raises UnknownPipeline when no app registers it."""
    owner, pipeline, name = tenant(options), options["pipeline"], options.get("name", "")
    connections = Connection.objects.for_tenant(owner).select_related("tenant").filter(pipeline=pipeline)
    row = connections.filter(name=name).first()
    if row is not None:
        return row
    registry.get(pipeline)
    if names := list(connections.order_by("name").values_list("name", flat=True)):
        raise CommandError(_name_the_choices(owner, pipeline, name, names), returncode=Exit.USAGE)
    raise CommandError(
        f"Tenant {owner.key} is not connected to {pipeline}. Connect it: "
        f"manage.py ingest connect --tenant {owner.key} --pipeline {pipeline}" + (f" --name {name}" if name else ""),
        returncode=Exit.USAGE,
    )


def _name_the_choices(owner: Tenant, pipeline: str, name: str, names: Sequence[str]) -> str:
    """The message for a tenant that has connections to the pipeline, but none of this name."""
    choices, more = list(map(repr, names[:_NAMED])), len(names) - _NAMED
    if more > 0:
        choices.append(f"{more} more")
    if not name:
        return f"Say which connection: --name {' or '.join(choices)}."
    near = difflib.get_close_matches(name, names, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    there = "there is" if len(names) == 1 else "there are"
    return f"There is no connection {name!r} of {pipeline} for {owner.key}; {there}: {', '.join(choices)}.{meant}"


def scoped(model: type[M], options: Options) -> models.QuerySet[M]:
    """The rows of --tenant, or of all tenants when none is named: the command line may see all of them."""
    manager: models.Manager[M] = model.unscoped
    query = manager.select_related("tenant")
    return query.filter(tenant=tenant(options)) if options.get("tenant") else query


def row_of(model: type[M], pk: int, options: Options) -> M:
    row = scoped(model, options).filter(pk=pk).first()
    if row is None:
        of = f" of tenant {options['tenant']}" if options.get("tenant") else ""
        raise CommandError(f"There is no {model._meta.verbose_name} {pk}{of}.", returncode=Exit.USAGE)
    return row
