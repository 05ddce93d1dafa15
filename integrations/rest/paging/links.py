"""Pages whose address the source names: in the body, or in a Link header (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from pydantic import Field

from ingestion import SourceChanged, counted
from integrations.rest.exchange import Call, NextPage, PageResponse, State
from integrations.rest.paging.signals import (
    LAST_IS_EMPTY,
    Scalar,
    broken_promise,
    ends_paging,
    next_page_candidates,
    require_visible_end,
)
from integrations.rest.paths import MISSING
from integrations.rest.values import Value

_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;,"']*)"""
"""A parameter's value: in double quotes or bare (RFC 8288), or in single quotes, which some sources write."""
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+\s*(?:=\s*{_VALUE})?)*)")
_PARAMETER = re.compile(rf";\s*([\w!#$&+\-.^`|~*]+)\s*(?:=\s*({_VALUE}))?")
"""Name and value. Parameters are read in their order, so that text within a quoted title is no parameter."""
_LONGEST = 8000


class NextUrl(Value):
    """The page holds the address of the next one; a null or empty one ends the reading, a missing one is no end."""

    style: Literal["next_url"] = "next_url"
    next: str = "$.next"
    """Path of the next page's address in the page."""
    keep_origin: bool = False
    """Take only path and query of the address, for sources behind a proxy that name an inner host or http."""
    ends: tuple[Scalar, ...] = ()
    """What says that there is no next page, beside null and "": 0, "#", "none"."""
    absent_ends: bool = False
    """The source leaves the address out on its last page. Otherwise a page with records and without it is refused."""
    repeat_ends: bool = False
    """The source names the page itself when there is no next one."""
    empty_ends: bool = False
    """A page without records is the last one, whatever address it names. Otherwise that is followed."""

    def first_state(self) -> State:
        return {}

    def call_for(self, call: Call, state: State) -> Call:
        return _call_at(call, state)

    def follow(self, state: State, response: PageResponse) -> NextPage:
        if self.empty_ends and not response.elements:
            return NextPage(None)
        if not response.is_page and "url" in state:
            raise broken_promise(response, f"The page before named this one at {self.next}", LAST_IS_EMPTY)
        address = response.value_at(self.next)
        if address is MISSING:
            require_visible_end(response, self.next, absent_ends=self.absent_ends)
            return NextPage(None)
        if ends_paging(address, self.ends):
            return NextPage(None)
        if not isinstance(address, str):
            description = (
                "an object" if isinstance(address, dict) else "a list" if isinstance(address, list) else address
            )
            raise SourceChanged(f"At {self.next} stands {description}, which is no address.")
        url = resolve_url(response.url, address, keep_origin=self.keep_origin)
        return NextPage(None if self.repeat_ends and url == state.get("url", response.url) else {"url": url})

    def paths(self) -> list[str]:
        return [self.next]


class LinkHeader(Value):
    """The Link header of the answer names the next page; an answer whose links name none ends the reading."""

    style: Literal["link_header"] = "link_header"
    rel: str = Field("next", min_length=1)
    keep_origin: bool = False
    """Take only path and query of the address, for sources behind a proxy that name an inner host or http."""
    absent_ends: bool = True
    """An answer without a Link header is the last one, as servers send none where there is nothing to link to. Say
    false where yours sends one with every page: then a page with records and without it is refused.
    """
    empty_ends: bool = False
    """A page without records is the last one, whatever its links name. Otherwise they are followed."""

    def first_state(self) -> State:
        return {}

    def call_for(self, call: Call, state: State) -> Call:
        return _call_at(call, state)

    def follow(self, state: State, response: PageResponse) -> NextPage:
        if self.empty_ends and not response.elements:
            return NextPage(None)
        if not response.is_page and "url" in state:
            raise broken_promise(response, "The page before named this one in its Link header", LAST_IS_EMPTY)
        header = response.headers.get("link", "")
        target = link_target(header, self.rel)
        if target:
            return NextPage({"url": resolve_url(response.url, target, keep_origin=self.keep_origin)})
        # A header that is cut off or malformed may name a next page, so it must not end the reading.
        if not is_readable(header):
            raise SourceChanged(
                "The answer has a Link header that cannot be read (RFC 8288), so whether another page follows cannot "
                "be seen."
            )
        if not header.strip() and response.elements:
            self._require_visible_end(response)
        return NextPage(None)

    def _require_visible_end(self, response: PageResponse) -> None:
        """Raise SourceChanged where a response with records and without a Link header may not be the last one."""
        if not self.absent_ends:
            raise SourceChanged(
                f"The page has {counted(response.elements, 'record')} and no Link header, "
                "so whether another page follows cannot be seen."
            )
        candidate = (
            None if "absent_ends" in self.model_fields_set else next(next_page_candidates(response, "", None), None)
        )
        if candidate:
            raise SourceChanged(
                f"The answer has no Link header, but its page a member {candidate[0]!r} at {candidate[1]} that may "
                "lead to the next one. If it does, declare that (`pagination`: next_url or cursor); if it does not, "
                'declare there: "absent_ends": true.'
            )

    def paths(self) -> list[str]:
        return []


def link_target(header: str, rel: str) -> str:
    """The target of the first link with relation `rel`; '' when there is none."""
    for target, parameters in _LINK.findall(header[: 2 * _LONGEST]):
        relations = [value for name, value in _PARAMETER.findall(parameters) if name.lower() == "rel"]
        # Of several `rel` parameters the first counts (RFC 8288, 3.3).
        if relations and rel.lower() in relations[0].strip("\"'").lower().split():
            return str(target)
    return ""


def is_readable(header: str) -> bool:
    """Whether a Link header holds links and nothing else. A header that is too long is not read."""
    if len(header) > 2 * _LONGEST:
        return False
    return not re.sub(r"[\s,]", "", _LINK.sub("", header))


def resolve_url(base: str, target: str, *, keep_origin: bool) -> str:
    """The absolute address of `target` on the page `base`. Raises SourceChanged when it leaves the origin of `base`."""
    if len(target) > _LONGEST:
        raise SourceChanged(f"The next page's address has more than {_LONGEST} characters.")
    try:
        url, base_url = urlsplit(urljoin(base, target)), urlsplit(base)
        if keep_origin:
            url = url._replace(scheme=base_url.scheme, netloc=base_url.netloc)
        same_origin = _origin(url) == _origin(base_url)
    except ValueError as error:
        raise SourceChanged(f"The next page's address is none: {error}.") from error
    if not same_origin or url.username is not None:
        proxy_advice = ' If that is the same system behind a proxy, declare in `pagination`: "keep_origin": true.'
        hint = proxy_advice if url.hostname else ""
        raise SourceChanged(
            f"The next page lies on {_describe_origin(url)}, not on {_describe_origin(base_url)}: it is not followed, "
            f"because the credential would go with it.{hint}"
        )
    return url._replace(fragment="").geturl()


def without_params(url: str, names: Collection[str]) -> str:
    """The address without the query parameters of these names."""
    parts = urlsplit(url)
    if not names or not parts.query:
        return url
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in names]
    return parts._replace(query=urlencode(query)).geturl()


def _describe_origin(parts: SplitResult) -> str:
    """Scheme, host and port, without the user and the password of the address."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _origin(parts: object) -> tuple[str, str | None, int | None]:
    scheme, host, port = parts.scheme, parts.hostname, parts.port  # type: ignore[attr-defined]  # a SplitResult
    return scheme, host, port or {"http": 80, "https": 443}.get(scheme)


def _call_at(call: Call, state: State) -> Call:
    """The call of a page that the source named. Its address has the whole query; declared parameters are left out."""
    return Call(state["url"], call.method, {}, call.headers, call.body) if "url" in state else call
