"""Stores results: one row for each group, all groups of a period in one transaction, each change of state audited."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion import null_hooks
from ingestion.core.periods import Figure
from ingestion.core.text import short, storable
from ingestion.core.windows import Window
from ingestion.database.retrying import retry_conflicts
from ingestion.models import AuditEntry, Connection, ReconciledPeriod
from ingestion.reconciling.comparison import SHOWN, GroupResult, State
from ingestion.redaction import mask

logger = logging.getLogger("ingestion")
ACTOR = "reconciliation"
"""The name in the audit trail, because no person asked for a check."""


def of(connection: Connection, window: Window) -> list[ReconciledPeriod]:
    """The stored results, by group."""
    rows = ReconciledPeriod.objects.for_tenant(connection.tenant_id).select_related("tenant", "connection__tenant")
    return list(rows.filter(connection=connection, start=window.start, end=window.end).order_by("group"))


def groups(connection: Connection, window: Window) -> set[str]:
    return {row.group for row in of(connection, window)}


def write(
    connection: Connection,
    window: Window,
    since: datetime,
    group_results: Mapping[str, GroupResult],
    at: Callable[[str], None] = null_hooks.ignore,
) -> list[ReconciledPeriod]:
    """Store the results of a check that began at `since`, all or none. Results of later checks stay."""

    def store() -> None:
        for group in sorted(group_results):
            _store(connection, window, since, short(group, 100), group_results[group])
        at("written")

    retry_conflicts(store)
    rows = of(connection, window)
    for row in rows:
        if row.state == State.BREACH and row.checked_at == since:
            _warn_of_breach(row)
    return rows


def _store(connection: Connection, window: Window, since: datetime, group: str, result: GroupResult) -> None:
    values = _values(result)
    row, created = ReconciledPeriod.unscoped.get_or_create(
        tenant_id=connection.tenant_id,
        connection=connection,
        start=window.start,
        end=window.end,
        group=group,
        defaults={**values, "checked_at": since},
    )
    before = "" if created else row.state
    if not created:
        if before == State.BREACH and result.state == State.UNVERIFIABLE:
            # An unverifiable result does not prove that the breach is mended: what the breach showed stays.
            values = {name: values[name] for name in ("cause", "reason")}
        unchanged = ReconciledPeriod.unscoped.filter(pk=row.pk, state=before, checked_at=row.checked_at)
        if row.checked_at > since or not unchanged.update(**values, checked_at=since):
            return  # a check that began later, or at the same time, has stored its result
    after = str(values.get("state", before))
    if before != after:
        _record_change(row, before, after, values)


def _record_change(row: ReconciledPeriod, before: str, after: str, values: Mapping[str, Any]) -> None:
    columns = ("declared_count", "declared_sum", "stored_count", "stored_sum", "difference", "cause")
    AuditEntry.unscoped.create(
        tenant_id=row.tenant_id,
        actor_name=ACTOR,
        action="reconcile",
        target=f"{row.connection} {row}"[:200],
        reason=str(values["reason"]),
        data={"reconciliation": row.pk, "before": before, "after": after, **{name: values[name] for name in columns}},
    )


def _warn_of_breach(row: ReconciledPeriod) -> None:
    logger.warning(
        "Breach: for %s (group %r) the source declares %s records and %s, stored are %s and %s; "
        "look: manage.py ingest show reconciliation %s",
        f"{row.start:%Y-%m-%d %H:%M} to {row.end:%Y-%m-%d %H:%M}",
        row.group,
        row.declared_count,
        row.declared_sum,
        row.stored_count,
        row.stored_sum,
        row.pk,
        extra={"tenant_id": row.tenant_id, "pipeline": row.connection.pipeline, "event": "breach"},
    )


def _values(result: GroupResult) -> dict[str, Any]:
    difference = result.difference
    declared, stored = result.declared, result.stored
    apart = stored.sum - declared.sum if declared and stored else None
    return {
        "state": result.state,
        "cause": result.cause,
        "reason": storable(mask(result.reason), 2000),
        **_figures("declared", declared),
        **_figures("stored", stored),
        "difference": _text(apart),
        "missing_count": len(difference.missing),
        "missing": [storable(key, 200) for key in difference.missing[:SHOWN]],
        "extra_count": len(difference.extra),
        "extra": [storable(key, 200) for key in difference.extra[:SHOWN]],
        "differing_count": len(difference.differing),
        "differing": [
            {"id": storable(key, 200), "declared": _text(declared_amount), "stored": _text(stored_amount)}
            for key, declared_amount, stored_amount in difference.differing[:SHOWN]
        ],
    }


def _figures(side: str, figure: Figure | None) -> dict[str, Any]:
    return {f"{side}_count": figure and figure.count, f"{side}_sum": _text(figure.sum if figure else None)}


def _text(amount: Decimal | None) -> str:
    """The exact amount without an exponent; 13.00 and 13.000 are one text, so that no change is reported."""
    if amount is None:
        return ""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text in ("-0", "") else text)[:100]
