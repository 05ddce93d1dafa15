"""`Rest`: a REST API as a frozen value."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ingestion import ConfigurationError
from integrations.rest import placeholders
from integrations.rest.auth import Auth, NoAuth
from integrations.rest.paging import NoPages, Paging
from integrations.rest.paths import path
from integrations.rest.values import Value

HEADERS_OF_OURS = {"host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding"}
_MEGABYTE = 1024 * 1024


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
    key: str = Field("id", max_length=200)
    """The record's id, dotted where it lies deeper ("data.id"); "" when there is none: then the content counts."""
    updated: str = Field("", max_length=200)
    """When the record changed, or its version; dotted. An older record then never overwrites a newer one."""
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
    ahead: bool = False
    """Fetch a page while the one before it is loaded. Not where asking for a page tells the source that those before it
    have arrived, as some queues behind HTTP take it: what was lost in a crash would not come again.
    """

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            parts = urlsplit(placeholders.without_config(value))
            bad = parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0
        except ValueError:
            bad = True
        if bad or parts.query or parts.fragment or parts.username is not None or parts.password is not None:
            raise ValueError("write scheme, host and path, without user, ? and #: https://api.example.com/v1")
        _sound(value)
        if placeholders.edges(value):
            raise ValueError("the address cannot depend on the window; use a parameter")
        return value.rstrip("/")

    @field_validator("path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if "?" in value or "#" in value or "://" in value or value.startswith("//") or "\\" in value:
            raise ValueError("write what follows the base URL, such as /orders; parameters have a place of their own")
        if ".." in value.split("/"):
            raise ValueError("a path does not go up")
        _sound(value)
        return value if not value or value.startswith("/") else f"/{value}"

    @field_validator("params", "headers")
    @classmethod
    def _texts_are_sound(cls, value: dict[str, Any]) -> dict[str, Any]:
        for text in placeholders.texts(value):
            _sound(text)
        return value

    @field_validator("headers")
    @classmethod
    def _headers_are_free(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() in HEADERS_OF_OURS or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"the header {name!r} cannot be set here")
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"the header {name!r} may hold printable ASCII only")
        return value

    @field_validator("body")
    @classmethod
    def _body_is_sound(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for text in placeholders.texts(value):
            _sound(text, strict=False)
        return value

    @field_validator("key", "updated")
    @classmethod
    def _is_dotted(cls, value: str) -> str:
        if value and (not all(value.split(".")) or value.startswith("$") or len(value.split(".")) > 8):
            raise ValueError('name a member of the record, dotted where it lies deeper: "id" or "data.id"')
        return value

    @field_validator("records")
    @classmethod
    def _is_json_path(cls, value: str) -> str:
        _checked(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for text in [*self.pagination.paths(), *([self.total] if self.total else [])]:
            if not _checked(text).single:
                raise ValueError(f"{text} must select one value: names only, such as $.meta.next")
        if self.body is not None and self.method != "POST":
            raise ValueError("a body needs method POST")
        if getattr(self.pagination, "place", "query") == "body" and self.method != "POST":
            raise ValueError("paging in the body needs method POST")
        if self.pagination.style == "since_id" and not self.key:
            raise ValueError("paging by the last id needs a key")
        if self.total and self.total_header:
            raise ValueError("the total stands in the body or in a header; name one of them")
        return self

    @property
    def texts(self) -> list[str]:
        """All texts that may hold placeholders."""
        return list(placeholders.texts([self.base_url, self.path, self.params, self.headers, self.body]))

    @property
    def incremental(self) -> bool:
        """Whether a run asks for its window only; without a placeholder each run reads everything."""
        return bool(self.edges)

    @property
    def edges(self) -> set[str]:
        """Which ends of the window its calls name."""
        return {edge for text in self.texts for edge in placeholders.edges(text)}

    @property
    def fingerprint(self) -> str:
        """Names what a checkpoint belongs to: a changed declaration starts from its first page."""
        return hashlib.sha256(self.model_dump_json(exclude={"ahead"}).encode()).hexdigest()[:16]


def _sound(text: str, *, strict: bool = True) -> None:
    if trouble := next(placeholders.problems(text, strict=strict), ""):
        raise ValueError(trouble)


def _checked(text: str) -> Any:
    try:
        return path(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
