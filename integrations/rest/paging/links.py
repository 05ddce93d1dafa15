"""Pages whose address the source names itself: in the body, or in a Link header (RFC 8288)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from pydantic import Field

from ingestion import SourceChanged, counted
from integrations.rest.exchange import Answer, Call, State, Turn
from integrations.rest.paging.signals import LAST_IS_EMPTY, Scalar, broken, ends, require_sight, resembling
from integrations.rest.paths import MISSING
from integrations.rest.values import Value

_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;,"']*)"""
"""In double quotes or bare as RFC 8288 has it; in single quotes as some sources write it."""
_LINK = re.compile(rf"<([^<>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+\s*(?:=\s*{_VALUE})?)*)")
_PARAMETER = re.compile(rf";\s*([\w!#$&+\-.^`|~*]+)\s*(?:=\s*({_VALUE}))?")
"""Name and value. Read one after the other, so that what stands within a quoted title is no parameter."""
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

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return _at(call, state)

    def follow(self, state: State, answer: Answer) -> Turn:
        if self.empty_ends and not answer.elements:
            return Turn(None)
        if not answer.there and "url" in state:
            raise broken(answer, f"The page before named this one at {self.next}", LAST_IS_EMPTY)
        address = answer.look(self.next)
        if address is MISSING:
            require_sight(answer, self.next, absent_ends=self.absent_ends)
            return Turn(None)
        if ends(address, self.ends):
            return Turn(None)
        if not isinstance(address, str):
            shown = "an object" if isinstance(address, dict) else "a list" if isinstance(address, list) else address
            raise SourceChanged(f"At {self.next} stands {shown}, which is no address.")
        url = joined(answer.url, address, keep_origin=self.keep_origin)
        return Turn(None if self.repeat_ends and url == state.get("url", answer.url) else {"url": url})

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

    def first(self) -> State:
        return {}

    def ask(self, call: Call, state: State) -> Call:
        return _at(call, state)

    def follow(self, state: State, answer: Answer) -> Turn:
        if self.empty_ends and not answer.elements:
            return Turn(None)
        if not answer.there and "url" in state:
            raise broken(answer, "The page before named this one in its Link header", LAST_IS_EMPTY)
        header = answer.headers.get("link", "")
        target = link(header, self.rel)
        if target:
            return Turn({"url": joined(answer.url, target, keep_origin=self.keep_origin)})
        if not readable(header):
            raise SourceChanged(
                "The answer has a Link header that cannot be read (RFC 8288), so whether another page follows cannot "
                "be seen."
            )
        if not header.strip() and answer.elements:
            self._require_sight(answer)
        return Turn(None)

    def _require_sight(self, answer: Answer) -> None:
        """Raise SourceChanged where an answer with records and without a Link header may have more pages behind it."""
        if not self.absent_ends:
            raise SourceChanged(
                f"The page has {counted(answer.elements, 'record')} and no Link header, "
                "so whether another page follows cannot be seen."
            )
        strange = None if "absent_ends" in self.model_fields_set else next(resembling(answer, "", None), None)
        if strange:
            raise SourceChanged(
                f"The answer has no Link header, but its page a member {strange[0]!r} at {strange[1]} that may lead to "
                "the next one. If it does, declare that (`pagination`: next_url or cursor); if it does not, "
                'declare there: "absent_ends": true.'
            )

    def paths(self) -> list[str]:
        return []


def link(header: str, rel: str) -> str:
    """The target of the first link with relation `rel`, '' when there is none."""
    for target, parameters in _LINK.findall(header[: 2 * _LONGEST]):
        said = [value for name, value in _PARAMETER.findall(parameters) if name.lower() == "rel"]
        if said and rel.lower() in said[0].strip("\"'").lower().split():  # of several the first counts (RFC 8288, 3.3)
            return str(target)
    return ""


def readable(header: str) -> bool:
    """Whether a Link header is links and nothing else. A header that is too long to be looked through is not."""
    if len(header) > 2 * _LONGEST:
        return False
    return not re.sub(r"[\s,]", "", _LINK.sub("", header))


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
        behind = ' If that is the same system behind a proxy, declare in `pagination`: "keep_origin": true.'
        hint = behind if found.hostname else ""
        raise SourceChanged(
            f"The next page lies on {_shown(found)}, not on {_shown(here)}: it is not followed, because the credential "
            f"would go with it.{hint}"
        )
    return found._replace(fragment="").geturl()


def _shown(parts: SplitResult) -> str:
    """Scheme, host and port, without a user or a password that stand there too."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _origin(parts: object) -> tuple[str, str | None, int | None]:
    scheme, host, port = parts.scheme, parts.hostname, parts.port  # type: ignore[attr-defined]  # a SplitResult
    return scheme, host, port or {"http": 80, "https": 443}.get(scheme)


def _at(call: Call, state: State) -> Call:
    """The address holds the whole query already; the declared one is for the first page."""
    return Call(state["url"], call.method, {}, call.headers, call.body) if "url" in state else call
