"""The stored rows of a look by their ordinals, looked up some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingestion import Context
from integrations.bank.arrivals import Row, by_key
from integrations.bank.identity import key_of

_FEW, _MORE = 4, 40
"""Ordinals that are looked up for many looks together, and for one that has more twins."""
_MOST = 4000


@dataclass(slots=True)
class Ordinals:
    """The rows of looks; what is new in this batch is not among them."""

    ctx: Context
    rows: dict[str, Row] = field(default_factory=dict)

    def learn(self, looks: Iterable[str]) -> None:
        """Look the first ones up for all these looks together."""
        self.rows.update(by_key(self.ctx, [key_of(look, at) for look in looks for at in range(_FEW)]))

    def of(self, look: str) -> Iterator[tuple[str, Row | None]]:
        """Each key of the look with its row, from the first one; of a look that was learnt."""
        for ordinal in range(_MOST):
            if ordinal >= _FEW and (ordinal - _FEW) % _MORE == 0:
                self.rows.update(by_key(self.ctx, [key_of(look, ordinal + more) for more in range(_MORE)]))
            key = key_of(look, ordinal)
            yield key, self.rows.get(key)
