"""Replay: a run whose source is the dead-letter table, through the same path as a first delivery."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Length

from ingestion.artifacts import ArtifactDamaged
from ingestion.core.capabilities import Receives, Reopens
from ingestion.core.context import Context
from ingestion.core.duplicate_names import doubled_error
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Json, Page, Record, Refusal, Stage
from ingestion.core.sources import Source
from ingestion.dead_letters.writing import payload
from ingestion.models import DeadLetter, TenantQuerySet

_PAGE = 500
_PAGE_BYTES = 16 * 1024 * 1024
_DELIVERY = re.compile(r"delivery \d+")
"""Where a letter stood that is a whole delivery, and not one of the records in it."""
_SINGLE = ("PoisonRecord", "PayloadTooLarge")
"""Error classes at the extract stage that concern one record and not what a source refused as a whole."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Some open letters, as they were seen last: those held by a replay run. The checkpoint is the last one's place."""

    original: Source
    which: Q

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        waiting = self._waiting(ctx, checkpoint)
        start = 0
        while start < len(waiting):
            taken, dead_letters = self._next(ctx, waiting[start : start + _PAGE])
            start += taken
            if not dead_letters:
                continue
            if not ctx.rehearsing:
                # In a transaction of its own, before the attempt: it counts even when the load rolls back.
                DeadLetter.objects.for_tenant(ctx.tenant).filter(pk__in=[one.pk for one in dead_letters]).update(
                    replay_attempts=F("replay_attempts") + 1
                )
            seen, pk = waiting[start - 1]
            yield self._page(ctx, dead_letters, [seen.isoformat(), pk])

    def _waiting(self, ctx: Context, checkpoint: Json) -> Sequence[tuple[datetime, int]]:
        """When the letters were seen last, and their numbers, in that order: the newest payload ends on top.

        Looked up once: a letter that is seen again meanwhile would move behind its own checkpoint.
        """
        waiting = self._held(ctx)
        if isinstance(checkpoint, list):  # a number is an earlier release's, which took another order: begin anew
            seen, pk = datetime.fromisoformat(checkpoint[0]), checkpoint[1]
            waiting = waiting.filter(Q(last_seen__gt=seen) | Q(last_seen=seen, pk__gt=pk))
        return list(waiting.order_by("last_seen", "pk").values_list("last_seen", "pk"))

    def _held(self, ctx: Context) -> TenantQuerySet[DeadLetter]:
        return DeadLetter.objects.for_tenant(ctx.tenant).filter(self.which, status__in=DeadLetter.OPEN)

    def _next(self, ctx: Context, waiting: Sequence[tuple[datetime, int]]) -> tuple[int, Sequence[DeadLetter]]:
        """The next letters of one kind: a run of records, or one letter that its source must reopen.

        Beside them how many of those that waited are passed with them; letters that were closed meanwhile are left out.
        """
        numbers = [pk for _, pk in waiting]
        chosen: list[int] = []
        total, passed = 0, len(numbers)
        # Sizes first: the payloads of a whole page of large letters would not fit in memory.
        sizes = self._held(ctx).filter(pk__in=numbers).annotate(inline=Length("payload"))
        columns = sizes.values_list("pk", "stage", "error_class", "position", "inline", "artifact__size")
        rows = {row[0]: row for row in columns}
        for index, pk in enumerate(numbers):
            if pk not in rows:
                continue
            _, stage, fault, position, inline, stored = rows[pk]
            alone = self._reopens(stage, fault, position)
            total += stored or inline or 0
            if chosen and (alone or total > _PAGE_BYTES):
                passed = index
                break
            chosen.append(pk)
            if alone:
                passed = index + 1
                break
        dead_letters = {one.pk: one for one in self._held(ctx).select_related("artifact").filter(pk__in=chosen)}
        return passed, [dead_letters[pk] for pk in chosen if pk in dead_letters]

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

    def _page(self, ctx: Context, dead_letters: Sequence[DeadLetter], checkpoint: Json) -> Page:
        records: list[Record] = []
        refused: list[Refusal] = []
        notes: list[str] = []
        for one in dead_letters:
            try:
                record = Record(one.source_id, payload(one), one.position)
            except ArtifactDamaged as damage:  # the letter stays open, and the others go on
                notes.append(f"Dead letter {one.pk} was left out: {damage}")
                continue
            error = doubled_error(record.body) if one.stage == Stage.EXTRACT else None
            if error is None:
                records.append(record)
            else:  # its source refused it for that, and the destination would take the last value
                refused.append(Refusal(record, error))
        first = dead_letters[0]
        if len(records) == len(dead_letters) == 1 and self._reopens(first.stage, first.error_class, first.position):
            page = self._reopened(ctx, records[0])
            return dataclasses.replace(page, checkpoint=checkpoint, declares={}, settles=(first.identity,))
        return Page(records, checkpoint, refused, notes=notes)


def replaying(pipeline: Pipeline, which: Q) -> Pipeline:
    """`pipeline`, reading the open letters that `which` selects; control totals are not about a selection."""
    return dataclasses.replace(pipeline, source=DeadLetters(pipeline.source, which), reconciliations=())
