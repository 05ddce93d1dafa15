"""Webhook runs: a connection's pending deliveries as a source."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Max

from ingestion import deliveries, null_hooks
from ingestion.core.capabilities import Receives
from ingestion.core.context import Context
from ingestion.core.errors import ConfigurationError, PoisonDelivery
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Json, Page, Record, Refusal
from ingestion.models import Delivery, Run
from ingestion.running import poison_bisection
from ingestion.running.claims import Claim

_PAGE = 500
_PAGE_BYTES = 4 * 1024 * 1024
"""Smaller than other pages: one delivery may hold many records, and all of them are one batch."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries that were pending when this attempt of the run began, oldest first; the checkpoint is the last id.

    Later deliveries belong to the next run. So does a delivery whose transaction committed after one with a higher id:
    it stays pending, because a page marks exactly its own rows as done.
    """

    original: Receives
    run: Run
    claim: Claim
    poison: frozenset[str]

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        last = int(checkpoint or 0)
        pending = deliveries.pending(self.run.connection_id).filter(tenant_id=self.run.tenant_id)
        newest = pending.aggregate(newest=Max("pk"))["newest"] or 0
        while rows := self._next_deliveries(last, newest):
            last = rows[-1].pk
            yield self._page(ctx, rows)

    def _next_deliveries(self, last: int, newest: int) -> Sequence[Delivery]:
        """The next deliveries, as many as fit a page."""
        newer = deliveries.pending(self.run.connection_id).filter(tenant_id=self.run.tenant_id, pk__gt=last)
        newer = newer.filter(pk__lte=newest).order_by("pk")
        chosen: list[int] = []
        total = 0
        for pk, size in newer.values_list("pk", "size")[:_PAGE]:  # sizes first: bodies only of those that fit
            total += size
            if chosen and total > _PAGE_BYTES:
                break
            chosen.append(pk)
        return list(newer.filter(pk__in=chosen))

    def _page(self, ctx: Context, rows: Sequence[Delivery]) -> Page:
        records = {_name(row.pk): Record(row.delivery_id, bytes(row.body), _name(row.pk)) for row in rows}
        self._bisect_poison(ctx, records)
        deadly = [record for name, record in records.items() if name in self.poison]
        page = self.original.receive(ctx, [record for name, record in records.items() if name not in self.poison])
        refused = [
            Refusal(record, PoisonDelivery("Taking it apart ended its worker process twice.")) for record in deadly
        ]
        return dataclasses.replace(
            page,
            checkpoint=rows[-1].pk,
            refused=[*page.refused, *refused],
            declares={},
            notes=[*page.notes, *(f"{_name(row.pk)}: {row.note}" for row in rows if row.note)],
            settles=(),
            deliveries=[row.pk for row in rows],
        )

    def _bisect_poison(self, ctx: Context, records: dict[str, Record]) -> None:
        """Find the delivery that kills the worker that splits it; a search among its records continues later."""
        suspects = (self.run.isolation or {}).get("suspects", ())
        if self.run.deaths >= poison_bisection.DEATHS and all(name.startswith(_name("")) for name in suspects):
            uncounted = dataclasses.replace(ctx, spend=null_hooks.ignore)  # the page itself counts
            poison_bisection.search(
                self.run, self.claim, records, self.poison, lambda part: self.original.receive(uncounted, part)
            )


def _name(pk: object) -> str:
    return f"delivery {pk}"


def with_deliveries(pipeline: Pipeline, run: Run, claim: Claim, poison: frozenset[str]) -> Pipeline:
    """`pipeline` with its connection's pending deliveries as the source; control totals do not apply to them.

    Raises ConfigurationError when its source takes no deliveries; they stay pending.
    """
    if not isinstance(pipeline.source, Receives):
        raise ConfigurationError(
            f"Deliveries wait for {pipeline.name}, whose source {type(pipeline.source).__name__} takes none. Give it "
            "receive(ctx, deliveries), or abandon them on their pages or with `manage.py ingest abandon-delivery ID "
            "--reason …`; until then they are kept."
        )
    source = Deliveries(pipeline.source, run, claim, poison)
    return dataclasses.replace(pipeline, source=source, reconciliations=())
