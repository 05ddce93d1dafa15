"""A pipeline is a value: from where, what shape, to where, proven how; and one function of the user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from ingestion.core import declarations
from ingestion.core.capabilities import AnswersBudget, DeclaresDrift, NeedsTenants
from ingestion.core.context import Context
from ingestion.core.destinations import Destination
from ingestion.core.drift import MODES, DriftMode
from ingestion.core.errors import ConfigurationError, TenantNotServed
from ingestion.core.periods import Periods
from ingestion.core.reconciliation import Reconciliation
from ingestion.core.schedules import CATCH_UPS, CatchUp, Schedule
from ingestion.core.sources import Source
from ingestion.core.text import counted, rejections

Transform = Callable[[Any, Context], Any]
Reader = Callable[[bytes, Context], bytes]


MAX_PAYLOAD_BYTES = 8 * 1024 * 1024


class Skip(Exception):
    """Raised by a transform to say that a valid record is not wanted; the reason is counted and shown."""


_MOST = 0.5
"""Of a run of few records: when more were rejected than taken, it loaded no half truth but less."""


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """A run fails when more than `ratio` of its records were rejected, looked at from `at_least` records on.

    Checked at every batch boundary, so that a run against a changed source stops early, and again at the end: then a
    run of fewer records fails too when more than half of them were rejected, or more than `ratio` where that is higher.
    A ratio of 1 allows everything.
    """

    ratio: float = 0.5
    """The share of rejected records from which on a run fails, from 0 to 1."""
    at_least: int = 200
    """From how many records on it is looked at before the run's end."""

    def __post_init__(self) -> None:
        ratio = self.ratio
        declarations.require(
            declarations.is_share(ratio), "ErrorBudget's ratio", ratio, "a share from 0 to 1: 0.05 is five in a hundred"
        )
        declarations.require_count("ErrorBudget's at_least", self.at_least, 0)

    def exceeded(self, read: int, dead: int) -> bool:
        return read >= self.at_least and dead > self.ratio * read

    def exceeded_at_the_end(self, read: int, dead: int) -> bool:
        """The same of a whole run, be it of one record."""
        return dead > self.allowed(read) * read

    def breach(self, read: int, dead: int) -> str:
        """What was too much, and by which rule."""
        share = self.allowed(read)
        most = "none" if not share else "at most half" if share == _MOST else f"at most {100 * share:g} %"
        size = "at least" if read >= self.at_least else "fewer than"
        run = "a run" if self.at_least <= 1 else f"a run of {size} {counted(self.at_least, 'record')}"
        return f"{rejections(dead, read)}; the error budget allows {most} of {run}."

    def allowed(self, read: int) -> float:
        """The share of that many records that may be rejected: of a few, one or two more say little."""
        return self.ratio if read >= self.at_least else max(self.ratio, _MOST)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything the engine needs to run it. Variants (tests, replays) are `dataclasses.replace()` on the value."""

    name: str
    """The stored identity, for example "bookshop.charges". Renaming the function never renames data."""
    source: Source
    """Where its records come from."""
    schema: type[BaseModel]
    """A pydantic model that each record has to be."""
    destination: Destination[Any]
    """Where its rows go."""
    transform: Transform
    """`transform(record, ctx)` makes a row of a valid record, or raises `Skip` or `RecordError`."""
    integration: str = ""
    """Whose credential, rate limit and circuit the source uses, for example "stripe"; '' when it needs none."""
    reader: Reader | None = None
    """Slow reading between source and schema, outside any transaction; its failure is a dead letter at "extract"."""
    reconciliations: Sequence[Reconciliation] = ()
    """Control totals that a run proves before it closes."""
    periods: Periods | None = None
    """How closed days are held against the source, which must be `Reconcilable`. None: they are not."""
    schedule: Schedule | None = None
    """None: runs only when asked or when something is uploaded. A connection may have one of its own."""
    catch_up: CatchUp = "coalesce"
    """Due times that were missed become one run ("coalesce"), one run each over its own window ("each"), or none
    ("skip"). Nothing is lost by any: the next window starts at the watermark.
    """
    lag: timedelta = timedelta(minutes=5)
    """How far a window reaches back before the last watermark."""
    version: str = "1"
    """Raise it when the transform changes: every record counts as changed once."""
    error_budget: ErrorBudget = ErrorBudget()
    """How many of a run's records may be rejected."""
    drift: DriftMode | None = None
    """When records lose a field or change its type: "stop" the run until somebody accepts, "note" it in the timeline
    and go on, or "ignore" shapes altogether; watching them costs about a twentieth of a load. None: as its source says
    for each connection (`AnswersDrift`), and where that says nothing they are ignored.
    """
    tenants: Collection[str] | None = None
    """The keys of the tenants that may use it; no other tenant is offered it or can run it. None: every tenant."""
    max_payload_bytes: int = MAX_PAYLOAD_BYTES
    """A larger record is a dead letter, `PayloadTooLarge`, without its payload."""
    do_not_call_in_templates: ClassVar[bool] = True
    """For Django, whose templates would call it where they show it."""
    hasher: Any = field(init=False, repr=False, compare=False)
    """SHA-256 fed with name and version: a copy of it digests a record's content."""

    def __post_init__(self) -> None:
        if isinstance(self.reconciliations, list):
            object.__setattr__(self, "reconciliations", tuple(self.reconciliations))
        declarations.check(self, MODES, CATCH_UPS)
        expected = "a function of (record, ctx)"
        declarations.require(
            not isinstance(self.transform, Pipeline), self._part("transform"), self.transform, expected
        )
        expected = "Periods(…), or None"
        declarations.require(
            self.periods is None or isinstance(self.periods, Periods), self._part("periods"), self.periods, expected
        )
        expected = "ErrorBudget(0.05), or left out"
        declarations.require(
            isinstance(self.error_budget, ErrorBudget), self._part("error_budget"), self.error_budget, expected
        )
        self._check_drift()
        self._check_tenants()
        identity = f"{self.name}\0{self.version}".encode()
        salt = hashlib.sha256(identity).digest()[:16]
        object.__setattr__(self, "hasher", hashlib.sha256(salt))

    def _part(self, name: str) -> str:
        return f"{name} of {self.name}"

    def _check_drift(self) -> None:
        source_drift = self.source.declared_drift() if isinstance(self.source, DeclaresDrift) else None
        if self.drift is not None and source_drift is not None and source_drift != self.drift:
            raise declarations.contradiction(
                self.name, self.drift, source_drift, f"its source ({type(self.source).__name__})"
            )

    def _check_tenants(self) -> None:
        if self.tenants is None and isinstance(self.source, NeedsTenants) and self.source.needs_tenants():
            raise ConfigurationError(
                f"{type(self.source).__name__} of {self.name} cannot tell whose its records are, so every tenant would "
                'get them all. Name those they belong to: tenants=["acme"].'
            )

    def for_connection(self, ctx: Context) -> Pipeline:
        """This pipeline with the error budget that its source decides for the connection of `ctx`."""
        chosen = self.source.error_budget_of(ctx) if isinstance(self.source, AnswersBudget) else None
        return self if chosen is None else replace(self, error_budget=ErrorBudget(*chosen))

    def serves(self, tenant: str) -> bool:
        """Whether the tenant of this key may use it."""
        return self.tenants is None or tenant in self.tenants

    def require_served(self, tenant: str) -> None:
        """Raise TenantNotServed for a tenant that may not use it."""
        if not self.serves(tenant):
            raise TenantNotServed(f"Pipeline {self.name} is not for tenant {tenant}, so nothing was read or kept.")

    def __call__(self, record: Any, ctx: Context) -> Any:
        """Transform one valid record, for tests."""
        return self.transform(record, ctx)

    @property
    def title(self) -> str:
        """The first line of the transform's docstring, for people."""
        return (self.transform.__doc__ or self.name).strip().splitlines()[0]
