"""What a source can do beside `extract`: one Protocol each, looked for with isinstance. None is there by default."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from ingestion.core.context import Context
from ingestion.core.drift import DriftMode, OnDrift
from ingestion.core.records import Page, Record

METHODS = (
    "test", "preview", "receive", "takes_files", "is_fed", "is_stream", "needs_tenants", "reads_windows", "reads_ahead",
    "check_config", "problems", "completed", "on_drift", "declared_drift", "error_budget_of", "totals_of", "reopen",
    "figures",
)  # fmt: skip
"""What sources with capabilities are asked for by name."""


def misspelt(source: object) -> Iterator[tuple[str, str]]:
    """Each public method of `source` that is called nearly as one of a capability, with how that one is called.

    Nobody calls such a method, and nobody misses it: the source is taken for one without the capability.
    """
    methods = [name for name in dir(type(source)) if not name.startswith("_") and callable(getattr(source, name, None))]
    for name in methods:
        near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.84)
        if near and name not in METHODS and near[0] not in methods:
            yield name, near[0]


@runtime_checkable
class Testable(Protocol):
    """A source that can say whether its credential and address work, without reading anything for real."""

    def test(self, ctx: Context) -> str:
        """One cheap call; a sentence about what answered. Raises CredentialError, SourceChanged or Transient."""
        ...


@runtime_checkable
class Previewable(Protocol):
    """A source that can fetch one page for people to look at, before anything runs."""

    def preview(self, ctx: Context) -> Page:
        """The first page of what a run would read now."""
        ...


@runtime_checkable
class Receives(Protocol):
    """A source that can also take in what is delivered unasked: webhooks, or records pushed over HTTP."""

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        """The records of these deliveries, oldest first (`key`: the sender's id of the delivery, `body`: its bytes).

        Refusals hold deliveries that cannot be taken apart. The page's checkpoint and control totals are not used.
        Runs outside any transaction, again after any interruption; it may ask the source for more.
        """
        ...


@runtime_checkable
class TakesFiles(Protocol):
    """A source that reads the files of `ctx.inbox`; uploads to a connection of any other are refused."""

    def takes_files(self) -> bool:
        """Whether it does. Asked for every connection that a page shows: no call, no credential."""
        ...


@runtime_checkable
class Fed(Protocol):
    """A source that finds nothing when it is asked: all of its records are uploaded or delivered."""

    def is_fed(self) -> bool:
        """Whether that is so; then nobody is offered to run, rewind or backfill it."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A source that reads messages as they were sent, in no certain order."""

    def is_stream(self) -> bool:
        """Whether that is so; then a destination without a version column is warned of."""
        ...


@runtime_checkable
class NeedsTenants(Protocol):
    """A source that cannot tell one tenant's records from another's."""

    def needs_tenants(self) -> bool:
        """Whether that is so; then its pipeline must name its `tenants`."""
        ...


@runtime_checkable
class Windowed(Protocol):
    """A source that reads what belongs to `ctx.window` and nothing else; only such a one can be backfilled in parts."""

    def reads_windows(self, ctx: Context) -> bool:
        """Whether it does so with this connection's config. Asked outside any run: no call, no credential."""
        ...


@runtime_checkable
class ChecksConfig(Protocol):
    """A source that can say what is wrong with a connection's config before it is stored."""

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Raise ConfigurationError, whose text shows no value of `config`, unless a run could use it."""
        ...


@runtime_checkable
class ChecksDeclaration(Protocol):
    """A source that finds out, when it is asked, what no import can: whether what its declaration names is there."""

    def problems(self, databases: Collection[str]) -> Sequence[str]:
        """A sentence for each thing that is wrong, for `manage.py check`. No call, no credential.

        `databases` are the aliases that may be asked, none with a plain `check`.
        """
        ...


@runtime_checkable
class CompletesConfig(Protocol):
    """A source that adds to what people wrote into a config what follows from the connection's name."""

    def completed(self, config: Mapping[str, Any], before: Mapping[str, Any], name: str) -> dict[str, Any]:
        """`config` as it is stored on the connection called `name`, whose config was `before`."""
        ...


@runtime_checkable
class AnswersDrift(Protocol):
    """A source that decides for each connection what a changed shape of its records means."""

    def on_drift(self, ctx: Context) -> OnDrift:
        """What it does unless the pipeline declares `drift`. No call, no credential."""
        ...


@runtime_checkable
class DeclaresDrift(Protocol):
    """A source in whose own declaration somebody may have written down what a changed shape means."""

    def declared_drift(self) -> DriftMode | None:
        """What is written there, None where nothing is. A pipeline that declares something else is refused."""
        ...


@runtime_checkable
class AnswersBudget(Protocol):
    """A source that decides for each connection how much of a run may be rejected."""

    def error_budget_of(self, ctx: Context) -> tuple[float, int] | None:
        """`ratio` and `at_least` of an `ErrorBudget`; None: as the pipeline declares. No call, no credential."""
        ...


@runtime_checkable
class DeclaresTotals(Protocol):
    """A source that knows beforehand which control totals its pages may declare; a run measures no others."""

    def totals_of(self, ctx: Context) -> Collection[str]:
        """Their names with this connection's config, as in `Page.declares`. No call, no credential."""
        ...


@runtime_checkable
class Reopens(Protocol):
    """A source that rejects more than single records (a whole statement) and can take such a payload apart again."""

    def reopen(self, ctx: Context, record: Record) -> Page:
        """The records of what was rejected as a whole, as `record`, when its dead letter is replayed."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A source whose next page may be fetched while the one before it is loaded, before that one is committed."""

    def reads_ahead(self, ctx: Context) -> bool:
        """Whether it may with this connection's config. No call, no credential.

        True only where asking for a page tells the source nothing about the ones before it (no acknowledgement), and
        `extract` uses no database but through `ctx.between_batches`: it then runs in a thread of its own.
        """
        ...
