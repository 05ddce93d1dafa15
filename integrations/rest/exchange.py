"""One call and its answer, as the paging styles see them: plain values, so that paging is tested without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from integrations.rest.paths import MISSING, value_at

State = dict[str, Any]
"""Where paging stands. JSON, because it is part of the run's checkpoint."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask for. `url` is absolute; `body` is sent as JSON."""

    url: str
    method: str = "GET"
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    accept: frozenset[int] = frozenset()
    """Statuses that are no error here: what a source answers past its last page."""

    def with_parameter(self, location: str, name: str, value: str | int) -> Call:
        """The same with one more parameter: in the query, or at a dotted name of the body."""
        if location == "query":
            return replace(self, params={**self.params, name: str(value)})
        return replace(self, body=_with_member(self.body or {}, name.split("."), value))


class RawResponse(Protocol):
    """What came back; `integrations.http.Response` is one."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def url(self) -> str: ...


Fetch = Callable[[Call], RawResponse]
"""The seam between reading and the network. Raises Transient, CredentialError or SourceChanged."""


@dataclass(frozen=True, slots=True)
class PageResponse:
    """One page: its raw elements and their marks, by which an element is known again on another page."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    elements: int
    """How many stood on the page, null ones included: what the source itself counts by."""
    marks: Sequence[str]
    ids: Sequence[str]
    total: int | None = None
    """How many records the source says there are on all pages."""
    envelope: bytes = b""
    """What stands around the elements, as JSON; empty where that is not told apart."""
    repeats_last_page: bool = False
    """The page has the same records, in the same order, as the one before it."""
    rows_read: int = 0
    """Rows read so far by a style that meets none twice, those of this page included."""
    is_page: bool = True
    """False for an answer that is no page: a status that was declared as the end, or 204 without a body."""
    status: int = 200

    def value_at(self, path: str) -> Any:
        """The value at a path, None for null, MISSING where nothing stands. Looked up around the records first."""
        value = value_at(self.envelope, path) if self.envelope else MISSING
        return value_at(self.body, path) if value is MISSING else value


@dataclass(frozen=True, slots=True)
class NextPage:
    """Where to go after a page: `state` None ends the reading."""

    state: State | None
    notes: tuple[str, ...] = ()
    repeated_rows: int = 0
    """How many of the page's first elements an earlier page is known to have brought already."""
    rows_reached: int | None = None
    """Rows that the reading covers by now, where the style knows it by itself."""
    shifted: bool = False
    """Rows were seen to move between pages: the reading may have met some that are gone by now."""
    drops_page: bool = False
    """The page is an earlier one given again, as declared: nothing of it is a record."""


def _with_member(body: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    name, remaining = names[0], names[1:]
    if not remaining:
        return {**body, name: value}
    child = body.get(name)
    return {**body, name: _with_member(child if isinstance(child, Mapping) else {}, remaining, value)}
