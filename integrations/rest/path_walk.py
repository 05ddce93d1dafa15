"""The way of a plain path through a page's bytes, and what it passes by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ingestion import SourceChanged, counted
from ingestion.redaction import mask
from integrations.rest.json_splitting import MOST, TooMany, elements, members

NULL = b"null"
_KINDS = {b'"': "a text", b"{": "an object", b"t": "a truth", b"f": "a truth"}
_around = msgspec.json.Encoder()


class LookupMissed(SourceChanged):
    """Nothing stands where a plain path leads."""


class NothingLike(LookupMissed):
    """Nor does a list that could be it under another name."""


class NullMet(LookupMissed):
    """Null stands on the way of a plain path, or where it wants a list."""


def walk(
    raw: bytes | msgspec.Raw, steps: Sequence[str | int | None], text: str, around: dict[str, Any] | None = None
) -> Iterator[bytes]:
    """The bytes that the steps lead to. `around` is filled with the other members of the objects on the way."""
    if not steps:
        yield bytes(raw).strip()
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        for one in _children(raw, text, last=not rest):
            yield from walk(one, rest, text)
        return
    if isinstance(step, int):
        found = _elements(raw, text)
        if step >= len(found):
            raise LookupMissed(f"The list on the way of {text} has only {counted(len(found), 'element')}.")
        yield from walk(found[step], rest, text)
        return
    try:
        known = members(raw)
    except msgspec.ValidationError:
        if _is_null(raw):
            raise NullMet(f"Null stands on the way of {text}.") from None
        raise LookupMissed(f"The page has no object with {step!r} on the way of {text}. Has it changed?") from None
    inner: dict[str, Any] | None = None
    if around is not None:
        around.update(known)
        around[step] = inner = {}
    if step not in known:
        there = ", ".join(repr(mask(name)[:40]) for name in list(known)[:10])
        # A list that is there may be the one that was looked for, renamed.
        kind = LookupMissed if any(bytes(one)[:1] == b"[" for one in known.values()) else NothingLike
        raise kind(f"The page has no {step!r} on the way of {text}; there are {there or 'no members'}.")
    yield from walk(known[step], rest, text, inner)


def _children(raw: bytes | msgspec.Raw, text: str, *, last: bool) -> list[Any]:
    """The elements of a list, or the members of an object that is used as one. Where they are records (`last`), all
    members must look like records: an object is no list of its fields.
    """
    start = bytes(raw).lstrip()[:4]
    if start == NULL:
        raise NullMet(f"Null stands where {text} wants a list.")
    if start[:1] != b"{":
        return _elements(raw, text)
    inner = list(members(raw).values())
    if last and (odd := sum(bytes(one).lstrip()[:1] not in (b"{", b"n") for one in inner)):
        raise SourceChanged(
            f"Where {text} wants a list of records stands one object; "
            f"{counted(odd, 'of its members is no object', 'of its members are no objects')}."
        )
    return inner


def _is_null(raw: bytes | msgspec.Raw) -> bool:
    return bytes(raw).strip() == NULL


def joined(around: dict[str, Any]) -> bytes:
    """As JSON, without the objects that hold nothing but the records."""
    return _around.encode(_pruned(around))


def _pruned(value: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, dict):
            if inner := _pruned(one):
                kept[name] = inner
        else:
            kept[name] = msgspec.Raw(one)
    return kept


def few(found: Iterator[bytes]) -> list[bytes]:
    taken = list(itertools.islice(found, MOST + 1))
    if len(taken) > MOST:
        raise TooMany(f"The page has more than {MOST} records; ask for smaller pages.")
    return taken


def _elements(raw: bytes | msgspec.Raw, text: str) -> list[msgspec.Raw]:
    try:
        return elements(raw)
    except msgspec.ValidationError:
        there = _KINDS.get(bytes(raw).lstrip()[:1], "a number")
        raise LookupMissed(f"The page has no list where {text} leads, but {there}. Has the source changed?") from None
