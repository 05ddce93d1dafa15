"""What changed between the shape that is accepted and the one that a source delivers now, and what is done about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ingestion.core.declarations import require
from ingestion.core.shapes import ENVELOPE, LEAST, MOST_FIELDS, Field, Shape, folded, maps, owner_of

DriftMode = Literal["stop", "note", "ignore"]
MODES: tuple[str, ...] = get_args(DriftMode)
Kind = Literal["new", "widened", "removed", "retyped", "required"]
_AROUND = f"{ENVELOPE}."
_WHAT = {
    "new": "is new",
    "widened": "may be more than before",
    "removed": "is gone",
    "retyped": "has another type",
    "required": "is required by the pipeline's schema and not delivered",
}


@dataclass(frozen=True, slots=True)
class OnDrift:
    """What a connection does when the shape drifts. Drift of a path in `vital` stops it, unless it ignores all."""

    mode: DriftMode = "note"
    """"stop", "note" or "ignore"."""
    vital: frozenset[str] = frozenset()
    """Dotted paths of which drift stops the run whatever `mode` is, unless it is "ignore"."""
    explicit: bool = False
    """Whether somebody wrote `mode` down; a default gives way to what the pipeline declares."""

    def __post_init__(self) -> None:
        require(self.mode in MODES, "mode of OnDrift", self.mode, f"one of {', '.join(MODES)}")
        paths = isinstance(self.vital, set | frozenset)
        require(paths, "vital of OnDrift", self.vital, 'a set of paths, such as frozenset({"id"})')


@dataclass(frozen=True, slots=True)
class Change:
    """One difference at one path, with what was and what is, in words."""

    kind: Kind
    path: str
    before: str
    now: str

    @property
    def is_drift(self) -> bool:
        """Whether what was relied on no longer holds; anything else only adds to it."""
        return self.kind in ("removed", "retyped", "required")

    def __str__(self) -> str:
        return f"{self.path} {_WHAT[self.kind]}: {self.before}, now {self.now}"


def compare(known: Shape, page: Shape, lacking: Collection[str] = ()) -> list[Change]:
    """The differences of a page (or several) from the `known` shape, drift first.

    `lacking` are paths that the schema requires and none of the page's records has.
    """
    page = folded(page, maps(known))
    found = [*_removed(known, page), *_retyped(known, page)]
    found += [Change("required", path, "optional", "absent") for path in sorted(set(lacking) - known.lacking)]
    return sorted([*found, *_added(known, page)], key=lambda one: (not one.is_drift, one.path))


def _removed(known: Shape, page: Shape) -> Iterator[Change]:
    for path, before in known.fields.items():
        if path in page.fields or not before.steady or path.endswith("[]") or "*" in path:
            continue
        if (places := page.places(path)) >= LEAST:
            share = f"in {100 * before.present // before.of} % of records"
            yield Change("removed", path, f"{types_of(before)}, {share}", f"in none of {places}")


def _retyped(known: Shape, page: Shape) -> Iterator[Change]:
    for path, now in page.fields.items():
        before = known.fields.get(path)
        if path.startswith(_AROUND):  # a cursor may be a text, and false on the last page: its reader judges that
            continue
        if before is not None and before.types and now.types - before.types:
            yield Change("retyped", path, types_of(before), types_of(now))


def _added(known: Shape, page: Shape) -> Iterator[Change]:
    full = len(known.fields) >= MOST_FIELDS
    for path, now in page.fields.items():
        before = known.fields.get(path)
        if before is None:
            owner = owner_of(path)
            if not full and (not owner or owner in known.fields):
                yield Change("new", path, "absent", types_of(now))
        elif (now.nullable and not before.nullable) or (now.types and not before.types):
            yield Change("widened", path, types_of(before), types_of(now))


def types_of(one: Field) -> str:
    """In words, for people."""
    return " or ".join([*sorted(one.types), *(["null"] if one.nullable else [])])


def adopt(known: Shape, page: Shape, changes: Sequence[Change], *, counting: bool = True) -> Shape:
    """The shape that has `page` in it, so that none of `changes` will be found again.

    A field met later than the others starts from zero: the page that brings it has it in some records only. Without
    `counting`, of a page with too few records, only fields and types are taken over: what it lacks may still be gone.
    """
    merged = known.merge(page)
    fields = dict(merged.fields)
    for path, one in merged.fields.items():
        before = known.fields.get(path)
        if before is None and known.records >= LEAST:
            fields[path] = replace(one, present=0, of=0)
        elif before is not None and not counting:
            fields[path] = replace(one, present=before.present, of=before.of)
    for change in changes:
        if change.kind == "removed" and change.path in fields:
            fields[change.path] = replace(fields[change.path], present=0, of=LEAST)
    lacking = merged.lacking | {one.path for one in changes if one.kind == "required"}
    return Shape(merged.records if counting else known.records, fields, lacking)


def sentence(changes: Sequence[Change], shown: int = 10) -> str:
    """The changes in one line, the first few in full."""
    more = f"; and {len(changes) - shown} more" if len(changes) > shown else ""
    return "; ".join(map(str, changes[:shown])) + more


def to_json(shape: Shape) -> dict[str, Any]:
    """For storage: a list for each path, in the order of `Field`."""
    fields = {
        path: [sorted(one.types), one.nullable, one.present, one.of, one.holds] for path, one in shape.fields.items()
    }
    return {"records": shape.records, "fields": fields, "lacking": sorted(shape.lacking)}


def from_json(stored: Any) -> Shape:
    """What `to_json` made. Anything it did not make is a shape of nothing, which is learned again."""
    try:
        fields = {
            str(path): Field(frozenset(types), bool(nullable), int(present), int(of), int(holds))
            for path, (types, nullable, present, of, holds) in sorted(stored["fields"].items())  # in whatever order
        }
        return Shape(int(stored["records"]), fields, frozenset(stored["lacking"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Shape()
