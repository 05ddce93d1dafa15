"""Calls and responses as plain values, so that the paging styles can be tested without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from integrations.rest.paths import MISSING, value_at

State = dict[str, Any]
"""The position of the paging. It is JSON, because it is part of the run's checkpoint."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the source. `url` is absolute; `body` is sent as JSON."""

    url: str
    method: str = "GET"
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    accept: frozenset[int] = frozenset()
    """Statuses that are no error for this call, such as those that a source answers past its last page."""

    def with_parameter(self, location: str, name: str, value: str | int) -> Call:
        """The call with one more parameter: in the query, or at a dotted name of the body."""
        if location == "query":
            return replace(self, params={**self.params, name: str(value)})
        return replace(self, body=_with_member(self.body or {}, name.split("."), value))


class RawResponse(Protocol):
    """The response to a call as it came; `integrations.http.Response` is one."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def url(self) -> str: ...


Fetch = Callable[[Call], RawResponse]
"""Sends a call: the seam between paging and the network. Raises Transient, CredentialError or SourceChanged."""


@dataclass(frozen=True, slots=True)
class PageResponse:
    """The response of one page, with what the paging styles look at to find the next one."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    elements: int
    """How many elements the page has, null ones included, because the source counts those too."""
    marks: Sequence[str]
    """A digest of each element, to recognise it on another page."""
    ids: Sequence[str]
    """The key of each record; empty where records have none."""
    total: int | None = None
    """How many records the source says there are on all pages."""
    envelope: bytes = b""
    """The page without its elements, as JSON; empty where elements and page cannot be told apart."""
    repeats_last_page: bool = False
    """The page has the same records, in the same order, as the one before it."""
    rows_read: int = 0
    """Rows read so far by a style that reads no row twice, those of this page included."""
    is_page: bool = True
    """False for a response without a page: a status that was declared as the end, or 204 without a body."""
    status: int = 200

    def value_at(self, path: str) -> Any:
        """The value at a path, None for null, MISSING where nothing stands. The envelope is looked through first."""
        value = value_at(self.envelope, path) if self.envelope else MISSING
        return value_at(self.body, path) if value is MISSING else value


@dataclass(frozen=True, slots=True)
class NextPage:
    """What follows a page: the state to go on from, or None where the reading ends."""

    state: State | None
    notes: tuple[str, ...] = ()
    repeated_rows: int = 0
    """How many of the page's first elements were on an earlier page too."""
    rows_reached: int | None = None
    """Rows that the reading has covered, where the style counts them itself."""
    shifted: bool = False
    """Rows moved between pages: the reading may have met rows that have been deleted since."""
    drops_page: bool = False
    """The page is an earlier one given again, as the declaration expects: its elements are no new records."""


def _with_member(body: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    name, remaining = names[0], names[1:]
    if not remaining:
        return {**body, name: value}
    child = body.get(name)
    return {**body, name: _with_member(child if isinstance(child, Mapping) else {}, remaining, value)}
