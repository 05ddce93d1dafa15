"""A source that a transient failure ends once, after its first page: what follows goes on from the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion import Context, Json, Page, Transient
from ingestion.testing import Records


@dataclass(frozen=True)
class Halting(Records):
    """Fails once, after its first page."""

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for page in super().extract(ctx, checkpoint):
            yield page
            if checkpoint is None:
                raise Transient("503")
