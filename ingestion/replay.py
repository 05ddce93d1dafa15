"""Replay: a run whose source is the dead-letter table, through the same path as a first delivery."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import F, Q
from django.db.models.functions import Length

from ingestion.artifacts import ArtifactDamaged
from ingestion.core.capabilities import Receives, Reopens
from ingestion.core.context import Context
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Json, Page, Record, Stage
from ingestion.core.sources import Source
from ingestion.letters import payload
from ingestion.models import DeadLetter

_PAGE = 500
_PAGE_BYTES = 16 * 1024 * 1024
_DELIVERY = re.compile(r"delivery \d+")
"""Where a letter stood that is a whole delivery, and not one of the records in it."""
_SINGLE = ("PoisonRecord", "PayloadTooLarge")
"""Error classes at the extract stage that concern one record and not what a source refused as a whole."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Some open letters, oldest first: those held by a replay run. The checkpoint is the last letter's id."""

    original: Source
    which: Q

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        last = int(checkpoint or 0)
        while letters := self._after(ctx, last):
            if not ctx.rehearsing:
                # In a transaction of its own, before the attempt: it counts even when the load rolls back.
                DeadLetter.objects.for_tenant(ctx.tenant).filter(pk__in=[one.pk for one in letters]).update(
                    replay_attempts=F("replay_attempts") + 1
                )
            last = letters[-1].pk
            yield self._page(ctx, letters, last)

    def _after(self, ctx: Context, last: int) -> Sequence[DeadLetter]:
        """The next letters of one kind: a run of records, or one letter that its source must reopen."""
        held = DeadLetter.objects.for_tenant(ctx.tenant).filter(self.which, status__in=DeadLetter.OPEN, pk__gt=last)
        chosen: list[int] = []
        total = 0
        # Sizes first: the payloads of a whole page of large letters would not fit in memory.
        sizes = held.annotate(inline=Length("payload")).order_by("pk")
        for pk, stage, fault, position, inline, stored in sizes.values_list(
            "pk", "stage", "error_class", "position", "inline", "artifact__size"
        )[:_PAGE]:
            if self._reopens(stage, fault, position):
                chosen = chosen or [pk]
                break
            total += stored or inline or 0
            if chosen and total > _PAGE_BYTES:
                break
            chosen.append(pk)
        return list(held.select_related("artifact").filter(pk__in=chosen).order_by("pk"))

    def _reopens(self, stage: str, error_class: str, position: str) -> bool:
        """Whether the source itself refused it; a single record that it refused is replayed as a record."""
        if stage != Stage.EXTRACT or error_class in _SINGLE:
            return False
        delivered = isinstance(self.original, Receives) and _DELIVERY.fullmatch(position) is not None
        return delivered or isinstance(self.original, Reopens)

    def _reopened(self, ctx: Context, record: Record) -> Page:
        if isinstance(self.original, Reopens):
            return self.original.reopen(ctx, record)
        assert isinstance(self.original, Receives)
        return self.original.receive(ctx, [record])

    def _page(self, ctx: Context, letters: Sequence[DeadLetter], last: int) -> Page:
        records: list[Record] = []
        notes: list[str] = []
        for one in letters:
            try:
                records.append(Record(one.source_id, payload(one), one.position))
            except ArtifactDamaged as damage:  # the letter stays open, and the others go on
                notes.append(f"Dead letter {one.pk} was left out: {damage}")
        first = letters[0]
        if len(records) == len(letters) == 1 and self._reopens(first.stage, first.error_class, first.position):
            page = self._reopened(ctx, records[0])
            return dataclasses.replace(page, checkpoint=last, declares={}, settles=(first.identity,))
        return Page(records, last, notes=notes)


def replaying(pipeline: Pipeline, which: Q) -> Pipeline:
    """`pipeline`, reading the open letters that `which` selects; control totals are not about a selection."""
    return dataclasses.replace(pipeline, source=DeadLetters(pipeline.source, which), reconciliations=())
