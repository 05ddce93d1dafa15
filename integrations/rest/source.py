"""Sources over a declared REST API: one declared in code, one declared in each connection's config."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, PrivateAttr

from ingestion import (
    Context,
    Json,
    Keys,
    OnDrift,
    Page,
    RecordError,
    counted,
    key_names,
    pasted_secrets,
    require_keys,
)
from integrations.http import Client
from integrations.rest import config, config_keys, exact_json, placeholders
from integrations.rest.answers import resembling
from integrations.rest.auth.transport_hook import Connect
from integrations.rest.declaration import Declaration
from integrations.rest.paginator import FAILS, Reading
from integrations.rest.paths import peek
from integrations.rest.progress import Progress
from integrations.rest.session import Session, require_fillable
from integrations.rest.versions import version_of

_SHOWN = 2 * 1024 * 1024
"""Bytes of a page that is shown: the console's process serves others too, and taken apart a page is far larger."""


class Rest(Declaration):
    """A REST API as a source: `Rest(base_url="https://api.example.com", path="/orders", records="$.data[*]")`.

    Wrong values are refused where it is written (ConfigurationError). `Rest.from_json` takes the same from JSON.
    """

    _connect: Connect = PrivateAttr(default=Client)
    _untrusted: bool = PrivateAttr(default=False)
    _transforms: Keys = PrivateAttr(default=())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The same from JSON that staff wrote. Raises ConfigurationError, which names keys and shows no value."""
        return config.from_json(cls, raw)

    def through(self, connect: Connect) -> Self:
        """The same over clients of your own; for tests, which put a transport under them."""
        copy = self.model_copy()
        copy._connect = connect
        return copy

    def untrusted(self) -> Self:
        """The same as somebody declared it who must not learn the credential: it goes only where it says itself."""
        copy = self.model_copy()
        copy._untrusted = True
        return copy

    def with_config_keys(self, *names: str | type[BaseModel]) -> Self:
        """The same where the pipeline's own transform reads these keys of a connection's config, too.

        Their names, or one model of pydantic's that has a field for each and judges its value.
        """
        copy = self.model_copy()
        alone = names[0] if len(names) == 1 else None
        keys: Any = alone if isinstance(alone, type) else (*key_names(self._transforms), *names)
        require_keys("Rest", keys)
        copy._transforms = keys
        return copy

    def check_config(self, config: Mapping[str, Any]) -> None:
        """What `{config.NAME}` stands for must be there, and nothing that nobody reads."""
        config_keys.refuse_unread(config, self, self._transforms)
        placeholders.require(self.texts, config)
        require_fillable(self, config)

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        with self._session(ctx) as session:
            yield from self._reading(session, ctx).pages(checkpoint)

    def reads_windows(self, ctx: Context) -> bool:
        """Whether a run asks for its window and nothing else: a backfill of one day must not read all days since."""
        return self.edges == {"window.start", "window.end"}

    def reads_ahead(self, ctx: Context) -> bool:
        return self.ahead

    def on_drift(self, ctx: Context) -> OnDrift:
        """As declared; what tells records apart and orders them is vital, and so is what leads to the next page."""
        vital = frozenset({*self.keys, self.updated, *self.pagination.paths(), self.total} - {""})
        return OnDrift(self.drift, vital, explicit=self.declared_drift() is not None)

    def declared_drift(self) -> Literal["stop", "note", "ignore"] | None:
        return self.drift if "drift" in self.model_fields_set else None

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ("count",) if self.total or self.total_header else ()

    def error_budget_of(self, ctx: Context) -> tuple[float, int] | None:
        return (self.error_budget.ratio, self.error_budget.at_least) if self.error_budget else None

    def test(self, ctx: Context) -> str:
        """One call for the first page. Raises CredentialError, SourceChanged, Transient or ConfigurationError."""
        page = self.preview(ctx)
        count = len(page.records) + len(page.refused)
        address = placeholders.with_config(self.base_url + self.path, ctx.config)
        return f"{address} answered with {counted(count, 'record')} on its first page."

    def preview(self, ctx: Context) -> Page:
        """The first page, with notes about what a reader of the declaration should know. At most 2 MB of it."""
        with self._session(ctx, _SHOWN) as session:
            reading = self._reading(session, ctx)
            kept: list[bytes] = []

            def fetch(call: Any) -> Any:
                reply = session.fetch(call)
                kept.append(reply.body)
                return reply

            reading.fetch, reading.patient = fetch, True
            page, after = reading.step(Progress.at(self, None))
        return dataclasses.replace(page, notes=[*page.notes, *self._remarks(page, after, kept[0])])

    def _session(self, ctx: Context, largest: int | None = None) -> Session:
        return Session(self, ctx, self._connect, untrusted=self._untrusted, largest=largest)

    def _reading(self, session: Session, ctx: Context) -> Reading:
        return Reading(
            self, session.call, session.fetch, ctx.beat, session.hidden, session.vet, session.check, session.hush,
            session.foresee, ctx.hold_off, placeholders.with_config(self.path or self.base_url, ctx.config),
        )  # fmt: skip

    def _remarks(self, page: Page, after: Progress, body: bytes) -> Iterator[str]:
        if not self.incremental:
            yield "No parameter holds {window.start}: every run reads everything. Unchanged records are skipped."
        if self.pagination.style == "none" and not self.pagination.first_only:
            yield "No pagination is declared: what does not stand on this page is not read."
        elif self.pagination.style != "none" and after.done and not any(note.startswith(FAILS) for note in page.notes):
            yield "This is the only page: the source names no other."
            if missing := [text for text in self.pagination.paths() if peek(body, text) is None]:
                yield f"The page has nothing at {', '.join(missing)}; if there are more pages, that path is wrong."
        if names := resembling(body, self.signals):
            yield f"The answer has {', '.join(map(repr, names))}: if that says whether it succeeded, declare `signals`."
        if not self.key:
            yield "Records have no id: a changed record is a new one."
        elif not self.updated:
            yield "No time of change is declared: what was read last counts."
        yield from itertools.islice(_unversioned(page, self), 1)
        if (self.total or self.total_header) and after.first_total is None:
            yield "The page has no total where one is declared; the count is not proven."
        if not page.records and not page.refused:
            yield "The page has no records."


def _unversioned(page: Page, declared: Declaration) -> Iterator[str]:
    """Why records of a page will be refused over what orders their states."""
    for record in page.records if declared.updated else ():
        with contextlib.suppress(ValueError, RecursionError):  # what cannot be read is another matter
            value = exact_json.read(record.body)
            try:
                version_of(value, declared.updated, datetime.now(UTC), declared.updated_unit)
            except RecordError as error:
                yield f"Records will be dead letters. {error}"


@dataclass(frozen=True, slots=True)
class Configured:
    """The source that each connection's config declares under "rest"; staff add one without code."""

    connect: Connect = Client

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield from self._declared(ctx).extract(ctx, checkpoint)

    def reads_windows(self, ctx: Context) -> bool:
        return self._declared(ctx).reads_windows(ctx)

    def reads_ahead(self, ctx: Context) -> bool:
        return self._declared(ctx).reads_ahead(ctx)

    def on_drift(self, ctx: Context) -> OnDrift:
        return self._declared(ctx).on_drift(ctx)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return self._declared(ctx).totals_of(ctx)

    def error_budget_of(self, ctx: Context) -> tuple[float, int] | None:
        return self._declared(ctx).error_budget_of(ctx)

    def test(self, ctx: Context) -> str:
        return self._declared(ctx).test(ctx)

    def preview(self, ctx: Context) -> Page:
        return self._declared(ctx).preview(ctx)

    def check_config(self, given: Mapping[str, Any]) -> None:
        """An empty config may be stored: a connection is made before it is declared."""
        if given:
            others = {name: value for name, value in given.items() if name != config.KEY}
            config.refuse_secrets(pasted_secrets("config", others))
            config_keys.refuse_members(others)
            if config.KEY not in given:
                config_keys.refuse_undeclared(others)
            declared = config.declared(Rest, given)
            config_keys.refuse_unknown(others, declared)
            placeholders.require(declared.texts, others)
            require_fillable(declared, others)

    def completed(self, given: Mapping[str, Any], before: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Where an API is declared for the first time, the integration that the form would name."""
        if config.KEY not in given or config.integration_of(before) or given.get("integration"):
            return dict(given)
        return {**given, "integration": config.integration_for(name)}

    def _declared(self, ctx: Context) -> Rest:
        return config.declared(Rest, ctx.config).untrusted().through(self.connect)
