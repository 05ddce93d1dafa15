"""The stored rows of a look by their ordinals, looked up some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingestion import Context
from integrations.bank.arrivals import CHUNK, Row, by_key
from integrations.bank.identity import key_of

_FEW, _MORE = 4, 40
"""Ordinals that are looked up for many looks together, and for one that has more twins, then twice as many again."""


@dataclass(slots=True)
class Ordinals:
    """The rows of looks; what is new in this batch is not among them."""

    ctx: Context
    rows: dict[str, Row] = field(default_factory=dict)

    def learn(self, looks: Iterable[str]) -> None:
        """Look the first ones up for all these looks together."""
        self.rows.update(by_key(self.ctx, [key_of(look, at) for look in looks for at in range(_FEW)]))

    def of(self, look: str) -> Iterator[tuple[str, Row | None]]:
        """Each key of the look with its row, from the first one on without end; of a look that was learnt."""
        for key in (key_of(look, ordinal) for ordinal in range(_FEW)):
            yield key, self.rows.get(key)
        at, more, were_any = _FEW, _MORE, True
        while True:
            keys = [key_of(look, at + further) for further in range(more)]
            found = by_key(self.ctx, keys) if were_any else {}
            self.rows.update(found)
            at, more, were_any = at + more, min(2 * more, CHUNK), bool(found)
            for key in keys:
                yield key, self.rows.get(key)
