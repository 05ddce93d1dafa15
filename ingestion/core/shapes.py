"""The shape of JSON records: which fields they have and of which types. Paths and types only, never a value.

A path is the names from the record down, joined by dots; `[]` stands for the items of a list, `*` for the keys of an
object that is a map. A key that looks like data (an address, a number, an id) is a `*` at once; an object with many
keys of which none is usual becomes one. So a shape holds no personal data unless an API names its fields after people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import msgspec

LEAST = 20
"""Records that a judgement about presence needs, before and now."""
STEADY = 0.95
"""Share of the records from which on a field is expected in all of them."""
MOST_FIELDS = 300
_DEPTH, _ITEMS, _MAP_KEYS, _FEW_KEYS, _LONGEST = 6, 8, 100, 8, 64
_SAMPLE_RECORDS, _SAMPLE_BYTES, _LARGEST = 100, 64 * 1024, 1024 * 1024
_NAMES = {1: "string", 2: "number", 4: "boolean", 8: "object", 16: "array"}
_NULL, _OBJECT, _ARRAY = 32, 8, 16
_NESTED = _OBJECT | _ARRAY
_FLAGS: dict[type, int] = {str: 1, int: 2, float: 2, bool: 4, dict: _OBJECT, list: _ARRAY, type(None): _NULL}
_DATA = re.compile(r"^\d|\d{5}|[0-9a-fA-F-]{16}|[@/\\?&=%]|://")
_MARKS = str.maketrans({".": "·", "[": "(", "]": ")", "*": "·"})
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Field:
    """What is known of one path."""

    types: frozenset[str]
    """string, number, boolean, object, array: all that were met."""
    nullable: bool
    present: int
    """In how many records it stands."""
    of: int
    """Out of how many that had a place for it: the object it belongs to."""
    holds: int = 0
    """In how many records an object stands there."""

    @property
    def steady(self) -> bool:
        return self.of >= LEAST and self.present >= STEADY * self.of


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of `records` records."""

    records: int = 0
    fields: Mapping[str, Field] = field(default_factory=dict)
    lacking: frozenset[str] = frozenset()
    """Paths that the pipeline's schema requires and the source is known not to deliver."""

    def merge(self, other: Shape) -> Shape:
        """What both know together. Never forgets a field or a type, but for folding maps."""
        both = folded(self, maps(other)), folded(other, maps(self))
        names = list(both[0].fields) + sorted(set(both[1].fields) - set(both[0].fields))
        fields = {name: _joined(name, *both) for name in names}
        return Shape(self.records + other.records, _bounded(_tidied(fields)), self.lacking | other.lacking)

    def places(self, path: str) -> int:
        """How many records have a place for `path`, whether or not it stands there."""
        owner = owner_of(path)
        if not owner:
            return self.records
        known = self.fields.get(owner)
        if known is None:
            return 0
        return known.present if path.endswith("[]") else known.holds

    @property
    def structure(self) -> Any:
        """What makes two shapes the same, however many records each was taken from."""
        return {name: (one.types, one.nullable, one.steady) for name, one in self.fields.items()}, self.lacking


def sample(bodies: Sequence[bytes]) -> Iterator[bytes]:
    """Some of a page's records, evenly spread: a twentieth, but 20 to 100 of them, and not too many bytes.

    It must cost next to nothing beside the page: of records of 3 KB, 21 at most are taken.
    """
    if not bodies:
        return
    fit = max(1, _SAMPLE_BYTES // (len(bodies[0]) + 1))
    wanted = min(_SAMPLE_RECORDS, fit, max(LEAST, len(bodies) // 20))
    size = 0
    for body in bodies[:: max(1, len(bodies) // wanted)][:wanted]:
        if size < _SAMPLE_BYTES and len(body) <= _LARGEST:
            size += len(body)
            yield body


def shape_of(bodies: Iterable[bytes]) -> Shape:
    """The shape of those that are JSON objects; others have none. Their order does not matter."""
    tally: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    records = 0
    for body in bodies:
        try:
            value = _decode(body)
        except (ValueError, RecursionError):  # msgspec's own and UnicodeDecodeError are ValueErrors
            continue
        if isinstance(value, dict):
            records += 1
            seen: dict[str, int] = {}
            _walk(value, "", seen, names, MOST_FIELDS, _DEPTH)
            for path, flags in seen.items():
                one = tally.setdefault(path, [0, 0, 0])
                one[0] += 1
                one[1] |= flags
                one[2] += flags & _OBJECT and 1
    fields = {path: _field(path, one, tally, records) for path, one in tally.items()}
    return Shape(records, _bounded(_tidied(fields)))


ENVELOPE = "$"
"""The path of what a source writes around its records, as if it stood in each of them."""


def enveloped(page: Shape, envelope: bytes, *, last: bool = False) -> Shape:
    """The shape of a page's records with what stands around them; as it is when that is no object.

    The `last` page of a list has no place for what it lacks: most sources leave out there what leads to a next one.
    """
    around = shape_of([envelope]) if envelope and page.records else Shape()
    if not around.records:
        return page
    many = page.records
    places = 0 if last else many
    fields = {ENVELOPE: Field(frozenset({"object"}), False, many, many, places)}
    for path, one in around.fields.items():
        seen = replace(one, present=one.present * many, of=one.of * many, holds=one.holds * places)
        fields[f"{ENVELOPE}.{path}"] = seen
    return replace(page, fields=_bounded({**page.fields, **fields}))


def _walk(
    value: Mapping[str, Any], prefix: str, seen: dict[str, int], names: dict[str, str], most: int, depth: int
) -> None:
    """Note the members of one object: `seen` maps a path to the flags of the types met there, in one record."""
    crowded = len(value) > most
    for key, one in islice(value.items(), 10 * most):
        path = prefix + ("*" if crowded else names.get(key) or names.setdefault(key, _name(key)))
        flag = _FLAGS[type(one)]
        seen[path] = seen.get(path, 0) | flag
        if flag & _NESTED and one and depth:
            _below(one, path, seen, names, depth)


def _below(one: Any, path: str, seen: dict[str, int], names: dict[str, str], depth: int) -> None:
    """Note what an object or a list holds; most values are neither, and are spared the call."""
    if isinstance(one, dict):
        return _walk(one, f"{path}.", seen, names, _MAP_KEYS, depth - 1)
    inner = f"{path}[]"
    for item in one[:_ITEMS]:
        flag = _FLAGS[type(item)]
        seen[inner] = seen.get(inner, 0) | flag
        if flag & _NESTED and depth > 1:
            _below(item, inner, seen, names, depth - 1)
    return None


def _name(key: str) -> str:
    if not key or len(key) > _LONGEST or not key.isprintable() or _DATA.search(key):
        return "*"
    return key.translate(_MARKS)


def _field(path: str, one: Sequence[int], tally: Mapping[str, Sequence[int]], records: int) -> Field:
    present, flags, holds = one
    owner = owner_of(path)
    of = records if not owner else tally[owner][0] if path.endswith("[]") else tally[owner][2]
    types = frozenset(name for flag, name in _NAMES.items() if flags & flag)
    return Field(types, bool(flags & _NULL), present, of, holds)


def owner_of(path: str) -> str:
    """The path of what `path` belongs to; '' for the record itself."""
    return path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def maps(shape: Shape) -> frozenset[str]:
    """Paths of the objects all of whose keys are folded; their number does not depend on what is a map's today."""
    stars = {owner_of(path) for path in shape.fields if path.endswith("*")}
    return frozenset(stars - {owner_of(path) for path in shape.fields if not path.endswith(("*", "[]"))} - {""})


def folded(shape: Shape, owners: frozenset[str]) -> Shape:
    """`shape` with the keys of the objects at `owners` folded to `*`."""
    fields = shape.fields
    for owner in sorted(owners):
        if any(owner_of(path) == owner for path in fields):
            fields = _fold(fields, owner)
    return shape if fields is shape.fields else replace(shape, fields=fields)


def _tidied(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """Without maps: an object below the record is one when it has very many keys, or several and none is usual."""
    while owner := _crowded(fields):
        fields = _fold(fields, owner)
    return fields


def _crowded(fields: Mapping[str, Field]) -> str:
    """The first object that is a map and not folded yet, '' when there is none."""
    keys: dict[str, list[Field]] = {}
    for path, one in fields.items():
        if not path.endswith("[]") and (owner := owner_of(path)):
            keys.setdefault(owner, []).append(one)
    many = [owner for owner, found in keys.items() if len(found) > _FEW_KEYS]
    found = [one for one in many if len(keys[one]) > _MAP_KEYS or all(2 * key.present < key.of for key in keys[one])]
    return min(found, default="")


def _fold(fields: Mapping[str, Field], owner: str) -> Mapping[str, Field]:
    start = f"{owner}."
    kept: dict[str, Field] = {}
    for path, one in fields.items():
        if path.startswith(start):
            rest = path[len(start) :]
            path = f"{start}*{rest[len(re.split(r'[.[]', rest, maxsplit=1)[0]) :]}"
        known = kept.get(path)
        kept[path] = one if known is None else _sum(known, one, max(known.of, one.of))
    return kept


def _joined(path: str, left: Shape, right: Shape) -> Field:
    one, other = left.fields.get(path), right.fields.get(path)
    if one is not None and other is not None:
        return _sum(one, other, one.of + other.of)
    if one is not None:
        return replace(one, of=one.of + right.places(path))
    assert other is not None
    return replace(other, of=other.of + left.places(path))


def _sum(one: Field, other: Field, of: int) -> Field:
    present = min(one.present + other.present, of)
    return Field(one.types | other.types, one.nullable or other.nullable, present, of, one.holds + other.holds)


def _bounded(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """The most frequent ones, in the order of their paths."""
    if len(fields) > MOST_FIELDS:
        often = sorted(fields, key=lambda path: (-fields[path].present, path))[:MOST_FIELDS]
        fields = {path: fields[path] for path in often}
    return dict(sorted(fields.items()))
