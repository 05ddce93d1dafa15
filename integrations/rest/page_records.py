"""The elements of a page become records: each with its key, or refused with a reason that names what is wrong in it."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ingestion import FieldError, Record, RecordError, Refusal, SourceChanged, counted, doubled_error
from integrations.rest.fields import key_of_value, key_reader, mark, member, stands
from integrations.rest.identity import identity
from integrations.rest.path_walk import NULL

_NO_KEY = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_KINDS = {"[": "lists", '"': "texts", "t": "truths", "f": "truths"}
_KINDS_OF_ONE = {bool: "a truth", float: "a number with decimals", list: "a list", dict: "an object"}
_SHOWN = 10
_DEPTH = 100
_HALF = "The text holds half a character (a surrogate without its other half)."
_FOREIGN = "The text is no UTF-8. If the source writes another charset, declare it: charset, such as latin-1."
_LENIENT = json.JSONDecoder(parse_constant=lambda text: _NoNumber(text))


@dataclass(frozen=True, slots=True)
class _NoNumber:
    """NaN, Infinity or -Infinity, which is no JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Elements:
    """A page's elements. `nulls` is how many were null."""

    records: list[Record]
    refused: list[Refusal]
    nulls: int
    marks: list[str]
    """What each element is known by on another page, where that was asked for."""
    places: Sequence[int] = ()
    """Which element of the page each record is; null and refused ones lie between."""


def taken(
    elements: Sequence[bytes], keys: tuple[str, ...], number: int, *, marked: bool, sound: bool = True
) -> Elements:
    """The elements of page `number`; a record without an id has its identity as its key. Where the page is not `sound`
    UTF-8, the records that are at fault are refused.

    Raises SourceChanged when none of them can be a record.
    """
    read = key_reader(keys) if keys else identity
    records: list[Record] = []
    refused: list[Refusal] = []
    places: list[int] = []
    nulls = 0
    for index, body in enumerate(elements):
        if body == NULL:
            nulls += 1
            continue
        try:
            record = Record(read(body), body, f"page {number}, item {index}")
            if not sound:
                body.decode()
            if twice := doubled_error(body):
                refused.append(_doubled(record, keys, twice))
                continue
            records.append(record)
            places.append(index)
        except (*_NO_KEY, ValueError) as error:
            refused.append(_refusal(body, keys, f"page {number}, item {index}", error))
    if refused and not records:
        _require_records([one.record.body for one in refused], keys)
    return Elements(records, refused, nulls, _marks(elements, records) if marked else [], places)


def _doubled(record: Record, keys: tuple[str, ...], error: RecordError) -> Refusal:
    """A record in which names stand twice: without an id where that may be another one."""
    faults = {fault.path for fault in error.errors}
    unsure = not keys or any(name == fault or name.startswith(f"{fault}.") for name in keys for fault in faults)
    return Refusal(record._replace(key="") if unsure else record, error)


def _marks(elements: Sequence[bytes], records: Sequence[Record]) -> list[str]:
    keys = {id(record.body): record.key for record in records}
    return [mark(keys.get(id(body)) or body) for body in elements]


def _require_records(bodies: Sequence[bytes], keys: tuple[str, ...]) -> None:
    """Raise SourceChanged when nothing on the page is an object, or none of several has the key."""
    odd = [body for body in bodies if body[:1] != b"{"]
    if len(odd) == len(bodies):
        kinds = sorted({_KINDS.get(chr(body[0]), "numbers") for body in odd if body})
        raise SourceChanged(
            f"None of the page's {counted(len(bodies), 'element')} is an object: they are {' and '.join(kinds)}. "
            "Does `records` lead where the records are?"
        )
    if odd or len(bodies) < 2:
        return
    values = [_leniently(body) for body in bodies]
    for name in keys:
        if all(isinstance(value, dict) and not stands(value, name) for value in values):
            there = ", ".join(list(values[0])[:_SHOWN])
            raise SourceChanged(
                f"None of the page's {counted(len(bodies), 'record')} has {name!r}, which tells them apart (`key`); "
                f"there are {there or 'no members'}. Has the source renamed it?"
            )


def _refusal(body: bytes, keys: tuple[str, ...], position: str, error: Exception) -> Refusal:
    """Why a record is none, with its id where that can still be read, and the members that are at fault."""
    value = _leniently(body)
    faults = tuple(itertools.islice(_faults(value, "", _DEPTH), _SHOWN))
    key = ""
    if keys and isinstance(value, dict):
        with contextlib.suppress(ValueError):
            key = key_of_value(value, keys)
    if faults:
        names = ", ".join(dict.fromkeys(fault.path for fault in faults))
        return Refusal(Record(key, body, position), RecordError(f"{names}: {faults[0].message}", errors=faults))
    what = f"key {', '.join(keys)!r}" if keys else "value"
    why = _no_id(value, keys) or str(error)
    return Refusal(Record(key, body, position), RecordError(f"No usable {what} in the record: {why}"))


def _no_id(value: Any, keys: tuple[str, ...]) -> str:
    """What stands in the place of an id and is none, which is a text or a whole number; '' where that is not it."""
    for name in keys if isinstance(value, dict) else ():
        there = member(value, name)
        if there is None:
            return f"{name!r} is null." if stands(value, name) else f"it has no {name!r}."
        if isinstance(there, bool | float | list | dict):
            kind = _KINDS_OF_ONE[type(there)]
            return f"at {name!r} stands {kind}; an id is a text or a whole number."
    return ""


def _leniently(body: bytes) -> Any:
    """The value as far as it can be read at all, None when it cannot."""
    try:
        return _LENIENT.decode(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _faults(value: Any, path: str, depth: int) -> Iterator[FieldError]:
    if isinstance(value, _NoNumber):
        yield FieldError(path, "not_json", f"{value.text} is no JSON number.")
    elif isinstance(value, str) and _is_half(value):
        foreign = any("\udc80" <= sign <= "\udcff" for sign in value)
        yield FieldError(path, "not_text", _FOREIGN if foreign else _HALF)
    elif isinstance(value, dict | list) and depth:
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            at = f"{path}.{name}" if path else str(name)
            at = at.encode("utf-8", "backslashreplace").decode()
            if isinstance(name, str) and _is_half(name):
                yield FieldError(
                    at, "not_text", "The name of a member holds half a character, or bytes that are no UTF-8."
                )
            yield from _faults(one, at, depth - 1)


def _is_half(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
