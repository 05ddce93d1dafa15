"""The stored rows of a look by their ordinals, looked up some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingestion import Context
from integrations.bank.arrivals import CHUNK, StoredRow, rows_by_key
from integrations.bank.identity import key_of

_FEW, _MORE = 4, 40
"""Ordinals that are looked up for many looks together, and for one that has more twins, then twice as many again."""


@dataclass(slots=True)
class Ordinals:
    """The rows of looks. Rows that this batch adds are not among them."""

    ctx: Context
    rows: dict[str, StoredRow] = field(default_factory=dict)

    def prefetch(self, looks: Iterable[str]) -> None:
        """Look up the first ordinals of all these looks together."""
        self.rows.update(rows_by_key(self.ctx, [key_of(look, at) for look in looks for at in range(_FEW)]))

    def of(self, look: str) -> Iterator[tuple[str, StoredRow | None]]:
        """Each key of the look with its row, without end. Call `prefetch` for the look first."""
        for key in (key_of(look, ordinal) for ordinal in range(_FEW)):
            yield key, self.rows.get(key)
        next_ordinal, count, may_have_more = _FEW, _MORE, True
        while True:
            keys = [key_of(look, next_ordinal + offset) for offset in range(count)]
            rows = rows_by_key(self.ctx, keys) if may_have_more else {}
            self.rows.update(rows)
            next_ordinal, count, may_have_more = next_ordinal + count, min(2 * count, CHUNK), bool(rows)
            for key in keys:
                yield key, self.rows.get(key)
