"""Replay: a run whose source is the dead-letter table, through the same path as a first delivery."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from django.db.models import F

from ingestion.core.context import Context
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Json, Page, Record, Stage
from ingestion.core.sources import Source
from ingestion.letters import payload
from ingestion.models import DeadLetter, Run

_PAGE = 500
_PAGE_BYTES = 16 * 1024 * 1024


@runtime_checkable
class Reopens(Protocol):
    """A source that rejects more than single records (a whole statement) and can take such a payload apart again."""

    def reopen(self, ctx: Context, record: Record) -> Page: ...


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The letters held by one replay run, oldest first. The checkpoint is the last letter's id."""

    original: Source
    run: Run

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        last = int(checkpoint or 0)
        while letters := self._after(ctx, last):
            # In a transaction of its own, before the attempt: it counts even when the load rolls back.
            DeadLetter.objects.for_tenant(ctx.tenant).filter(pk__in=[one.pk for one in letters]).update(
                replay_attempts=F("replay_attempts") + 1
            )
            last = letters[-1].pk
            yield self._page(ctx, letters, last)

    def _after(self, ctx: Context, last: int) -> Sequence[DeadLetter]:
        """The next letters of one kind: a run of records, or one letter that its source must reopen."""
        held = DeadLetter.objects.for_tenant(ctx.tenant).filter(
            replay_run=self.run, status__in=DeadLetter.OPEN, pk__gt=last
        )
        taken: list[DeadLetter] = []
        size = 0
        for letter in held.select_related("artifact").order_by("pk")[:_PAGE]:
            if self._reopens(letter):
                return taken or [letter]
            size += letter.artifact.size if letter.artifact else len(letter.payload)
            if taken and size > _PAGE_BYTES:
                break
            taken.append(letter)
        return taken

    def _reopens(self, letter: DeadLetter) -> bool:
        return letter.stage == Stage.EXTRACT and isinstance(self.original, Reopens)

    def _page(self, ctx: Context, letters: Sequence[DeadLetter], last: int) -> Page:
        records = [Record(one.source_id, payload(one), one.position) for one in letters]
        if len(letters) == 1 and self._reopens(letters[0]) and isinstance(self.original, Reopens):
            page = self.original.reopen(ctx, records[0])
            return dataclasses.replace(page, checkpoint=last, declares={}, settles=(letters[0].identity,))
        return Page(records, last)


def replaying(pipeline: Pipeline, run: Run) -> Pipeline:
    """`pipeline`, reading the dead letters that `run` holds; control totals do not apply to a selection of records."""
    return dataclasses.replace(pipeline, source=DeadLetters(pipeline.source, run), reconciliations=())
