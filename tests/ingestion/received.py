"""A pipeline whose source is delivered to, and what its tests ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion import Context, Json, Page, Pipeline, Record, RecordError, Refusal, actions
from ingestion.models import Connection, Delivery, Run, Tenant
from tests.ingestion.runs import OPERATOR, new_tenant, over


def _nothing(deliveries: Sequence[Record]) -> None:
    return None


@dataclass(frozen=True)
class Letterbox:
    """Takes JSON lists of items; `meanwhile` is called with every page of deliveries before it is taken apart."""

    meanwhile: Callable[[Sequence[Record]], object] = _nothing

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield from ()

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        self.meanwhile(deliveries)
        records: list[Record] = []
        refused: list[Refusal] = []
        for one in deliveries:
            try:
                records += [
                    Record(item["id"], json.dumps(item).encode(), one.position) for item in json.loads(one.body)
                ]
            except ValueError as error:
                refused.append(Refusal(one, RecordError(f"Not JSON: {error}")))
        return Page(records, None, refused)


def delivered_to(meanwhile: Callable[[Sequence[Record]], object] = _nothing, **changes: Any) -> Pipeline:
    return over([], source=Letterbox(meanwhile), **changes)


def connected(pipeline: Pipeline, tenant: Tenant | None = None, name: str = "") -> Connection:
    """`pipeline` must be registered."""
    return actions.connect(OPERATOR, tenant or new_tenant(), pipeline.name, name)


def push(connection: Connection, delivery_id: str, *items: Any, **options: Any) -> bool:
    return actions.deliver(connection, delivery_id, json.dumps(items).encode(), **{"wake": False, **options})


def webhook_runs(connection: Connection, *states: str) -> list[Run]:
    found = Run.unscoped.filter(connection=connection, kind=Run.Kind.WEBHOOK).order_by("pk")
    return list(found.filter(state__in=states) if states else found)


def states(connection: Connection) -> dict[str, str]:
    return dict(
        Delivery.objects.for_tenant(connection.tenant_id)
        .filter(connection=connection)
        .values_list("delivery_id", "state")
    )
