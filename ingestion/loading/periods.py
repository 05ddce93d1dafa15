"""The stored side of a closed period: its figures in one query, its keys in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from django.db import models
from django.db.models import Count, Q, Sum

from ingestion.core.context import Context
from ingestion.core.periods import Figure, Periods
from ingestion.core.windows import Window
from ingestion.loading.plans import Plan, joined_key

CHUNK = 5000
"""Rows of one query."""


def figures(plan: Plan, ctx: Context, periods: Periods, window: Window) -> Mapping[str, Figure]:
    """Count and sum by group of the rows that the connection of `ctx` loaded last."""
    aggregates: dict[str, Any] = {"figure_count": Count("pk")}
    if periods.amount:
        aggregates["figure_sum"] = Sum(periods.amount)
    rows = _of_connection(plan.rows(ctx.tenant.id).filter(_inside(periods, window)), ctx).order_by()
    totals: dict[str, Figure] = {}
    if periods.group:
        lines = rows.values(periods.group).annotate(**aggregates)
    else:
        lines = [rows.aggregate(**aggregates)]
    for line in lines:
        if line["figure_count"]:
            group = _text(line.get(periods.group))
            total_before = totals.get(group, Figure(0))  # NULL and '' are one group
            total = _amount(plan, periods, line.get("figure_sum"))
            totals[group] = Figure(total_before.count + line["figure_count"], total_before.sum + total)
    return totals


def amounts(
    plan: Plan, ctx: Context, periods: Periods, window: Window, group: str, keys: Sequence[str] | None = None
) -> Iterator[tuple[str, Decimal]]:
    """Key and amount of the rows of one group; with `keys`, of the rows under them, loaded by any connection."""
    names = [str(field.attname) for field in plan.key_fields]
    amount_columns = [periods.amount] if periods.amount else []
    inside = _inside(periods, window, group)
    if keys is None:
        lines = _walk(
            _of_connection(plan.rows(ctx.tenant.id).filter(inside), ctx), periods.time, [*names, *amount_columns]
        )
    else:
        chunks = (plan.rows_among(ctx.tenant.id, chunk, *amount_columns).filter(inside) for chunk in plan.chunks(keys))
        lines = chain.from_iterable(chunks)
    for line in lines:
        key = str(line[0]) if len(names) == 1 else joined_key(line[: len(names)])
        yield key, _amount(plan, periods, line[len(names)] if amount_columns else None)


def _walk(rows: models.QuerySet[Any], time: str, names: list[str]) -> Iterator[Sequence[Any]]:
    """All rows by keyset, along the index over the time: no offset, no complete result in memory, no transaction."""
    ordered = rows.order_by(time, "pk").values_list(*names, time, "pk")
    after = Q()
    while chunk := list(ordered.filter(after)[:CHUNK]):
        yield from chunk
        moment, pk = chunk[-1][-2:]
        after = Q(**{f"{time}__gt": moment}) | Q(**{time: moment, "pk__gt": pk})


def _inside(periods: Periods, window: Window, group: str | None = None) -> Q:
    """The condition of a row that counts in the period, of any group where none is named."""
    inside = Q(**{f"{periods.time}__gte": window.start, f"{periods.time}__lt": window.end})
    if periods.gone:
        inside &= Q(**{f"{periods.gone}__isnull": True})
    if group is None or not periods.group:
        return inside
    of_group = Q(**{periods.group: group})
    return inside & (of_group if group else of_group | Q(**{f"{periods.group}__isnull": True}))


def _of_connection(rows: models.QuerySet[Any], ctx: Context) -> models.QuerySet[Any]:
    """The rows that this connection loaded last: another connection of the tenant may read another account."""
    return rows.filter(run__connection__pipeline=ctx.pipeline, run__connection__name=ctx.connection)


def _amount(plan: Plan, periods: Periods, value: Any) -> Decimal:
    if value is None:
        return Decimal()
    field: Any = plan.model._meta.get_field(periods.amount)
    if isinstance(field, models.DecimalField):  # SQLite adds up in floating point
        return Decimal(value).quantize(Decimal(1).scaleb(-field.decimal_places))
    return Decimal(str(value))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
