"""Where records come from. A source is a frozen value with one method; what else it can do, `capabilities` names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ingestion.core.context import Context
from ingestion.core.records import Json, Page


class Source(Protocol):
    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        """Pages from `checkpoint` on (None: from the start). Runs outside any transaction; may block and may fail.

        Called again with the checkpoint of the last committed page after any interruption.
        """
        ...
