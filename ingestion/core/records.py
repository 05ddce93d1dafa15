"""The record on its way: raw bytes in, then exactly one of Ready, Skipped or Rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from ingestion.core.errors import ConfigurationError, FieldError, RecordError

Json = Any
"""A value `json.dumps` takes: what checkpoints and configs are made of."""


UNCHANGED = "unchanged"
STALE = "stale"
SUPERSEDED = "superseded"
OVERTAKEN = "overtaken"
"""Reasons of the engine's own for skipping a record; all others are a transform's."""


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
    """The source's own id; '' where it has none."""
    body: bytes
    """The bytes as they came."""
    position: str = ""
    """Where it stood, for people: a line, a row. It identifies nothing."""


class Ready(NamedTuple):
    """Validated and transformed: `row` is what the destination loads, `digest` identifies the content."""

    record: Record
    """What it was made of."""
    row: Any
    """What the transform returned."""
    digest: bytes
    """Of the content it was made of, by which an unchanged record is known."""


class Skipped(NamedTuple):
    """Nothing to do for this record; `reason` is a short stable word (unchanged, stale, superseded, or the user's)."""

    record: Record
    reason: str
    key: str = ""
    """The key of the row it would have become, where that was found out; the record's own otherwise."""

    @property
    def says_present(self) -> bool:
        """Whether this version is valid and what its source has now, so that bad ones before it need no mending.

        Not when it is older than what is stored, or a replay that would overwrite what came after its letter, nor when
        a later one of its page took its place unseen.
        """
        return self.reason not in (STALE, OVERTAKEN) and (self.reason != SUPERSEDED or bool(self.key))


class Rejected(NamedTuple):
    """The record's own fault: becomes a dead letter."""

    record: Record
    """What was rejected."""
    stage: Stage
    """How far it had come."""
    error_class: str
    """What the dead letter is listed under."""
    errors: tuple[FieldError, ...]
    """What is wrong with it."""


Outcome = Ready | Skipped | Rejected


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record its source could not even take apart, with the reason."""

    record: Record
    """The bytes as they came, and where they stood."""
    error: RecordError
    """Why it is none."""

    def __post_init__(self) -> None:
        parts: tuple[object, object] = self.record, self.error
        if not (isinstance(parts[0], Record) and isinstance(parts[1], RecordError)):
            of = " and a ".join(type(part).__name__ for part in parts)
            raise ConfigurationError(f"A Refusal is made of a Record and a RecordError; it is of a {of}.")


DIFFER = "totals differ"


class Proof(NamedTuple):
    """What a source can say of the truth of what it delivered: proved, or why it could not be checked.

    `subject` is what the verdict is about, as people know it (a file's name, a statement); `verdict` a short sentence.
    """

    subject: str
    """What the verdict is about: the name of a file, a statement."""
    verdict: str
    """A short sentence; the class methods make the usual ones."""

    @classmethod
    def balances(cls, subject: str) -> Proof:
        """Opening balance and entries make the closing balance."""
        return cls(subject, "balances proved")

    @classmethod
    def totals(cls, subject: str) -> Proof:
        """The counts or sums that the source declares are those of what it delivered."""
        return cls(subject, "totals proved")

    @classmethod
    def differ(cls, subject: str, how: str) -> Proof:
        """The counts or sums that the source declares are not those of what it delivered. `how` says the two."""
        return cls(subject, f"{DIFFER}: {how}")

    @classmethod
    def unchecked(cls, subject: str, why: str) -> Proof:
        """Nothing could be proved. `why` goes on after "not checked: "."""
        return cls(subject, f"not checked: {why}")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source: one batch, one transaction, one checkpoint, one heartbeat, one cancellation point.

    `checkpoint` is JSON from which `Source.extract` continues after this page. `declares` are control totals the source
    states ("count", or a column's name for a sum). They are summed over all pages of the run, and so is what arrived: a
    total may be declared page by page, or once with any page for all of them. What disagrees fails the run at its end.
    """

    records: Sequence[Record]
    """In the order in which the source has them."""
    checkpoint: Json
    """JSON from which `extract` goes on after this page."""
    refused: Sequence[Refusal] = ()
    """What could not even be taken apart."""
    declares: Mapping[str, Decimal] = field(default_factory=dict)
    """Control totals that the source states: "count" for `CountsAgree()`, the column's name for `SumAgrees(column)`.
    Added up over the pages of a run: a total of the whole run stands on one page only.
    """
    notes: Sequence[str] = ()
    """Sentences that somebody should read: in the run's timeline, and what commands say of a run that they carried."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What the source left out on purpose, counted by reason: few, short, stable words. None of it counts as read."""
    proofs: Sequence[Proof] = ()
    """What the source can prove of what it delivered, shown on the run."""
    settles: Sequence[str] = ()
    """Identities of dead letters this page replays as a whole; closed unless the page has refusals again."""
    deliveries: Sequence[int] = ()
    """Ids of the deliveries this page was made of; done when it commits."""
    envelope: bytes = field(default=b"", repr=False)
    """What the source wrote around the records, a JSON object ('' for none): part of the shape that is watched."""
    last: bool = False
    """No page follows, as the source says: what its envelope lacks, such as the way to a next page, is no drift."""
    formerly: Callable[[], Mapping[str, Sequence[str]]] | None = None
    """For keys of this page's records, further source ids under which dead letters of unreadable versions of them may
    lie: closed when the record is loaded. Called only where the connection has open dead letters.
    """
    titles: Sequence[str] = ()
    """What was read, in sentences for the timeline that ask nobody for anything."""

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a part of another type. Of a list only its first member is looked at."""
        for name, is_valid, expected in _PARTS:
            if not is_valid(value := getattr(self, name)):
                raise ConfigurationError(f"{name} of a Page must be {expected}; it is {_named(value)}.")


def _list_of(kind: type) -> Callable[[Any], bool]:
    def is_valid(value: Any) -> bool:
        if isinstance(value, list | tuple):
            return not value or isinstance(value[0], kind)
        return isinstance(value, Sequence) and not isinstance(value, str | bytes)

    return is_valid


def _numbers(*kinds: type) -> Callable[[Any], bool]:
    def is_valid(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        return not value or all(isinstance(name, str) and isinstance(value[name], kinds) for name in value)

    return is_valid


_PARTS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("records", _list_of(Record), "a list of Record(key, body, position)"),
    ("refused", _list_of(Refusal), "a list of Refusal(record, error)"),
    ("declares", _numbers(Decimal, int), 'numbers by name, such as {"count": Decimal(5)}'),
    ("notes", _list_of(str), "a list of sentences"),
    ("left_out", _numbers(int), 'whole numbers by reason, such as {"pending": 2}'),
    ("proofs", _list_of(Proof), "a list of Proof, such as Proof.balances(name)"),
    ("settles", _list_of(str), "a list of texts"),
    ("deliveries", _list_of(int), "a list of whole numbers"),
    ("titles", _list_of(str), "a list of sentences"),
    ("envelope", lambda value: isinstance(value, bytes), "bytes"),
    ("last", lambda value: isinstance(value, bool), "True or False"),
    ("formerly", lambda value: value is None or callable(value), "a function without arguments, or None"),
)
"""A page's parts: how a value of each is known, and what it must be. The checkpoint is looked at where it is kept."""


def _named(value: object) -> str:
    """What type a value is of, and the first in it. Never the value: it may be a payload."""
    if isinstance(value, list | tuple) and value:
        return f"a {type(value).__name__} that begins with a {type(value[0]).__name__}"
    if isinstance(value, Mapping) and value:
        name = next(iter(value))
        return f"a {type(value).__name__} from {type(name).__name__} to {type(value[name]).__name__}"
    return "None" if value is None else f"a {type(value).__name__}"


@dataclass(slots=True)
class Counts:
    """How many records a batch or run saw. `read` is always the sum of the other three."""

    read: int = 0
    ok: int = 0
    skipped: int = 0
    dead: int = 0
