"""The pipeline that staff add connections to: any declared API, record by record, into one table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingestion import Context, CountsAgree, pipeline
from integrations.rest import config
from integrations.rest.destination import RestTable
from integrations.rest.fields import key_reader, member, parse_time
from integrations.rest.identity import identity, twin_key, twin_number
from integrations.rest.ordering import ordering_name
from integrations.rest.schema import Anything
from integrations.rest.source import Configured, Rest
from integrations.rest.versions import version_of


@pipeline(
    "rest.records",
    source=Configured(),
    schema=Anything,
    destination=RestTable(),
    integration=config.DEFAULT_INTEGRATION,
    reconciliations=[CountsAgree()],
)
def records(record: Anything, ctx: Context) -> dict[str, Any]:
    """Records of REST APIs that are declared in their connection's config."""
    declaration = _declaration(ctx)
    change_time = member(record.value, declaration.updated) if declaration.updated else None
    unit = declaration.updated_unit
    return {
        "source": ctx.connection,
        "external_id": _external_id(record.raw, declaration.keys),
        "version": version_of(record.value, declaration.updated, _latest_time(ctx), unit)
        if declaration.updated
        else None,
        "ordered_by": ordering_name(declaration),
        "updated_at": parse_time(change_time) if isinstance(change_time, str) else None,
        "body": record.value,
    }


def _external_id(raw: bytes, keys: tuple[str, ...]) -> str:
    """The record's key, as the source set it."""
    return key_reader(keys)(raw) if keys else twin_key(identity(raw), twin_number(raw))


def _latest_time(ctx: Context) -> datetime:
    """The present, which is later than the run's own time where the run has gone on for long."""
    return max(ctx.now, datetime.now(UTC))


_last_declaration: list[tuple[Any, Rest]] = []


def _declaration(ctx: Context) -> Rest:
    """The connection's declaration, parsed once a run and not once a record."""
    settings = ctx.config.get(config.KEY)
    remembered = _last_declaration[-1] if _last_declaration else None
    if remembered is None or remembered[0] is not settings:
        remembered = (settings, config.declaration_in(Rest, ctx.config))
        _last_declaration[:] = [remembered]
    return remembered[1]
