"""Which records of a connection have open dead letters, read once for a run and not for each page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from ingestion.core.records import Record, Rejected
from ingestion.core.text import CUT
from ingestion.dead_letters import writing
from ingestion.models import DeadLetter, Run

_MOST_IDS = 5000


@dataclass(slots=True)
class OpenDeadLetters:
    """The source ids that have open dead letters, while they are few: loaded records then need no query.

    It may name more ids than there are, never fewer.
    """

    ids: set[str] | None
    """None when there are too many, or when another run of the connection may add to them at the same time."""

    @classmethod
    def of(cls, run: Run) -> Self:
        if run.kind == Run.Kind.BACKFILL:
            return cls(None)
        ids = list(
            writing.of_connection(run)
            .filter(status__in=DeadLetter.OPEN)
            .values_list("source_id", flat=True)[: _MOST_IDS + 1]
        )
        return cls(set(ids) if len(ids) <= _MOST_IDS else None)

    @property
    def none(self) -> bool:
        """Whether there is none, so that no dead letter need be closed."""
        return self.ids is not None and not self.ids

    def add(self, rejected: Iterable[Rejected]) -> None:
        if self.ids is not None:
            self.ids.update(writing.source_id_of(rejection.record) for rejection in rejected)
            if len(self.ids) > _MOST_IDS:
                self.ids = None

    def named(self, formerly: Mapping[str, Sequence[str]], keys: Iterable[str]) -> list[str]:
        """The source ids that `formerly` has for `keys` and that an open dead letter may have."""
        names = (name for key in keys for name in formerly.get(key, ()))
        return [name for name in names if self.ids is None or name in self.ids]

    def among(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those of `records` that an open dead letter may be about."""
        ids = self.ids
        if ids is None or not records:
            return records
        if any(source_id[-17:-16] == CUT for source_id in ids):
            return [record for record in records if writing.source_id_of(record) in ids]
        return [record for record in records if record.key in ids]  # as dead letters have them
