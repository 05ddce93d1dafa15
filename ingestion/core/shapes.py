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
    """The types and counts that records have shown at one path."""

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

    def merge(self, added: Shape) -> Shape:
        """The fields of both shapes together. Never forgets a field or a type, but for folding maps."""
        base, further = folded(self, maps(added)), folded(added, maps(self))
        paths = list(base.fields) + sorted(set(further.fields) - set(base.fields))
        fields = {path: _join_fields(path, base, further) for path in paths}
        return Shape(self.records + added.records, _limit_fields(_fold_maps(fields)), self.lacking | added.lacking)

    def places(self, path: str) -> int:
        """How many records have a place for `path`, whether or not it stands there."""
        owner = owner_of(path)
        if not owner:
            return self.records
        owner_field = self.fields.get(owner)
        if owner_field is None:
            return 0
        return owner_field.present if path.endswith("[]") else owner_field.holds

    @property
    def structure(self) -> Any:
        """The part of a shape that two equal shapes share, however many records each was taken from."""
        return {
            name: (member.types, member.nullable, member.steady) for name, member in self.fields.items()
        }, self.lacking


def sample(bodies: Sequence[bytes]) -> Iterator[bytes]:
    """Some of a page's records, evenly spread: a twentieth, but 20 to 100 of them, and not too many bytes.

    It must cost next to nothing beside the page: of records of 3 KB, 21 at most are taken.
    """
    if not bodies:
        return
    fit = max(1, _SAMPLE_BYTES // (len(bodies[0]) + 1))
    sample_size = min(_SAMPLE_RECORDS, fit, max(LEAST, len(bodies) // 20))
    size = 0
    for body in bodies[:: max(1, len(bodies) // sample_size)][:sample_size]:
        if size < _SAMPLE_BYTES and len(body) <= _LARGEST:
            size += len(body)
            yield body


def shape_of(bodies: Iterable[bytes]) -> Shape:
    """The shape of the bodies that are JSON objects; other bodies have none. The order of bodies does not matter."""
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
            flags_by_path: dict[str, int] = {}
            _note_members(value, "", flags_by_path, names, MOST_FIELDS, _DEPTH)
            for path, flags in flags_by_path.items():
                counts = tally.setdefault(path, [0, 0, 0])
                counts[0] += 1
                counts[1] |= flags
                counts[2] += flags & _OBJECT and 1
    fields = {path: _field_from_counts(path, counts, tally, records) for path, counts in tally.items()}
    return Shape(records, _limit_fields(_fold_maps(fields)))


ENVELOPE = "$"
"""The path of the envelope that a source writes around its records, as if it stood in each of them."""


def enveloped(page: Shape, envelope: bytes, *, last: bool = False) -> Shape:
    """The shape of a page's records together with their envelope; the page's shape as it is without a JSON object.

    The `last` page of a list has no place for members that it lacks: most sources leave out the way to a next page.
    """
    around = shape_of([envelope]) if envelope and page.records else Shape()
    if not around.records:
        return page
    many = page.records
    places = 0 if last else many
    fields = {ENVELOPE: Field(frozenset({"object"}), False, many, many, places)}
    for path, member in around.fields.items():
        repeated = replace(member, present=member.present * many, of=member.of * many, holds=member.holds * places)
        fields[f"{ENVELOPE}.{path}"] = repeated
    return replace(page, fields=_limit_fields({**page.fields, **fields}))


def _note_members(
    value: Mapping[str, Any], prefix: str, flags_by_path: dict[str, int], names: dict[str, str], most: int, depth: int
) -> None:
    """Note the members of one object in `flags_by_path`: the flags of the types met at each path of one record."""
    crowded = len(value) > most
    for key, member in islice(value.items(), 10 * most):
        path = prefix + ("*" if crowded else names.get(key) or names.setdefault(key, _path_part(key)))
        flag = _FLAGS[type(member)]
        flags_by_path[path] = flags_by_path.get(path, 0) | flag
        if flag & _NESTED and member and depth:
            _note_contents(member, path, flags_by_path, names, depth)


def _note_contents(container: Any, path: str, flags_by_path: dict[str, int], names: dict[str, str], depth: int) -> None:
    """Note the contents of an object or a list; most values are neither, and are spared the call."""
    if isinstance(container, dict):
        return _note_members(container, f"{path}.", flags_by_path, names, _MAP_KEYS, depth - 1)
    inner = f"{path}[]"
    for item in container[:_ITEMS]:
        flag = _FLAGS[type(item)]
        flags_by_path[inner] = flags_by_path.get(inner, 0) | flag
        if flag & _NESTED and depth > 1:
            _note_contents(item, inner, flags_by_path, names, depth - 1)
    return None


def _path_part(key: str) -> str:
    if not key or len(key) > _LONGEST or not key.isprintable() or _DATA.search(key):
        return "*"
    return key.translate(_MARKS)


def _field_from_counts(path: str, counts: Sequence[int], tally: Mapping[str, Sequence[int]], records: int) -> Field:
    present, flags, holds = counts
    owner = owner_of(path)
    of = records if not owner else tally[owner][0] if path.endswith("[]") else tally[owner][2]
    types = frozenset(name for flag, name in _NAMES.items() if flags & flag)
    return Field(types, bool(flags & _NULL), present, of, holds)


def owner_of(path: str) -> str:
    """The path of the object or list that `path` belongs to; '' for the record itself."""
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


def _fold_maps(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """Fold maps: an object below the record is a map when it has very many keys, or several and none is usual."""
    while owner := _find_map(fields):
        fields = _fold(fields, owner)
    return fields


def _find_map(fields: Mapping[str, Field]) -> str:
    """The first object that is a map and not folded yet, '' when there is none."""
    keys: dict[str, list[Field]] = {}
    for path, member in fields.items():
        if not path.endswith("[]") and (owner := owner_of(path)):
            keys.setdefault(owner, []).append(member)
    large_owners = [owner for owner, members in keys.items() if len(members) > _FEW_KEYS]
    map_owners = [
        owner
        for owner in large_owners
        if len(keys[owner]) > _MAP_KEYS or all(2 * key.present < key.of for key in keys[owner])
    ]
    return min(map_owners, default="")


def _fold(fields: Mapping[str, Field], owner: str) -> Mapping[str, Field]:
    start = f"{owner}."
    folded_fields: dict[str, Field] = {}
    for path, member in fields.items():
        if path.startswith(start):
            suffix = path[len(start) :]
            path = f"{start}*{suffix[len(re.split(r'[.[]', suffix, maxsplit=1)[0]) :]}"
        earlier = folded_fields.get(path)
        folded_fields[path] = member if earlier is None else _add_fields(earlier, member, max(earlier.of, member.of))
    return folded_fields


def _join_fields(path: str, base: Shape, added: Shape) -> Field:
    base_field, added_field = base.fields.get(path), added.fields.get(path)
    if base_field is not None and added_field is not None:
        return _add_fields(base_field, added_field, base_field.of + added_field.of)
    if base_field is not None:
        return replace(base_field, of=base_field.of + added.places(path))
    assert added_field is not None
    return replace(added_field, of=added_field.of + base.places(path))


def _add_fields(first: Field, second: Field, of: int) -> Field:
    present = min(first.present + second.present, of)
    return Field(first.types | second.types, first.nullable or second.nullable, present, of, first.holds + second.holds)


def _limit_fields(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """At most MOST_FIELDS fields, the most frequent ones, in the order of their paths."""
    if len(fields) > MOST_FIELDS:
        often = sorted(fields, key=lambda path: (-fields[path].present, path))[:MOST_FIELDS]
        fields = {path: fields[path] for path in often}
    return dict(sorted(fields.items()))
