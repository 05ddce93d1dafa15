"""JSONPath over raw bytes: a path selects untouched bytes of the page, so big numbers and decimals stay as sent.

Plain paths (names, indexes, `[*]`) split the bytes directly. For filters, slices and `..` python-jsonpath finds the
locations in the decoded page, and they are cut out of the bytes. Paths come from staff, so `path_cost` refuses those
whose cost depends on more than the page's size.
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
from jsonpath import selectors

from ingestion import ConfigurationError, SourceChanged, doubled_error
from integrations.rest.exact_json import read_decimal
from integrations.rest.json_splitting import NameTwice, split_elements, split_members, split_members_leniently
from integrations.rest.path_cost import cost_problems, plain_steps
from integrations.rest.path_walk import (
    NULL,
    NoSimilarList,
    NothingAtPath,
    NullAtPath,
    encode_envelope,
    require_few,
    select,
)
from integrations.rest.unreadable import explain_unreadable

_MAX_PATH_LENGTH = 200
_MAX_OUTLINE = 8 * 1024
_encoder = msgspec.json.Encoder()
_MAX_PASSES = 12
"""How often `..`, filters and slices may read the whole page: once for each level that holds nearly all of it."""
_ENVIRONMENT = jsonpath.JSONPathEnvironment()


@dataclass(frozen=True, slots=True)
class Path:
    """A checked JSONPath. `steps` are the plain steps that it begins with, with None for '*'."""

    text: str
    steps: tuple[str | int | None, ...]
    compiled: Any

    @property
    def plain(self) -> bool:
        """Whether the path has names, indexes and `[*]` only."""
        return len(self.steps) == len(self.compiled.segments)

    @property
    def single(self) -> bool:
        """Whether the path selects one value at most."""
        return self.plain and None not in self.steps

    def split(self, body: bytes) -> list[bytes]:
        """The bytes of everything that the path selects, with null for an empty list; see `split_page`."""
        return self.split_page(body, ("null",)).elements

    @property
    def is_selective(self) -> bool:
        """Whether the path may select nothing of a page with rows: by a filter or a slice, or by lists within rows."""
        all_selectors = [selector for segment in self.compiled.segments for selector in segment.selectors]
        selective_types = selectors.Filter | selectors.SliceSelector
        wildcards = sum(isinstance(selector, selectors.WildcardSelector) for selector in all_selectors)
        return wildcards > 1 or any(isinstance(selector, selective_types) for selector in all_selectors)

    @property
    def leading_names(self) -> tuple[str, ...]:
        """The names with which the path begins."""
        return tuple(str(step) for step in itertools.takewhile(lambda step: isinstance(step, str), self.steps))

    def split_page(self, body: bytes, empty: Collection[str] = ()) -> SplitPage:
        """The elements that the path selects (those of the list where it ends at one), and the page's envelope.

        `empty` names what the source writes instead of an empty list: "null", "missing". Raises SourceChanged when the
        page is not JSON or has nothing where a plain path leads, Transient when the page is cut off, and TooMany for
        more than MAX_MEMBERS elements.
        """
        body = body.removeprefix(b"\xef\xbb\xbf")
        envelope: dict[str, Any] = {}
        try:
            elements = require_few(
                select(body, self.steps, self.text, envelope) if self.plain else self._select_decoded(body)
            )
            if self.single and elements and elements[0][:1] == b"[":
                elements = [bytes(element) for element in split_elements(elements[0])]
            elif not self.steps and self.plain:
                split_members_leniently(body)  # a page that is one record: refuses what is cut off, or no JSON
        except NullAtPath as error:
            if "null" not in empty:
                raise _null_error(self.text) from error
            elements = []
        except NothingAtPath as error:
            if "missing" not in empty:
                raise _missing_error(error) from error
            elements = []
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise explain_unreadable(body, error) from error
        if self.single and elements == [NULL]:
            if "null" not in empty:
                raise _null_error(self.text)
            elements = []
        return SplitPage(elements, encode_envelope(envelope) if envelope else b"")

    def _select_decoded(self, body: bytes) -> Iterator[bytes]:
        """The bytes of every location that python-jsonpath finds in the decoded page."""
        page = json.loads(body, parse_float=read_decimal)
        _require_names_once(body)  # or the last value of a name would decide what a filter selects
        split_containers: dict[tuple[Any, ...], bytes] = {}
        output_budget, read_budget = 4 * len(body), [_MAX_PASSES * len(body)]
        try:
            for match in self.compiled.finditer(page):
                raw = _cut_out(body, match.parts, split_containers, read_budget)
                output_budget -= len(raw)
                if output_budget < 0:
                    raise SourceChanged(f"The records under {self.text} contain one another; name them more narrowly.")
                yield raw
        except jsonpath.JSONPathError as error:
            raise SourceChanged(f"{self.text} cannot be looked up in the page: {error}.") from error
        is_nothing_selected = output_budget == 4 * len(body)
        # Null in place of the list to filter or to slice selects nothing either, but may be a failure of the source.
        if is_nothing_selected and self.steps and next(select(body, self.steps, self.text), NULL) == NULL:
            raise NullAtPath(f"Null stands on the way of {self.text}.")


class SplitPage(NamedTuple):
    """A page's elements, and its envelope: the page without them, as JSON ('' when the elements are the whole page)."""

    elements: list[bytes]
    envelope: bytes


def outline(envelope: bytes) -> bytes:
    """The envelope with large members replaced by empty ones of their type, to learn its shape from."""
    if len(envelope) <= _MAX_OUTLINE:
        return envelope
    empty_values = {b"{": b"{}", b"[": b"[]", b'"': b'""'}
    raw_members = {name: bytes(raw) for name, raw in split_members(envelope).items()}
    return _encoder.encode(
        {
            name: msgspec.Raw(raw if len(raw) <= _MAX_OUTLINE else empty_values.get(raw[:1], b"0"))
            for name, raw in raw_members.items()
        }
    )


MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()
"""The result of `value_at` where nothing stands, not even null."""


@lru_cache(maxsize=500)
def path(text: str) -> Path:
    """The checked and compiled path. Raises ConfigurationError, which says what is wrong."""
    if len(text) > _MAX_PATH_LENGTH or not text.startswith("$"):
        raise ConfigurationError(
            f'A JSONPath starts with $ and has at most {_MAX_PATH_LENGTH} characters, for example "$.data[*]".'
        )
    try:
        compiled = _ENVIRONMENT.compile(text)
    except (jsonpath.JSONPathError, ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigurationError(f"{text!r} is not a JSONPath: {str(error).splitlines()[0]}.") from error
    if isinstance(compiled, jsonpath.CompoundJSONPath):
        raise ConfigurationError(f"{text!r} joins several paths; use one.")
    if problem := next(cost_problems(compiled), ""):
        raise ConfigurationError(f"{text!r} is refused: {problem}.")
    return Path(text, tuple(plain_steps(compiled)), compiled)


def scalar_at(body: bytes, text: str) -> Any:
    """The text, number, truth value or None at a path that selects one value; None where nothing stands.

    Raises SourceChanged where a list or an object stands.
    """
    value = value_at(body, text)
    if isinstance(value, dict | list):
        raise SourceChanged(f"At {text} stands {'an object' if isinstance(value, dict) else 'a list'}, not one value.")
    return None if value is MISSING else value


def value_at(body: bytes, text: str) -> Any:
    """The value at a path that selects one; None for null at the path or on it, MISSING where nothing stands."""
    return value_at_steps(body, path(text).steps, text)


def spell_path(steps: Iterable[str | int | None]) -> str:
    """The one spelling of the path with these steps: `$['a']["b c"]` becomes `$.a["b c"]`."""
    return "$" + "".join(
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{json.dumps(step)}]" for step in steps
    )


def value_at_steps(body: bytes, steps: Sequence[str | int | None], text: str) -> Any:
    """The value at the steps of a path, as `value_at` gives it; `text` is the path in messages."""
    try:
        matches = list(select(body.removeprefix(b"\xef\xbb\xbf"), steps, text))
        if steps:
            _require_names_once(matches[0])
        return json.loads(matches[0], parse_float=read_decimal)
    except NullAtPath:
        return None
    except NothingAtPath:
        return MISSING
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise explain_unreadable(body, error) from error


def _require_names_once(body: bytes) -> None:
    if error := doubled_error(body):
        raise NameTwice(f"The page cannot be trusted: {error}")


def _missing_error(error: NothingAtPath) -> SourceChanged:
    leaves_out = ' If the source leaves it out when there are no records, declare that: "empty": ["missing"].'
    return SourceChanged(f"{error}{leaves_out if isinstance(error, NoSimilarList) else ''}")


def _null_error(text: str) -> SourceChanged:
    return SourceChanged(
        f"Null stands where {text} leads, so whether there are records cannot be seen. If the source writes an empty "
        'list so, declare it: "empty": ["null"].'
    )


def _cut_out(
    body: bytes, parts: Sequence[str | int], split_containers: dict[tuple[Any, ...], Any], read_budget: list[int]
) -> bytes:
    """The bytes at a location. Containers on the way are split once for all locations.

    Splitting reads a container with all that it contains: `read_budget` holds the bytes that may still be read.
    """
    container: Any = body
    for depth, part in enumerate(parts):
        location = tuple(parts[:depth])
        if location not in split_containers:
            read_budget[0] -= len(bytes(container))
            if read_budget[0] < 0:
                raise SourceChanged("The records lie too deep in too large a page; ask for smaller pages.")
            split_containers[location] = (
                split_members(container) if isinstance(part, str) else split_elements(container)
            )
        container = split_containers[location][part]
    return bytes(container)
