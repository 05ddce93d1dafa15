"""Remembers the records of recent pages, so that a source whose pages go in a circle is noticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingestion import Record, SourceChanged
from integrations.rest.exchange import NextPage
from integrations.rest.progress import Progress

_MAX_STALE_PAGES = 2
"""A page without new records may come by chance when rows move by a whole page; a second one in a row does not."""
_MIN_REMEMBERED, _REMEMBERED_PAGES = 5_000, 4
"""The newest records that are remembered, and at least those of so many pages. Memory so stays flat in a long reading:
rows move between neighbouring pages, and a longer circle ends by its cursors or by `max_pages`.
"""


@dataclass(slots=True)
class VisitedPages:
    """Hashes of this reading's newest records by their key. They are forgotten when the reading is interrupted."""

    _body_hashes: dict[int, int] = field(default_factory=dict)

    def count_repeated(self, records: Sequence[Record], progress: Progress, next_page: NextPage) -> Progress:
        """The progress with the page's repeated records counted, and how many pages in a row had no other records.

        Raises SourceChanged for the second such page. A page that its style reads again on purpose is not counted.
        """
        if not records or (
            next_page.rows_reached is not None and next_page.rows_reached <= progress.state.get("far", 0)
        ):
            return progress
        hashes = {hash(record.key): hash(record.body) for record in records}
        repeated_keys = hashes.keys() & self._body_hashes.keys()
        is_stale = all(self._body_hashes.get(key) == body for key, body in hashes.items())
        self._body_hashes |= hashes
        surplus = len(self._body_hashes) - max(_MIN_REMEMBERED, _REMEMBERED_PAGES * len(records))
        for key in list(islice(self._body_hashes, max(0, surplus))):  # the oldest come first
            del self._body_hashes[key]
        stale = progress.stale + 1 if is_stale else 0
        if stale >= _MAX_STALE_PAGES:
            raise SourceChanged(
                f"Pages {progress.pages} and {progress.pages + 1} hold only records that this run has read already: "
                "the source gives the same pages in a circle, so others may never come. Does it know the parameters "
                "that pages are asked for with, and list in a stable order?"
            )
        return dataclasses.replace(progress, stale=stale, repeated=progress.repeated + len(repeated_keys))
