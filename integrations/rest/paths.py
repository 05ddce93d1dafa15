"""JSONPath over raw bytes: what a path selects comes out as the untouched bytes of the page.

Plain paths (names, indexes, `[*]`) take the bytes apart directly. Filters, slices and `..` are found by python-jsonpath
in the decoded page, and then cut out of the bytes by their location: big numbers and decimals stay as they were sent.
Paths come from staff: what makes their cost depend on more than the page's size is refused.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jsonpath
import msgspec
from jsonpath import filter as filters
from jsonpath import segments, selectors

from ingestion import ConfigurationError, SourceChanged, doubled_error
from integrations.rest.exact_json import number
from integrations.rest.json_splitting import NameTwice, elements, last_members, members
from integrations.rest.path_walk import NULL, LookupMissed, NothingLike, NullMet, few, joined, walk
from integrations.rest.unreadable import unreadable

_LONGEST = 200
_SEGMENTS = 12
_LARGE = 8 * 1024
_encoder = msgspec.json.Encoder()
_LEVELS = 12
"""How often `..`, filters and slices read over the page: once for each level that holds nearly all of it."""
_ENV = jsonpath.JSONPathEnvironment()
_ALLOWED_IN_FILTERS = (
    filters.FilterExpression, filters.InfixExpression, filters.PrefixExpression, filters.BooleanLiteral, filters.Nil,
    filters.StringLiteral, filters.IntegerLiteral, filters.FloatLiteral, filters.RelativeFilterQuery,
)  # fmt: skip


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
        """The bytes of everything it selects, with null for an empty list; see `take`."""
        return self.take(body, ("null",)).elements

    @property
    def chooses(self) -> bool:
        """A page may have rows and nothing of them for it: it has a filter or a slice, or takes lists within rows."""
        found = [one for segment in self.compiled.segments for one in segment.selectors]
        choosing = selectors.Filter | selectors.SliceSelector
        lists = sum(isinstance(one, selectors.WildcardSelector) for one in found)
        return lists > 1 or any(isinstance(one, choosing) for one in found)

    @property
    def way(self) -> tuple[str, ...]:
        """The names that it begins with."""
        return tuple(str(step) for step in itertools.takewhile(lambda step: isinstance(step, str), self.steps))

    def take(self, body: bytes, empty: Collection[str] = ()) -> Taken:
        """The bytes of everything it selects (of the elements where it ends at a list), and what stands around them.

        `empty` names what stands there instead of a list when there are no records: "null", "missing". Raises
        SourceChanged when the page is not JSON or has nothing where a plain path leads, Transient when the page is cut
        off, TooMany as soon as there are more than MOST.
        """
        body = body.removeprefix(b"\xef\xbb\xbf")
        around: dict[str, Any] = {}
        try:
            found = few(walk(body, self.steps, self.text, around) if self.plain else self._search(body))
            if self.single and found and found[0][:1] == b"[":
                found = [bytes(one) for one in elements(found[0])]
            elif not self.steps and self.plain:
                last_members(body)  # a page that is one record: refuses what is cut off, or no JSON
        except NullMet as error:
            if "null" not in empty:
                raise _null(self.text) from error
            found = []
        except LookupMissed as error:
            if "missing" not in empty:
                raise _missing(error) from error
            found = []
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(body, error) from error
        if self.single and found == [NULL]:
            if "null" not in empty:
                raise _null(self.text)
            found = []
        return Taken(found, joined(around) if around else b"")

    def _search(self, body: bytes) -> Iterator[bytes]:
        page = json.loads(body, parse_float=number)
        _require_names_once(body)  # or the last value would decide what is chosen
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
        if budget == 4 * len(body) and self.steps:  # nothing was found
            _require_there(next(walk(body, self.steps, self.text), NULL), self.text)


def _require_there(raw: bytes, text: str) -> None:
    """Raise NullMet where null stands in the place of what a filter or a slice is about."""
    if raw == NULL:
        raise NullMet(f"Null stands on the way of {text}.")


class Taken(NamedTuple):
    """A page apart: its elements, and what stands around them as JSON ('' when the elements are the whole page)."""

    elements: list[bytes]
    around: bytes


def outline(around: bytes) -> bytes:
    """What stands around the records, fit to learn its shape from: of large members only which kind they are."""
    if len(around) <= _LARGE:
        return around
    kinds = {b"{": b"{}", b"[": b"[]", b'"': b'""'}
    short = {name: bytes(one) for name, one in members(around).items()}
    return _encoder.encode(
        {name: msgspec.Raw(one if len(one) <= _LARGE else kinds.get(one[:1], b"0")) for name, one in short.items()}
    )


MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()
"""What `look` finds where nothing stands: not even null."""


@lru_cache(maxsize=500)
def path(text: str) -> Path:
    """Check and compile. Raises ConfigurationError with what is wrong."""
    if len(text) > _LONGEST or not text.startswith("$"):
        raise ConfigurationError(
            f'A JSONPath starts with $ and has at most {_LONGEST} characters, for example "$.data[*]".'
        )
    try:
        compiled = _ENV.compile(text)
    except (jsonpath.JSONPathError, ValueError, ArithmeticError, RecursionError) as error:
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
    value = look(body, text)
    if isinstance(value, dict | list):
        raise SourceChanged(f"At {text} stands {'an object' if isinstance(value, dict) else 'a list'}, not one value.")
    return None if value is MISSING else value


def look(body: bytes, text: str) -> Any:
    """The value at a path that selects one; None for null there or on the way, MISSING where nothing stands."""
    return along(body, path(text).steps, text)


def path_of(steps: Iterable[str | int | None]) -> str:
    """One spelling of the path of these steps, however it was written: `$['a']["b c"]` is `$.a["b c"]`."""
    return "$" + "".join(
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{json.dumps(step)}]" for step in steps
    )


def along(body: bytes, steps: Sequence[str | int | None], text: str) -> Any:
    """The same of a path's steps; `text` is the path in messages."""
    try:
        found = list(walk(body.removeprefix(b"\xef\xbb\xbf"), steps, text))
        if steps:
            _require_names_once(found[0])
        return json.loads(found[0], parse_float=number)
    except NullMet:
        return None
    except LookupMissed:
        return MISSING
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise unreadable(body, error) from error


def _require_names_once(body: bytes) -> None:
    if error := doubled_error(body):
        raise NameTwice(f"The page cannot be trusted: {error}")


def _missing(error: LookupMissed) -> SourceChanged:
    leaves_out = ' If the source leaves it out when there are no records, declare that: "empty": ["missing"].'
    return SourceChanged(f"{error}{leaves_out if isinstance(error, NothingLike) else ''}")


def _null(text: str) -> SourceChanged:
    return SourceChanged(
        f"Null stands where {text} leads, so whether there are records cannot be seen. If the source writes an empty "
        'list so, declare it: "empty": ["null"].'
    )


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
