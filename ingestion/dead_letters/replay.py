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
"""The position of a dead letter that is a whole delivery, and not one of the records in it."""
_SINGLE = ("PoisonRecord", "PayloadTooLarge")
"""Error classes at the extract stage that concern one record, not a whole file or delivery that a source refused."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Open dead letters as a source, in the order in which they were seen last; so is the checkpoint."""

    original: Source
    selection: Q

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        waiting = self._waiting(ctx, checkpoint)
        start = 0
        while start < len(waiting):
            passed, dead_letters = self._next_group(ctx, waiting[start : start + _PAGE])
            start += passed
            if not dead_letters:
                continue
            if not ctx.dry_run:
                # In a transaction of its own, before the attempt: it counts even when the load rolls back.
                DeadLetter.objects.for_tenant(ctx.tenant).filter(pk__in=[row.pk for row in dead_letters]).update(
                    replay_attempts=F("replay_attempts") + 1
                )
            last_seen, pk = waiting[start - 1]
            yield self._page(ctx, dead_letters, [last_seen.isoformat(), pk])

    def _waiting(self, ctx: Context, checkpoint: Json) -> Sequence[tuple[datetime, int]]:
        """When the dead letters were seen last, and their ids, in that order: the newest payload is loaded last.

        Read once: a dead letter that is seen again meanwhile would move behind its own checkpoint.
        """
        waiting = self._open_dead_letters(ctx)
        if isinstance(checkpoint, list):  # an earlier release stored a number and used another order: begin again
            last_seen, pk = datetime.fromisoformat(checkpoint[0]), checkpoint[1]
            waiting = waiting.filter(Q(last_seen__gt=last_seen) | Q(last_seen=last_seen, pk__gt=pk))
        return list(waiting.order_by("last_seen", "pk").values_list("last_seen", "pk"))

    def _open_dead_letters(self, ctx: Context) -> TenantQuerySet[DeadLetter]:
        return DeadLetter.objects.for_tenant(ctx.tenant).filter(self.selection, status__in=DeadLetter.OPEN)

    def _next_group(self, ctx: Context, waiting: Sequence[tuple[datetime, int]]) -> tuple[int, Sequence[DeadLetter]]:
        """The number of ids that are passed, and the next group: several records, or one for the source to reopen.

        Dead letters that were closed meanwhile are passed and left out.
        """
        numbers = [pk for _, pk in waiting]
        chosen: list[int] = []
        total, passed = 0, len(numbers)
        # Sizes first: the payloads of a page of large dead letters would not fit in memory.
        sizes = self._open_dead_letters(ctx).filter(pk__in=numbers).annotate(inline=Length("payload"))
        columns = sizes.values_list("pk", "stage", "error_class", "position", "inline", "artifact__size")
        rows = {row[0]: row for row in columns}
        for index, pk in enumerate(numbers):
            if pk not in rows:
                continue
            _, stage, fault, position, inline, stored = rows[pk]
            alone = self._must_reopen(stage, fault, position)
            total += stored or inline or 0
            if chosen and (alone or total > _PAGE_BYTES):
                passed = index
                break
            chosen.append(pk)
            if alone:
                passed = index + 1
                break
        dead_letters = {
            row.pk: row for row in self._open_dead_letters(ctx).select_related("artifact").filter(pk__in=chosen)
        }
        return passed, [dead_letters[pk] for pk in chosen if pk in dead_letters]

    def _must_reopen(self, stage: str, error_class: str, position: str) -> bool:
        """Whether the source refused it as a whole; a single record that it refused is replayed as a record."""
        if stage != Stage.EXTRACT or error_class in _SINGLE:
            return False
        delivered = isinstance(self.original, Receives) and _DELIVERY.fullmatch(position) is not None
        return delivered or isinstance(self.original, Reopens)

    def _reopen(self, ctx: Context, record: Record) -> Page:
        if isinstance(self.original, Reopens):
            return self.original.reopen(ctx, record)
        assert isinstance(self.original, Receives)
        return self.original.receive(ctx, [record])

    def _page(self, ctx: Context, dead_letters: Sequence[DeadLetter], checkpoint: Json) -> Page:
        records: list[Record] = []
        refused: list[Refusal] = []
        notes: list[str] = []
        for dead_letter in dead_letters:
            try:
                record = Record(dead_letter.source_id, payload(dead_letter), dead_letter.position)
            except ArtifactDamaged as damage:  # this one stays open, and the others are replayed
                notes.append(f"Dead letter {dead_letter.pk} was left out: {damage}")
                continue
            error = doubled_error(record.body) if dead_letter.stage == Stage.EXTRACT else None
            if error is None:
                records.append(record)
            else:  # its source refused the duplicate names; the destination would load the last value
                refused.append(Refusal(record, error))
        first = dead_letters[0]
        if len(records) == len(dead_letters) == 1 and self._must_reopen(first.stage, first.error_class, first.position):
            page = self._reopen(ctx, records[0])
            return dataclasses.replace(page, checkpoint=checkpoint, declares={}, settles=(first.identity,))
        return Page(records, checkpoint, refused, notes=notes)


def with_dead_letters(pipeline: Pipeline, selection: Q) -> Pipeline:
    """`pipeline` with the selected open dead letters as its source; control totals do not apply to a selection."""
    return dataclasses.replace(pipeline, source=DeadLetters(pipeline.source, selection), reconciliations=())
