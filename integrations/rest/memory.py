"""What a reading has read since it began, so that a source that goes in a circle is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestion import SourceChanged
from integrations.rest.exchange import Turn
from integrations.rest.progress import Progress

_PAGES = 2
"""A page of nothing new may come by chance when rows move by a whole page; a second one in a row does not."""
_MOST = 200_000
"""When there are more, the memory begins anew; a circle that is longer than this ends by `max_pages`."""


@dataclass(slots=True)
class Memory:
    """Hashes of the records of this reading. An interruption forgets them: a circle is then noticed a round later."""

    _records: set[int] = field(default_factory=set)

    def stale(self, bodies: Sequence[bytes], progress: Progress, turn: Turn) -> int:
        """How many pages in a row brought only records that were read before. Raises SourceChanged for the second one.

        A page that its style reads again on purpose counts neither way.
        """
        again = turn.reached is not None and turn.reached <= progress.state.get("far", 0)
        hashes = {hash(body) for body in bodies[turn.repeats :]}
        if again or not hashes:
            return progress.stale
        if len(self._records) > _MOST:
            self._records.clear()
        stale = progress.stale + 1 if hashes <= self._records else 0
        self._records |= hashes
        if stale >= _PAGES:
            raise SourceChanged(
                f"Pages {progress.pages} and {progress.pages + 1} hold only records that this run has read already: "
                "the source gives the same pages in a circle, so others may never come. Does it know the parameters "
                "that pages are asked for with, and list in a stable order?"
            )
        return stale
