"""Changes between the accepted shape and the shape that a source delivers now, and the action taken on them."""

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
    """A connection's answer to a drifting shape. Drift of a path in `vital` stops it, unless it ignores all."""

    mode: DriftMode = "note"
    """"stop", "note" or "ignore"."""
    vital: frozenset[str] = frozenset()
    """Dotted paths of which drift stops the run whatever `mode` is, unless it is "ignore"."""
    explicit: bool = False
    """Whether `mode` was configured; a default gives way to the pipeline's declaration."""

    def __post_init__(self) -> None:
        require(self.mode in MODES, "mode of OnDrift", self.mode, f"one of {', '.join(MODES)}")
        paths = isinstance(self.vital, set | frozenset)
        require(paths, "vital of OnDrift", self.vital, 'a set of paths, such as frozenset({"id"})')


@dataclass(frozen=True, slots=True)
class Change:
    """One difference at one path, with the state before and now, in words."""

    kind: Kind
    path: str
    before: str
    now: str

    @property
    def is_drift(self) -> bool:
        """Whether the accepted shape no longer holds; any other change only adds to it."""
        return self.kind in ("removed", "retyped", "required")

    def __str__(self) -> str:
        return f"{self.path} {_WHAT[self.kind]}: {self.before}, now {self.now}"


def compare(accepted: Shape, page: Shape, lacking: Collection[str] = ()) -> list[Change]:
    """The differences of a page (or several) from the `accepted` shape, drift first.

    `lacking` are paths that the schema requires and none of the page's records has.
    """
    page = folded(page, maps(accepted))
    changes = [*_removed_fields(accepted, page), *_retyped_fields(accepted, page)]
    changes += [Change("required", path, "optional", "absent") for path in sorted(set(lacking) - accepted.lacking)]
    return sorted([*changes, *_added_fields(accepted, page)], key=lambda change: (not change.is_drift, change.path))


def _removed_fields(accepted: Shape, page: Shape) -> Iterator[Change]:
    for path, before in accepted.fields.items():
        if path in page.fields or not before.steady or path.endswith("[]") or "*" in path:
            continue
        if (places := page.places(path)) >= LEAST:
            share = f"in {100 * before.present // before.of} % of records"
            yield Change("removed", path, f"{types_of(before)}, {share}", f"in none of {places}")


def _retyped_fields(accepted: Shape, page: Shape) -> Iterator[Change]:
    for path, now in page.fields.items():
        before = accepted.fields.get(path)
        if path.startswith(_AROUND):  # a cursor may be a text, and false on the last page: its reader judges that
            continue
        if before is not None and before.types and now.types - before.types:
            yield Change("retyped", path, types_of(before), types_of(now))


def _added_fields(accepted: Shape, page: Shape) -> Iterator[Change]:
    full = len(accepted.fields) >= MOST_FIELDS
    for path, now in page.fields.items():
        before = accepted.fields.get(path)
        if before is None:
            owner = owner_of(path)
            if not full and (not owner or owner in accepted.fields):
                yield Change("new", path, "absent", types_of(now))
        elif (now.nullable and not before.nullable) or (now.types and not before.types):
            yield Change("widened", path, types_of(before), types_of(now))


def types_of(field: Field) -> str:
    """The types of a field, in words."""
    return " or ".join([*sorted(field.types), *(["null"] if field.nullable else [])])


def adopt(accepted: Shape, page: Shape, changes: Sequence[Change], *, counting: bool = True) -> Shape:
    """The accepted shape with `page` merged into it, so that none of `changes` will be found again.

    A field met later than the others starts from zero: the page that brings it has it in some records only. Without
    `counting`, of a page with too few records, only fields and types are taken over: what it lacks may still be gone.
    """
    merged = accepted.merge(page)
    fields = dict(merged.fields)
    for path, field in merged.fields.items():
        before = accepted.fields.get(path)
        if before is None and accepted.records >= LEAST:
            fields[path] = replace(field, present=0, of=0)
        elif before is not None and not counting:
            fields[path] = replace(field, present=before.present, of=before.of)
    for change in changes:
        if change.kind == "removed" and change.path in fields:
            fields[change.path] = replace(fields[change.path], present=0, of=LEAST)
    lacking = merged.lacking | {change.path for change in changes if change.kind == "required"}
    return Shape(merged.records if counting else accepted.records, fields, lacking)


def sentence(changes: Sequence[Change], limit: int = 10) -> str:
    """The changes in one line, the first few in full."""
    more = f"; and {len(changes) - limit} more" if len(changes) > limit else ""
    return "; ".join(map(str, changes[:limit])) + more


def to_json(shape: Shape) -> dict[str, Any]:
    """The stored form of a shape: a list for each path, in the order of `Field`."""
    fields = {
        path: [sorted(field.types), field.nullable, field.present, field.of, field.holds]
        for path, field in shape.fields.items()
    }
    return {"records": shape.records, "fields": fields, "lacking": sorted(shape.lacking)}


def from_json(stored: Any) -> Shape:
    """Read the shape that `to_json` wrote. Any other value gives an empty shape, which is learned again."""
    try:
        fields = {
            str(path): Field(frozenset(types), bool(nullable), int(present), int(of), int(holds))
            for path, (types, nullable, present, of, holds) in sorted(stored["fields"].items())  # in whatever order
        }
        return Shape(int(stored["records"]), fields, frozenset(stored["lacking"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Shape()
