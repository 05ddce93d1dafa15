"""Reads single members of a record from its bytes, without decoding the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec


@lru_cache(maxsize=200)
def key_reader(names: tuple[str, ...]) -> Callable[[bytes], str]:
    """A function from a record's bytes to its id as text, which one member holds, or several together.

    It raises msgspec's errors for a record that is no object, or whose id is missing, empty or neither text nor number.
    """
    if len(names) == 1:
        return _member_reader(names[0])
    readers = [_member_reader(name) for name in names]
    return lambda body: join_ids([read(body) for read in readers])


def join_ids(parts: Sequence[str]) -> str:
    """Several ids as one: "7|2026". A "|" within an id is escaped, so different ids stay different."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def key_of_value(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The id of a decoded record, as text. Raises ValueError when it has no usable id."""
    parts = [member(value, name) for name in names]
    if not all(isinstance(part, str | int) and not isinstance(part, bool) and part != "" for part in parts):
        raise ValueError("it has no usable id")
    texts = list(map(str, parts))
    "".join(texts).encode()  # half a surrogate is no id: a ValueError too
    return texts[0] if len(texts) == 1 else join_ids(texts)


def _member_reader(name: str) -> Callable[[bytes], str]:
    decode = msgspec.json.Decoder(_nested(name.split("."), str | int)).decode
    depth = name.count(".") + 1

    def read(body: bytes) -> str:
        value: Any = decode(body)
        for _ in range(depth):
            value = value.inner
        if value == "":
            raise msgspec.ValidationError("it is empty")
        return str(value)

    return read


def member(record: Any, name: str) -> Any:
    """The member at a dotted name; None where it is missing."""
    for part in name.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def has_member(record: Any, name: str) -> bool:
    """Whether the record has the member at a dotted name, even if it is null."""
    *parents, last = name.split(".")
    owner = member(record, ".".join(parents)) if parents else record
    return isinstance(owner, dict) and last in owner


def parse_time(text: str) -> datetime | None:
    """An ISO 8601 time, in UTC unless it says otherwise; None for anything else."""
    try:
        at = datetime.fromisoformat(text.strip().upper())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def short_digest(identity: str | bytes) -> str:
    """A short digest, to recognise an element on another page."""
    data = identity.encode("utf-8", "surrogatepass") if isinstance(identity, str) else identity
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def _nested(parts: list[str], leaf: Any) -> Any:
    """The type of a record of which a single member is decoded, however deep it lies."""
    inner = leaf if len(parts) == 1 else _nested(parts[1:], leaf)
    return msgspec.defstruct("Member", [("inner", inner)], rename={"inner": parts[0]})
