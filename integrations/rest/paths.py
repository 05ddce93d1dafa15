"""JSONPath over raw bytes: what a path selects comes out as the untouched bytes of the page.

Plain paths (names, indexes, `[*]`) take the bytes apart directly. Filters, slices and `..` are found by python-jsonpath
in the decoded page, and then cut out of the bytes by their location: big numbers and decimals stay as they were sent.
Paths come from staff: what makes their cost depend on more than the page's size is refused.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import jsonpath
import msgspec
from jsonpath import filter as filters
from jsonpath import segments, selectors

from ingestion import ConfigurationError, SourceChanged, Transient
from ingestion.redaction import mask
from integrations.rest.taking_apart import MOST, TooMany, elements, members

_LONGEST = 200
_SEGMENTS = 12
_LEVELS = 12
"""How often `..`, filters and slices read over the page: once for each level that holds nearly all of it."""
_ENV = jsonpath.JSONPathEnvironment()
_ALLOWED_IN_FILTERS = (
    filters.FilterExpression, filters.InfixExpression, filters.PrefixExpression, filters.BooleanLiteral, filters.Nil,
    filters.StringLiteral, filters.IntegerLiteral, filters.FloatLiteral, filters.RelativeFilterQuery,
)  # fmt: skip
NULL = b"null"


@dataclass(frozen=True, slots=True)
class Path:
    """A checked JSONPath. `steps` is what the bytes are taken apart by (None: '*'); empty when it is not plain."""

    text: str
    steps: tuple[str | int | None, ...]
    compiled: Any

    @property
    def plain(self) -> bool:
        return len(self.steps) == len(self.compiled.segments)

    @property
    def single(self) -> bool:
        """It selects one value at most."""
        return self.plain and None not in self.steps

    def split(self, body: bytes) -> list[bytes]:
        """The bytes of everything it selects; of the elements where it ends at a list.

        Raises SourceChanged when the page is not JSON or has nothing where a plain path leads, Transient when the page
        is cut off, TooMany as soon as there are more than MOST.
        """
        body = body.removeprefix(b"\xef\xbb\xbf")
        try:
            found = _few(_walk(body, self.steps, self.text) if self.plain else self._search(body))
            if self.single and found and found[0][:1] == b"[":
                found = [bytes(one) for one in elements(found[0])]
            elif not self.steps and self.plain:
                members(body)  # a page that is one record: refuses what is cut off, or no JSON
        except LookupMissed as error:
            raise SourceChanged(str(error)) from error
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(body, error) from error
        return [] if self.single and found == [NULL] else found

    def _search(self, body: bytes) -> Iterator[bytes]:
        page = json.loads(body, parse_float=Decimal)
        cut: dict[tuple[Any, ...], bytes] = {}
        budget, left = 4 * len(body), [_LEVELS * len(body)]
        try:
            for match in self.compiled.finditer(page):
                raw = _cut(body, match.parts, cut, left)
                budget -= len(raw)
                if budget < 0:
                    raise SourceChanged(f"The records under {self.text} contain one another; name them more narrowly.")
                yield raw
        except jsonpath.JSONPathError as error:
            raise SourceChanged(f"{self.text} cannot be looked up in the page: {error}.") from error


@lru_cache(maxsize=500)
def path(text: str) -> Path:
    """Check and compile. Raises ConfigurationError with what is wrong."""
    if len(text) > _LONGEST or not text.startswith("$"):
        raise ConfigurationError(
            f'A JSONPath starts with $ and has at most {_LONGEST} characters, for example "$.data[*]".'
        )
    try:
        compiled = _ENV.compile(text)
    except (jsonpath.JSONPathError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{text!r} is not a JSONPath: {str(error).splitlines()[0]}.") from error
    if isinstance(compiled, jsonpath.CompoundJSONPath):
        raise ConfigurationError(f"{text!r} joins several paths; use one.")
    if trouble := next(_costly(compiled), ""):
        raise ConfigurationError(f"{text!r} is refused: {trouble}.")
    return Path(text, tuple(_steps(compiled)), compiled)


def peek(body: bytes, text: str) -> Any:
    """The text, number, truth or None at a path that selects one value; None where there is nothing.

    Raises SourceChanged where a list or an object stands there.
    """
    try:
        found = list(_walk(body.removeprefix(b"\xef\xbb\xbf"), path(text).steps, text))
        value = json.loads(found[0], parse_float=Decimal)
    except LookupMissed:
        return None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise unreadable(body, error) from error
    if isinstance(value, dict | list):
        raise SourceChanged(f"At {text} stands {'an object' if isinstance(value, dict) else 'a list'}, not one value.")
    return value


class LookupMissed(SourceChanged):
    """Nothing stands where a plain path leads."""


def unreadable(body: bytes, error: Exception) -> SourceChanged | Transient:
    """Why a page that should be JSON is none, in a sentence."""
    start = body.lstrip()[:200]
    if not start:
        return SourceChanged("The source answered with an empty body instead of JSON.")
    if start[:1] == b"<":
        return SourceChanged("The source answered with a web page or XML instead of JSON. Is the address right?")
    if "truncated" in str(error) or _cut_off(body):
        return Transient("The source's JSON ends in the middle; it is asked again.")
    if isinstance(error, RecursionError):
        return SourceChanged("The source's JSON is nested too deeply to be read.")
    return SourceChanged(f"The source's answer is not JSON: {error}.")


def _cut_off(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return "truncated" in str(error)
    return False


def _walk(raw: bytes | msgspec.Raw, steps: Sequence[str | int | None], text: str) -> Iterator[bytes]:
    if not steps:
        yield bytes(raw).strip()
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        start = bytes(raw).lstrip()[:4]
        if start == NULL:  # how some sources write an empty list
            return
        inner = list(members(raw).values()) if start[:1] == b"{" else _elements(raw, text)
        for one in inner:
            yield from _walk(one, rest, text)
        return
    if isinstance(step, int):
        found = _elements(raw, text)
        if step >= len(found):
            raise LookupMissed(f"The list on the way of {text} has only {len(found)} elements.")
        yield from _walk(found[step], rest, text)
        return
    try:
        known = members(raw)
    except msgspec.ValidationError:
        raise LookupMissed(f"The page has no object with {step!r} on the way of {text}. Has it changed?") from None
    if step not in known:
        there = ", ".join(repr(mask(name)[:40]) for name in list(known)[:10])
        raise LookupMissed(f"The page has no {step!r} on the way of {text}; there are {there or 'no members'}.")
    yield from _walk(known[step], rest, text)


def _few(found: Iterator[bytes]) -> list[bytes]:
    taken = list(itertools.islice(found, MOST + 1))
    if len(taken) > MOST:
        raise TooMany(f"The page has more than {MOST} records; ask for smaller pages.")
    return taken


def _elements(raw: bytes | msgspec.Raw, text: str) -> list[msgspec.Raw]:
    try:
        return elements(raw)
    except msgspec.ValidationError:
        raise LookupMissed(f"The page has no list where {text} leads. Has the source changed?") from None


def _cut(body: bytes, parts: Sequence[str | int], known: dict[tuple[Any, ...], Any], left: list[int]) -> bytes:
    """The bytes at a location. Containers on the way are taken apart once for all locations.

    Each is read over whole, with all that it contains: `left` is how many bytes of them may be read yet.
    """
    here: Any = body
    for depth, part in enumerate(parts):
        at = tuple(parts[:depth])
        if at not in known:
            left[0] -= len(bytes(here))
            if left[0] < 0:
                raise SourceChanged("The records lie too deep in too large a page; ask for smaller pages.")
            known[at] = members(here) if isinstance(part, str) else elements(here)
        here = known[at][part]
    return bytes(here)


def _steps(compiled: Any) -> Iterator[str | int | None]:
    for segment in compiled.segments:
        (one,) = segment.selectors
        if not isinstance(segment, segments.JSONPathChildSegment):
            return
        if isinstance(one, selectors.NameSelector):
            yield one.name
        elif isinstance(one, selectors.IndexSelector) and one.index >= 0:
            yield one.index
        elif isinstance(one, selectors.WildcardSelector):
            yield None
        else:
            return


def _costly(compiled: Any) -> Iterator[str]:
    """What could cost more than one pass over the page."""
    if len(compiled.segments) > _SEGMENTS:
        yield f"it has more than {_SEGMENTS} steps"
    if sum(isinstance(one, segments.JSONPathRecursiveDescentSegment) for one in compiled.segments) > 1:
        yield "it uses .. more than once"
    if any(len(one.selectors) != 1 for one in compiled.segments):
        yield "it selects several things in one step"
    wanted = (
        selectors.NameSelector, selectors.IndexSelector, selectors.SliceSelector, selectors.WildcardSelector,
        selectors.Filter,
    )  # fmt: skip
    for one in (one for segment in compiled.segments for one in segment.selectors):
        if not isinstance(one, wanted):
            yield f"it uses {type(one).__name__}, which is not supported"
        elif isinstance(one, selectors.Filter):
            yield from _costly_filter(one.expression)


def _costly_filter(expression: Any) -> Iterator[str]:
    if not isinstance(expression, _ALLOWED_IN_FILTERS):
        yield "filters may only compare members with texts, numbers, true, false and null"
    elif isinstance(expression, filters.RelativeFilterQuery):
        steps = list(_steps(expression.path)) if all(len(s.selectors) == 1 for s in expression.path.segments) else []
        if None in steps or len(steps) != len(expression.path.segments):
            yield "a filter looks at members by name, such as @.status"
    else:
        for child in expression.children():
            yield from _costly_filter(child)
