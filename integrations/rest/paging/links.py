"""Pages whose address the source names itself: in the body, or in a Link header (RFC 8288)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from ingestion import SourceChanged
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paths import peek
from integrations.rest.values import Value

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
_LONGEST = 8000


class NextUrl(Value):
    """The page holds the address of the next one; a missing, null or empty one ends the reading."""

    style: Literal["next_url"] = "next_url"
    next: str = "$.next"
    """Path of the next page's address in the page."""
    keep_origin: bool = False
    """Take only path and query of the address, for sources behind a proxy that name an inner host or http."""

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return _at(call, state)

    def follow(self, state: State, answer: Answer) -> Turn:
        found = peek(answer.body, self.next)
        if found in (None, "", False):
            return Turn(None)
        if not isinstance(found, str):
            raise SourceChanged(f"At {self.next} stands {found!r}, which is no address.")
        return Turn({"url": joined(answer.url, found, keep_origin=self.keep_origin)})

    def paths(self) -> list[str]:
        return [self.next]


class LinkHeader(Value):
    """The Link header of the answer names the next page; without one the reading ends."""

    style: Literal["link_header"] = "link_header"
    rel: str = Field("next", min_length=1)
    keep_origin: bool = False
    """Take only path and query of the address, for sources behind a proxy that name an inner host or http."""

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return _at(call, state)

    def follow(self, state: State, answer: Answer) -> Turn:
        found = link(answer.headers.get("link", ""), self.rel)
        return Turn({"url": joined(answer.url, found, keep_origin=self.keep_origin)} if found else None)

    def paths(self) -> list[str]:
        return []


def link(header: str, rel: str) -> str:
    """The target of the first link with relation `rel`, '' when there is none."""
    for target, parameters in _LINK.findall(header[: 2 * _LONGEST]):
        said = _REL.search(parameters)
        if said and rel.lower() in (said[1] or said[2] or "").lower().split():
            return str(target)
    return ""


def joined(base: str, target: str, *, keep_origin: bool) -> str:
    """The absolute address of `target`, seen from `base`. Raises SourceChanged when it leaves the origin of `base`."""
    if len(target) > _LONGEST:
        raise SourceChanged(f"The next page's address has more than {_LONGEST} characters.")
    try:
        found, here = urlsplit(urljoin(base, target)), urlsplit(base)
        if keep_origin:
            found = found._replace(scheme=here.scheme, netloc=here.netloc)
        same = _origin(found) == _origin(here)
    except ValueError as error:
        raise SourceChanged(f"The next page's address is none: {error}.") from error
    if not same or found.username is not None:
        hint = " If that is the same system behind a proxy, set keep_origin." if found.hostname else ""
        raise SourceChanged(
            f"The next page lies on {found.scheme}://{found.hostname}, not on {here.scheme}://{here.hostname}: it is "
            f"not followed, because the credential would go with it.{hint}"
        )
    return found._replace(fragment="").geturl()


def _origin(parts: object) -> tuple[str, str | None, int | None]:
    scheme, host, port = parts.scheme, parts.hostname, parts.port  # type: ignore[attr-defined]  # a SplitResult
    return scheme, host, port or {"http": 80, "https": 443}.get(scheme)


def _at(call: Call, state: State) -> Call:
    """The address holds the whole query already; the declared one is for the first page."""
    return Call(state["url"], call.method, {}, call.headers, call.body) if "url" in state else call
