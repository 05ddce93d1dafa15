"""Verdicts written down: one row a group, all groups of a period in one transaction, every change of state kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion.core.periods import Figure
from ingestion.core.text import short, storable
from ingestion.core.windows import Window
from ingestion.database.retrying import retried
from ingestion.models import AuditEntry, Connection, ReconciledPeriod
from ingestion.reconciling.comparison import SHOWN, State, Verdict
from ingestion.redaction import mask

logger = logging.getLogger("ingestion")
ACTOR = "reconciliation"
"""Who is named in the audit trail: nobody asked for what a check finds."""


def of(connection: Connection, window: Window) -> list[ReconciledPeriod]:
    """The verdicts that are stored, by group."""
    rows = ReconciledPeriod.objects.for_tenant(connection.tenant_id).select_related("tenant", "connection__tenant")
    return list(rows.filter(connection=connection, start=window.start, end=window.end).order_by("group"))


def groups(connection: Connection, window: Window) -> set[str]:
    return {row.group for row in of(connection, window)}


def write(
    connection: Connection,
    window: Window,
    since: datetime,
    found: Mapping[str, Verdict],
    at: Callable[[str], None] = lambda point: None,
) -> list[ReconciledPeriod]:
    """Store what a check that began at `since` found; all of it or nothing. Verdicts of later checks stay."""

    def put() -> None:
        for group in sorted(found):
            _put(connection, window, since, short(group, 100), found[group])
        at("written")

    retried(put)
    rows = of(connection, window)
    for row in rows:
        if row.state == State.BREACH and row.checked_at == since:
            _report(row)
    return rows


def _put(connection: Connection, window: Window, since: datetime, group: str, verdict: Verdict) -> None:
    values = _values(verdict)
    row, made = ReconciledPeriod.unscoped.get_or_create(
        tenant_id=connection.tenant_id, connection=connection, start=window.start, end=window.end, group=group,
        defaults={**values, "checked_at": since},
    )  # fmt: skip
    before = "" if made else row.state
    if not made:
        if before == State.BREACH and verdict.state == State.UNVERIFIABLE:
            # That nobody can tell now is no proof that it is mended: what the breach showed stays.
            values = {name: values[name] for name in ("cause", "reason")}
        same = ReconciledPeriod.unscoped.filter(pk=row.pk, state=before, checked_at=row.checked_at)
        if row.checked_at > since or not same.update(**values, checked_at=since):
            return  # a check that began later, or at the same time, has the word
    after = str(values.get("state", before))
    if before != after:
        _note(row, before, after, values)


def _note(row: ReconciledPeriod, before: str, after: str, values: Mapping[str, Any]) -> None:
    shown = ("declared_count", "declared_sum", "stored_count", "stored_sum", "difference", "cause")
    AuditEntry.unscoped.create(
        tenant_id=row.tenant_id,
        actor_name=ACTOR,
        action="reconcile",
        target=f"{row.connection} {row}"[:200],
        reason=str(values["reason"]),
        data={"reconciliation": row.pk, "before": before, "after": after, **{name: values[name] for name in shown}},
    )


def _report(row: ReconciledPeriod) -> None:
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


def _values(verdict: Verdict) -> dict[str, Any]:
    gap = verdict.difference
    declared, stored = verdict.declared, verdict.stored
    apart = stored.sum - declared.sum if declared and stored else None
    return {
        "state": verdict.state,
        "cause": verdict.cause,
        "reason": storable(mask(verdict.reason), 2000),
        **_figures("declared", declared),
        **_figures("stored", stored),
        "difference": _text(apart),
        "missing_count": len(gap.missing),
        "missing": [storable(key, 200) for key in gap.missing[:SHOWN]],
        "extra_count": len(gap.extra),
        "extra": [storable(key, 200) for key in gap.extra[:SHOWN]],
        "differing_count": len(gap.differing),
        "differing": [
            {"id": storable(key, 200), "declared": _text(said), "stored": _text(held)}
            for key, said, held in gap.differing[:SHOWN]
        ],
    }


def _figures(side: str, figure: Figure | None) -> dict[str, Any]:
    return {f"{side}_count": figure and figure.count, f"{side}_sum": _text(figure.sum if figure else None)}


def _text(amount: Decimal | None) -> str:
    """Exact, without an exponent; 13.00 and 13.000 are one text, so that nothing seems to change."""
    if amount is None:
        return ""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text in ("-0", "") else text)[:100]
