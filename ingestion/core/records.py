"""The record on its way: raw bytes in, then exactly one of Ready, Skipped or Rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from ingestion.core.errors import FieldError, RecordError

Json = Any
"""A value `json.dumps` takes: what checkpoints and configs are made of."""


class Stage(StrEnum):
    """Where on its way a record was rejected."""

    EXTRACT = "extract"
    VALIDATE = "validate"
    TRANSFORM = "transform"
    LOAD = "load"


class Record(NamedTuple):
    """One record as the source delivered it.

    `key` is the source's own id ('' when it has none), `body` the untouched bytes, `position` where it stood
    (a line or row number), for people. A NamedTuple, because millions of them are made.
    """

    key: str
    body: bytes
    position: str = ""


class Ready(NamedTuple):
    """Validated and transformed: `row` is what the destination loads, `digest` identifies the content."""

    record: Record
    row: Any
    digest: bytes


class Skipped(NamedTuple):
    """Nothing to do for this record; `reason` is a short stable word (unchanged, stale, superseded, or the user's)."""

    record: Record
    reason: str
    key: str = ""
    """The key of the row it would have become, where that was found out; the record's own otherwise."""


class Rejected(NamedTuple):
    """The record's own fault: becomes a dead letter."""

    record: Record
    stage: Stage
    error_class: str
    errors: tuple[FieldError, ...]


Outcome = Ready | Skipped | Rejected


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record its source could not even take apart, with the reason."""

    record: Record
    error: RecordError


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source: one batch, one transaction, one checkpoint, one heartbeat, one cancellation point.

    `checkpoint` is JSON from which `Source.extract` continues after this page. `declares` are control totals the source
    states for this page ("count", or a column's name for a sum); they are summed over the run and verified at its end.
    """

    records: Sequence[Record]
    checkpoint: Json
    refused: Sequence[Refusal] = ()
    declares: Mapping[str, Decimal] = field(default_factory=dict)
    notes: Sequence[str] = ()
    """Sentences for the run's timeline."""
    settles: Sequence[str] = ()
    """Identities of dead letters this page replays as a whole; closed unless the page has refusals again."""
    deliveries: Sequence[int] = ()
    """Ids of the deliveries this page was made of; done when it commits."""


@dataclass(slots=True)
class Counts:
    """How many records a batch or run saw. `read` is always the sum of the other three."""

    read: int = 0
    ok: int = 0
    skipped: int = 0
    dead: int = 0
