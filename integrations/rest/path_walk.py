"""Follows a plain path through a page's bytes, and keeps the members that it passes: the envelope."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ingestion import SourceChanged, counted
from ingestion.redaction import mask
from integrations.rest.json_splitting import MAX_MEMBERS, TooMany, split_elements, split_members

NULL = b"null"
_KINDS = {b'"': "a text", b"{": "an object", b"t": "a truth", b"f": "a truth"}
_encoder = msgspec.json.Encoder()


class NothingAtPath(SourceChanged):
    """Nothing stands where a plain path leads."""


class NoSimilarList(NothingAtPath):
    """Nothing stands where a plain path leads, nor is there a list that could be it under another name."""


class NullAtPath(NothingAtPath):
    """Null stands on a plain path, or where it needs a list."""


def select(
    raw: bytes | msgspec.Raw, steps: Sequence[str | int | None], text: str, envelope: dict[str, Any] | None = None
) -> Iterator[bytes]:
    """The bytes to which the steps lead. `envelope` is filled with the other members of the objects on the way."""
    if not steps:
        yield bytes(raw).strip()
        return
    step, remaining = steps[0], steps[1:]
    if step is None:
        for child in _children(raw, text, last=not remaining):
            yield from select(child, remaining, text)
        return
    if isinstance(step, int):
        elements = _list_elements(raw, text)
        if step >= len(elements):
            raise NothingAtPath(f"The list on the way of {text} has only {counted(len(elements), 'element')}.")
        yield from select(elements[step], remaining, text)
        return
    try:
        members = split_members(raw)
    except msgspec.ValidationError:
        if bytes(raw).strip() == NULL:
            raise NullAtPath(f"Null stands on the way of {text}.") from None
        raise NothingAtPath(f"The page has no object with {step!r} on the way of {text}. Has it changed?") from None
    inner_envelope: dict[str, Any] | None = None
    if envelope is not None:
        envelope.update(members)
        envelope[step] = inner_envelope = {}
    if step not in members:
        names = ", ".join(repr(mask(name)[:40]) for name in list(members)[:10])
        # A list under another name may be the expected one, renamed: then no advice to declare it missing.
        error_class = NothingAtPath if any(bytes(child)[:1] == b"[" for child in members.values()) else NoSimilarList
        raise error_class(f"The page has no {step!r} on the way of {text}; there are {names or 'no members'}.")
    yield from select(members[step], remaining, text, inner_envelope)


def _children(raw: bytes | msgspec.Raw, text: str, *, last: bool) -> list[Any]:
    """The elements of a list, or the members of an object that is used as a list.

    Where they are records (`last`), all members must look like records: one record is no list of its fields.
    """
    start = bytes(raw).lstrip()[:4]
    if start == NULL:
        raise NullAtPath(f"Null stands where {text} wants a list.")
    if start[:1] != b"{":
        return _list_elements(raw, text)
    children = list(split_members(raw).values())
    if last and (other_count := sum(bytes(child).lstrip()[:1] not in (b"{", b"n") for child in children)):
        raise SourceChanged(
            f"Where {text} wants a list of records stands one object; "
            f"{counted(other_count, 'of its members is no object', 'of its members are no objects')}."
        )
    return children


def encode_envelope(envelope: dict[str, Any]) -> bytes:
    """The envelope as JSON, without objects that held nothing but the records."""
    return _encoder.encode(_without_empty_objects(envelope))


def _without_empty_objects(value: dict[str, Any]) -> dict[str, Any]:
    pruned: dict[str, Any] = {}
    for name, member in value.items():
        if isinstance(member, dict):
            if pruned_member := _without_empty_objects(member):
                pruned[name] = pruned_member
        else:
            pruned[name] = msgspec.Raw(member)
    return pruned


def require_few(selected: Iterator[bytes]) -> list[bytes]:
    """The selected elements as a list. Raises TooMany for more than MAX_MEMBERS, before they fill the memory."""
    elements = list(itertools.islice(selected, MAX_MEMBERS + 1))
    if len(elements) > MAX_MEMBERS:
        raise TooMany(f"The page has more than {MAX_MEMBERS} records; ask for smaller pages.")
    return elements


def _list_elements(raw: bytes | msgspec.Raw, text: str) -> list[msgspec.Raw]:
    try:
        return split_elements(raw)
    except msgspec.ValidationError:
        description = _KINDS.get(bytes(raw).lstrip()[:1], "a number")
        raise NothingAtPath(
            f"The page has no list where {text} leads, but {description}. Has the source changed?"
        ) from None
