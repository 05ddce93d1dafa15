"""The pipeline that staff add connections to: any declared API, record by record, into one table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingestion import Context, CountsAgree, pipeline
from integrations.rest import config
from integrations.rest.destination import Kept
from integrations.rest.fields import key_reader, member, moment
from integrations.rest.identity import identity, number_of, twin
from integrations.rest.ordering import name_of
from integrations.rest.schema import Anything
from integrations.rest.source import Configured, Rest
from integrations.rest.versions import version_of


@pipeline(
    "rest.records",
    source=Configured(),
    schema=Anything,
    destination=Kept(),
    integration=config.PIPELINES_OWN,
    reconciliations=[CountsAgree()],
)
def records(record: Anything, ctx: Context) -> dict[str, Any]:
    """Records of REST APIs that are declared in their connection's config."""
    declared = _declared(ctx)
    changed = member(record.value, declared.updated) if declared.updated else None
    unit = declared.updated_unit
    return {
        "source": ctx.connection,
        "external_id": _id(record.raw, declared.keys),
        "version": version_of(record.value, declared.updated, _present(ctx), unit) if declared.updated else None,
        "ordered_by": name_of(declared),
        "updated_at": moment(changed) if isinstance(changed, str) else None,
        "body": record.value,
    }


def _id(raw: bytes, keys: tuple[str, ...]) -> str:
    """The same that the source gave the record as its key."""
    return key_reader(keys)(raw) if keys else twin(identity(raw), number_of(raw))


def _present(ctx: Context) -> datetime:
    """The run's time, or now where it has gone on for long."""
    return max(ctx.now, datetime.now(UTC))


_latest: list[tuple[Any, Rest]] = []


def _declared(ctx: Context) -> Rest:
    """The connection's declaration, read once a run and not once a record."""
    given = ctx.config.get(config.KEY)
    known = _latest[-1] if _latest else None
    if known is None or known[0] is not given:
        known = (given, config.declared(Rest, ctx.config))
        _latest[:] = [known]
    return known[1]
