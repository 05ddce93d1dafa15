"""What a reading has read since it began, so that a source that goes in a circle is noticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingestion import Record, SourceChanged
from integrations.rest.exchange import Turn
from integrations.rest.progress import Progress

_PAGES = 2
"""A page of nothing new may come by chance when rows move by a whole page; a second one in a row does not."""
_MOST, _OF_PAGES = 5_000, 4
"""The newest records that are remembered, and at least those of so many pages: memory stays flat, however long a
reading is. Rows move between neighbouring pages; a longer circle ends by its cursors or by `max_pages`.
"""


@dataclass(slots=True)
class Memory:
    """Hashes of this reading's newest records by their key. An interruption forgets them: what came before is new."""

    _records: dict[int, int] = field(default_factory=dict)

    def look(self, records: Sequence[Record], progress: Progress, turn: Turn) -> Progress:
        """`progress` with what is known of a page's records: how many an earlier page had brought, and how many pages
        in a row brought nothing else. Raises SourceChanged for the second such page.

        A page that its style reads again on purpose counts neither way.
        """
        if not records or (turn.reached is not None and turn.reached <= progress.state.get("far", 0)):
            return progress
        hashes = {hash(record.key): hash(record.body) for record in records}
        repeated = hashes.keys() & self._records.keys()
        same = all(self._records.get(key) == body for key, body in hashes.items())
        self._records |= hashes
        for key in list(islice(self._records, max(0, len(self._records) - max(_MOST, _OF_PAGES * len(records))))):
            del self._records[key]
        stale = progress.stale + 1 if same else 0
        if stale >= _PAGES:
            raise SourceChanged(
                f"Pages {progress.pages} and {progress.pages + 1} hold only records that this run has read already: "
                "the source gives the same pages in a circle, so others may never come. Does it know the parameters "
                "that pages are asked for with, and list in a stable order?"
            )
        return dataclasses.replace(progress, stale=stale, repeated=progress.repeated + len(repeated))
