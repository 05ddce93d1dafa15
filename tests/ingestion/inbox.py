"""A source that reads uploaded files, and what a test asks of uploads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion import Context, Json, Page, Record


@dataclass(frozen=True)
class Inbox:
    """A JSON object a line, out of the uploaded files."""

    def takes_files(self) -> bool:
        return True

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for file in ctx.inbox:
            yield Page([Record(f"{file.name}{n}", line) for n, line in enumerate(ctx.read(file).splitlines())], None)
