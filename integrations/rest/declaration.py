"""`Rest`: a REST API as a frozen value."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ingestion import ConfigurationError
from integrations.rest import charsets, placeholders
from integrations.rest.answers import Signal
from integrations.rest.auth import Auth, NoAuth
from integrations.rest.auth.declared import RESERVED_HEADERS
from integrations.rest.paging import NoPages, Paging
from integrations.rest.paths import path
from integrations.rest.values import Value
from integrations.rest.versions import Unit

_MEGABYTE = 1024 * 1024
_READING_OPTIONS = {"ahead", "concurrency", "timeout", "error_budget", "max_pages", "max_page_bytes"}
"""Options that change how a source is read, and not what: after a change a run goes on from its checkpoint."""


class ErrorBudget(Value):
    """A share of the records of a run."""

    ratio: float = Field(0.5, ge=0, le=1)
    """More rejected records than this share of all fail the run."""
    at_least: int = Field(200, ge=1, le=1_000_000)
    """Records from which on the share is looked at. A run of fewer fails when more than half of them were rejected, or
    more than `ratio` where that is higher.
    """


class Declaration(Value):
    """Everything that tells one REST API from another. Without a credential: that is the tenant's."""

    base_url: str = Field(min_length=1, max_length=500)
    """Scheme, host and, where there is one, the part of the path that all calls share: "https://api.example.com/v1"."""
    path: str = Field("", max_length=1000)
    """What follows the base URL, for example "/orders"."""
    method: Literal["GET", "POST"] = "GET"
    """POST for searches that change nothing: a declared source only reads, so its calls are repeated after a failure. A
    declaration in a config may POST only where the tenant's credential says so.
    """
    params: dict[str, str | int | bool | list[str]] = Field(default_factory=dict, max_length=50)
    """Query parameters, several of a name as a list; texts may hold placeholders."""
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    """Further headers; texts may hold placeholders."""
    body: dict[str, Any] | None = None
    """JSON to send with POST; texts in it may hold placeholders."""
    records: str = "$"
    """JSONPath of the records in a page: "$.data[*]". A path that ends at a list means its elements."""
    empty: tuple[Literal["null", "missing"], ...] = ()
    """What stands in the place of the list when there are no records: null, or nothing. Otherwise that is refused."""
    key: str | tuple[str, ...] = "id"
    """The record's id, dotted where it lies deeper ("data.id"); a list of members that are one id together; "" when
    there is none: then the record's value tells it apart, however it is written, and equal ones by which it is.
    """
    updated: str = Field("", max_length=200)
    """When the record changed, or its version; dotted. An older record then never overwrites a newer one; taken
    out of the declaration, every change is loaded again. A time without a zone is UTC; one of more than a day ahead
    makes the record a dead letter, as nothing would ever be newer.
    """
    updated_unit: Unit = ""
    """How a number there is to be read. Empty: as a time of 2000 to 2100 in any unit, or a number that counts and is
    below 946684800; any other, and one that a counter reaches later, is a dead letter that asks for this.
    """
    signals: tuple[Signal, ...] = Field((), max_length=20)
    """Members of an answer of status 200 that say whether it succeeded. The first that says no decides."""
    charset: str = Field("", max_length=40)
    """The answer's charset, for example "latin-1". Empty: UTF-8, or what its Content-Type says where it is not."""
    total: str = ""
    """Path of the number of all records, where the source says it: the run proves that as many arrived."""
    total_header: str = ""
    """The same in a header, for example "X-Total-Count"."""
    pagination: Paging = NoPages()
    """How the source parts its records into pages."""
    auth: Auth = NoAuth()
    """How the source is told who asks."""
    drift: Literal["stop", "note", "ignore"] = "note"
    """When records lose a field or change its type: stop the run until somebody accepts, note it and go on, or ignore
    it. While it is only noted, drift of `key` and `updated` still stops.
    """
    max_pages: int = Field(10_000, ge=1, le=1_000_000)
    """A run that reads more pages than this fails: the source would probably never end."""
    max_page_bytes: int = Field(16 * _MEGABYTE, ge=1024, le=64 * _MEGABYTE)
    """A larger page is refused. In a connection's config at most 16777216; a preview takes 2 MB of it."""
    timeout: int = Field(30, ge=1, le=600)
    """Seconds without a sign of life after which an answer is given up; a whole call takes at most four times as long,
    and two minutes if that is more.
    """
    lookback: int = Field(0, ge=0, le=31 * 86_400)
    """Seconds that `{window.start}` reaches back further than the run's window, for sources whose clock is behind or
    that publish late. Not in backfills, whose shards read their own window and nothing else.
    """
    error_budget: ErrorBudget | None = None
    """The share of rejected records from which on a run fails; left out: as the pipeline says."""
    concurrency: int = Field(1, ge=1, le=8)
    """Pages asked for at once, where a style names the next ones by itself: `page`, and `offset` with overlap 0."""
    ahead: bool = False
    """Fetch a page while the one before it is loaded. Not where asking for a page tells the source that those before it
    have arrived, as some queues behind HTTP take it: what was lost in a crash would not come again.
    """

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            parts = urlsplit(placeholders.without_config(value))
            is_wrong = parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0
        except ValueError:
            is_wrong = True
        if placeholders.has_placeholder_as_port(value):
            raise ValueError("a port can be no placeholder: write its number, or declare a pipeline for each address")
        if is_wrong or parts.query or parts.fragment or parts.username is not None or parts.password is not None:
            raise ValueError("write scheme, host and path, without user, ? and #: https://api.example.com/v1")
        _require_valid_placeholders(value)
        if placeholders.window_ends(value):
            raise ValueError("the address cannot depend on the window; use a parameter")
        return value.rstrip("/")

    @field_validator("path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if "?" in value or "#" in value or "://" in value or value.startswith("//") or "\\" in value:
            raise ValueError("write what follows the base URL, such as /orders; parameters have a place of their own")
        if ".." in value.split("/"):
            raise ValueError("a path does not go up")
        _require_valid_placeholders(value)
        return value if not value or value.startswith("/") else f"/{value}"

    @field_validator("params", "headers")
    @classmethod
    def _texts_have_valid_placeholders(cls, value: dict[str, Any]) -> dict[str, Any]:
        for text in placeholders.texts(value):
            _require_valid_placeholders(text)
        return value

    @field_validator("headers")
    @classmethod
    def _headers_are_settable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() in RESERVED_HEADERS or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"the header {name!r} cannot be set here")
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"the header {name!r} may hold printable ASCII only")
        return value

    @field_validator("body")
    @classmethod
    def _body_has_valid_placeholders(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for text in placeholders.texts(value):
            _require_valid_placeholders(text, strict=False)
        return value

    @field_validator("key", mode="before")
    @classmethod
    def _key_may_be_a_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("key", "updated")
    @classmethod
    def _is_dotted(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, tuple) and not (1 < len(value) == len(set(value)) <= 8):
            raise ValueError("a key of several members names two to eight different ones; a key of one is its name")
        for name in (value,) if isinstance(value, str) else value:
            parts = name.split(".")
            if not (name or value == "") or len(name) > 200 or len(parts) > 8:
                raise ValueError("a name is empty or too long")
            if name and (not all(parts) or name.startswith("$")):
                raise ValueError('name a member of the record, dotted where it lies deeper: "id" or "data.id"')
        return value

    @field_validator("charset")
    @classmethod
    def _is_charset(cls, value: str) -> str:
        if value and not charsets.charset_name(value):
            raise ValueError(f"{value!r} is no charset; for example utf-8, latin-1, windows-1252, shift_jis")
        return charsets.charset_name(value)

    @field_validator("signals")
    @classmethod
    def _signals_select_one_value(cls, value: tuple[Signal, ...]) -> tuple[Signal, ...]:
        for text in (text for signal in value for text in (signal.at, signal.text) if text):
            if not _compile_path(text).single:
                raise ValueError(f"{text} must select one value: names and numbers only, such as $.errors[0].code")
        return value

    @field_validator("records")
    @classmethod
    def _is_json_path(cls, value: str) -> str:
        _compile_path(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for text in [*self.pagination.paths(), *([self.total] if self.total else [])]:
            if not _compile_path(text).single:
                raise ValueError(f"{text} must select one value: names only, such as $.meta.next")
        if self.body is not None and self.method != "POST":
            raise ValueError("a body needs method POST")
        if getattr(self.pagination, "place", "query") == "body" and self.method != "POST":
            raise ValueError("paging in the body needs method POST")
        if self.pagination.style == "since_id" and len(self.keys) != 1:
            raise ValueError("paging by the last id needs a key of one member")
        if self.concurrency > 1 and not _can_predict_pages(self.pagination):
            raise ValueError("concurrency needs page numbers, or offsets with overlap 0: other pages name the next one")
        if path(self.records).is_selective and _ends_by_row_count(self.pagination):
            raise ValueError(
                "`records` chooses among a page's rows, or takes lists within them, so a page of which it takes "
                "nothing would be the last one. Declare what says whether more follow (`pages` or `more` of style "
                "page, cursor, next_url or link_header without empty_ends), or take all rows"
            )
        if self.updated_unit and not self.updated:
            raise ValueError("updated_unit says how numbers of `updated` are read; name that member too")
        if self.total and self.total_header:
            raise ValueError("the total stands in the body or in a header; name one of them")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The members that together are the record's id; empty where records have no id."""
        return (self.key,) if isinstance(self.key, str) and self.key else tuple(self.key)

    @property
    def texts(self) -> list[str]:
        """All texts that may hold placeholders."""
        return list(placeholders.texts([self.base_url, self.path, self.params, self.headers, self.body]))

    @property
    def incremental(self) -> bool:
        """Whether a run asks for its window only; without a placeholder each run reads everything."""
        return bool(self.window_ends)

    @property
    def window_ends(self) -> set[str]:
        """The ends of the window that the calls name: "window.start", "window.end"."""
        return {window_end for text in self.texts for window_end in placeholders.window_ends(text)}

    @property
    def fingerprint(self) -> str:
        """Identifies the declaration in checkpoints: a run of a changed one starts from its first page.

        Defaults are left out, so that a new option does not change the fingerprint of every declaration. The style of
        pagination and the kind of authentication are added, because they are defaults of their classes.
        """
        described = self.model_dump_json(exclude=_READING_OPTIONS, exclude_defaults=True)
        kinds = [self.pagination.style, getattr(self.auth, "kind", "")]
        return hashlib.sha256(f"{kinds} {described}".encode()).hexdigest()[:16]


def _ends_by_row_count(pagination: Any) -> bool:
    """Whether a page without rows ends the reading, or the number of rows leads to the next page."""
    if pagination.style == "page":
        return not (pagination.pages or pagination.more)
    return pagination.style in ("offset", "since_id") or getattr(pagination, "empty_ends", False)


def _can_predict_pages(pagination: Any) -> bool:
    return bool(pagination.style == "page" or (pagination.style == "offset" and pagination.overlap == 0))


def _require_valid_placeholders(text: str, *, strict: bool = True) -> None:
    if trouble := next(placeholders.problems(text, strict=strict), ""):
        raise ValueError(trouble)


def _compile_path(text: str) -> Any:
    try:
        return path(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
