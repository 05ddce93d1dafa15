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
from integrations.rest.answers import undeclared_members
from integrations.rest.auth.transport_hook import Connect
from integrations.rest.declaration import Declaration
from integrations.rest.paginator import RUN_FAILS, Paginator
from integrations.rest.paths import scalar_at
from integrations.rest.progress import Progress
from integrations.rest.session import Session, require_fillable
from integrations.rest.versions import version_of

_PREVIEW_BYTES = 2 * 1024 * 1024
"""Bytes of a page in a preview: a split page takes far more memory, and the console's process serves others too."""


class Rest(Declaration):
    """A REST API as a source: `Rest(base_url="https://api.example.com", path="/orders", records="$.data[*]")`.

    Wrong values are refused where it is written (ConfigurationError). `Rest.from_json` takes the same from JSON.
    """

    _connect: Connect = PrivateAttr(default=Client)
    _untrusted: bool = PrivateAttr(default=False)
    _transform_keys: Keys = PrivateAttr(default=())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The source from JSON that staff wrote. Raises ConfigurationError, which names keys and shows no value."""
        return config.from_json(cls, raw)

    def through(self, connect: Connect) -> Self:
        """The source over other clients; for tests, which put a transport under them."""
        changed = self.model_copy()
        changed._connect = connect
        return changed

    def untrusted(self) -> Self:
        """The source as declared by staff who must not learn the credential: it is sent only where it allows."""
        changed = self.model_copy()
        changed._untrusted = True
        return changed

    def with_config_keys(self, *names: str | type[BaseModel]) -> Self:
        """The source for a pipeline whose own transform reads these keys of a connection's config, too.

        Takes their names, or one Pydantic model that has a field for each key and validates its value.
        """
        changed = self.model_copy()
        only_argument = names[0] if len(names) == 1 else None
        keys: Any = only_argument if isinstance(only_argument, type) else (*key_names(self._transform_keys), *names)
        require_keys("Rest", keys)
        changed._transform_keys = keys
        return changed

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Refuse a config without a usable value for a `{config.NAME}`, or with a key that is never read."""
        config_keys.refuse_unread_keys(config, self, self._transform_keys)
        placeholders.require(self.texts, config)
        require_fillable(self, config)

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        with self._session(ctx) as session:
            yield from self._paginator(session, ctx).pages(checkpoint)

    def reads_windows(self, ctx: Context) -> bool:
        """Whether calls name both ends of the window. Otherwise a backfill of one day would read all days since."""
        return self.window_ends == {"window.start", "window.end"}

    def reads_ahead(self, ctx: Context) -> bool:
        return self.ahead

    def on_drift(self, ctx: Context) -> OnDrift:
        """The declared reaction to drift. Members that identify and order records or lead to a next page are vital."""
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
        with self._session(ctx, _PREVIEW_BYTES) as session:
            paginator = self._paginator(session, ctx)
            bodies: list[bytes] = []

            def fetch(call: Any) -> Any:
                response = session.fetch(call)
                bodies.append(response.body)
                return response

            paginator.fetch, paginator.is_preview = fetch, True
            page, progress = paginator.read_page(Progress.from_checkpoint(self, None))
        return dataclasses.replace(page, notes=[*page.notes, *self._remarks(page, progress, bodies[0])])

    def _session(self, ctx: Context, max_bytes: int | None = None) -> Session:
        return Session(self, ctx, self._connect, untrusted=self._untrusted, max_bytes=max_bytes)

    def _paginator(self, session: Session, ctx: Context) -> Paginator:
        return Paginator(
            self,
            session.call,
            session.fetch,
            beat=ctx.beat,
            secret_params=session.secret_params,
            check_response=session.check_response,
            check_page=session.check_page,
            redact=session.redact,
            prefetch=session.prefetch,
            hold_off=ctx.hold_off,
            subject=placeholders.with_config(self.path or self.base_url, ctx.config),
        )

    def _remarks(self, page: Page, progress: Progress, body: bytes) -> Iterator[str]:
        """Notes for a preview: consequences of options that were left out, and members that look like them."""
        if not self.incremental:
            yield "No parameter holds {window.start}: every run reads everything. Unchanged records are skipped."
        if self.pagination.style == "none" and not self.pagination.first_only:
            yield "No pagination is declared: what does not stand on this page is not read."
        elif (
            self.pagination.style != "none"
            and progress.done
            and not any(note.startswith(RUN_FAILS) for note in page.notes)
        ):
            yield "This is the only page: the source names no other."
            if missing_paths := [text for text in self.pagination.paths() if scalar_at(body, text) is None]:
                missing = ", ".join(missing_paths)
                yield f"The page has nothing at {missing}; if there are more pages, that path is wrong."
        if names := undeclared_members(body, self.signals):
            yield f"The answer has {', '.join(map(repr, names))}: if that says whether it succeeded, declare `signals`."
        if not self.key:
            yield "Records have no id: a changed record is a new one."
        elif not self.updated:
            yield "No time of change is declared: what was read last counts."
        yield from itertools.islice(_version_problems(page, self), 1)
        if (self.total or self.total_header) and progress.first_total is None:
            yield "The page has no total where one is declared; the count is not proven."
        if not page.records and not page.refused:
            yield "The page has no records."


def _version_problems(page: Page, declaration: Declaration) -> Iterator[str]:
    """Why records of a page will become dead letters, where the member that orders their states is unusable."""
    for record in page.records if declaration.updated else ():
        with contextlib.suppress(ValueError, RecursionError):  # an unreadable record is refused for another reason
            value = exact_json.read(record.body)
            try:
                version_of(value, declaration.updated, datetime.now(UTC), declaration.updated_unit)
            except RecordError as error:
                yield f"Records will be dead letters. {error}"


@dataclass(frozen=True, slots=True)
class Configured:
    """The source that a connection's config declares under "rest", so that staff can add an API without code."""

    connect: Connect = Client

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        yield from self._declaration(ctx).extract(ctx, checkpoint)

    def reads_windows(self, ctx: Context) -> bool:
        return self._declaration(ctx).reads_windows(ctx)

    def reads_ahead(self, ctx: Context) -> bool:
        return self._declaration(ctx).reads_ahead(ctx)

    def on_drift(self, ctx: Context) -> OnDrift:
        return self._declaration(ctx).on_drift(ctx)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return self._declaration(ctx).totals_of(ctx)

    def error_budget_of(self, ctx: Context) -> tuple[float, int] | None:
        return self._declaration(ctx).error_budget_of(ctx)

    def test(self, ctx: Context) -> str:
        return self._declaration(ctx).test(ctx)

    def preview(self, ctx: Context) -> Page:
        return self._declaration(ctx).preview(ctx)

    def check_config(self, settings: Mapping[str, Any]) -> None:
        """Refuse a wrong config. An empty one may be stored, because a connection exists before it is declared."""
        if settings:
            other_keys = {name: value for name, value in settings.items() if name != config.KEY}
            config.refuse_secrets(pasted_secrets("config", other_keys))
            config_keys.refuse_member_keys(other_keys)
            if config.KEY not in settings:
                config_keys.refuse_mistaken_keys(other_keys)
            declaration = config.declaration_in(Rest, settings)
            config_keys.refuse_unknown_keys_of(other_keys, declaration)
            placeholders.require(declaration.texts, other_keys)
            require_fillable(declaration, other_keys)

    def completed(self, settings: Mapping[str, Any], stored: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The config with the integration that the form would set, where an API is declared for the first time."""
        if config.KEY not in settings or config.integration_of(stored) or settings.get("integration"):
            return dict(settings)
        return {**settings, "integration": config.integration_for(name)}

    def _declaration(self, ctx: Context) -> Rest:
        return config.declaration_in(Rest, ctx.config).untrusted().through(self.connect)
