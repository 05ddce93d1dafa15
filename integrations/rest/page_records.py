"""Turns the elements of a page into records, or refuses an element with a reason that names what is wrong in it."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ingestion import FieldError, Record, RecordError, Refusal, SourceChanged, counted, doubled_error
from integrations.rest.fields import has_member, key_of_value, key_reader, member, short_digest
from integrations.rest.identity import identity
from integrations.rest.path_walk import NULL

_UNREADABLE_KEY = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_TYPE_NAMES_PLURAL = {"[": "lists", '"': "texts", "t": "truths", "f": "truths"}
_TYPE_NAMES = {bool: "a truth", float: "a number with decimals", list: "a list", dict: "an object"}
_MAX_SHOWN = 10
_MAX_DEPTH = 100
_HALF_CHARACTER = "The text holds half a character (a surrogate without its other half)."
_NOT_UTF8 = "The text is no UTF-8. If the source writes another charset, declare it: charset, such as latin-1."
_LENIENT_DECODER = json.JSONDecoder(parse_constant=lambda text: _NoNumber(text))


@dataclass(frozen=True, slots=True)
class _NoNumber:
    """NaN, Infinity or -Infinity, which is no JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class PageRecords:
    """A page's elements. `nulls` is how many were null."""

    records: list[Record]
    refused: list[Refusal]
    nulls: int
    marks: list[str]
    """A digest of each element, to recognise it on another page; empty where the style needs none."""
    indexes: Sequence[int] = ()
    """The position of each record among the page's elements; null and refused elements lie between."""


def read_records(
    elements: Sequence[bytes], keys: tuple[str, ...], number: int, *, with_marks: bool, is_utf8: bool = True
) -> PageRecords:
    """The records of page `number`. A record without an id has its identity as its key.

    Where the page is not UTF-8, the records that are not are refused. Raises SourceChanged when no element can be a
    record.
    """
    read_key = key_reader(keys) if keys else identity
    records: list[Record] = []
    refused: list[Refusal] = []
    indexes: list[int] = []
    nulls = 0
    for index, body in enumerate(elements):
        if body == NULL:
            nulls += 1
            continue
        try:
            record = Record(read_key(body), body, f"page {number}, item {index}")
            if not is_utf8:
                body.decode()  # raises for the records that are at fault
            if repeated_names := doubled_error(body):
                refused.append(_refuse_repeated_names(record, keys, repeated_names))
                continue
            records.append(record)
            indexes.append(index)
        except (*_UNREADABLE_KEY, ValueError) as error:
            refused.append(_refuse(body, keys, f"page {number}, item {index}", error))
    if refused and not records:
        _require_records([refusal.record.body for refusal in refused], keys)
    return PageRecords(records, refused, nulls, _marks(elements, records) if with_marks else [], indexes)


def _refuse_repeated_names(record: Record, keys: tuple[str, ...], error: RecordError) -> Refusal:
    """Refuse a record in which names stand twice; without its id where the id itself is ambiguous."""
    faults = {fault.path for fault in error.errors}
    is_key_uncertain = not keys or any(
        name == fault or name.startswith(f"{fault}.") for name in keys for fault in faults
    )
    return Refusal(record._replace(key="") if is_key_uncertain else record, error)


def _marks(elements: Sequence[bytes], records: Sequence[Record]) -> list[str]:
    """A digest of each element: of its key, or of its bytes where it is no record."""
    keys = {id(record.body): record.key for record in records}
    return [short_digest(keys.get(id(body)) or body) for body in elements]


def _require_records(bodies: Sequence[bytes], keys: tuple[str, ...]) -> None:
    """Raise SourceChanged when nothing on the page is an object, or none of several has the key."""
    not_objects = [body for body in bodies if body[:1] != b"{"]
    if len(not_objects) == len(bodies):
        kinds = sorted({_TYPE_NAMES_PLURAL.get(chr(body[0]), "numbers") for body in not_objects if body})
        raise SourceChanged(
            f"None of the page's {counted(len(bodies), 'element')} is an object: they are {' and '.join(kinds)}. "
            "Does `records` lead where the records are?"
        )
    if not_objects or len(bodies) < 2:
        return
    values = [_decode_leniently(body) for body in bodies]
    for name in keys:
        if all(isinstance(value, dict) and not has_member(value, name) for value in values):
            member_names = ", ".join(list(values[0])[:_MAX_SHOWN])
            raise SourceChanged(
                f"None of the page's {counted(len(bodies), 'record')} has {name!r}, which tells them apart (`key`); "
                f"there are {member_names or 'no members'}. Has the source renamed it?"
            )


def _refuse(body: bytes, keys: tuple[str, ...], position: str, error: Exception) -> Refusal:
    """Refuse an element, with its id where that can still be read, and the members that are at fault."""
    value = _decode_leniently(body)
    faults = tuple(itertools.islice(_unusable_texts(value, "", _MAX_DEPTH), _MAX_SHOWN))
    key = ""
    if keys and isinstance(value, dict):
        with contextlib.suppress(ValueError):
            key = key_of_value(value, keys)
    if faults:
        names = ", ".join(dict.fromkeys(fault.path for fault in faults))
        return Refusal(Record(key, body, position), RecordError(f"{names}: {faults[0].message}", errors=faults))
    subject = f"key {', '.join(keys)!r}" if keys else "value"
    reason = _explain_missing_id(value, keys) or str(error)
    return Refusal(Record(key, body, position), RecordError(f"No usable {subject} in the record: {reason}"))


def _explain_missing_id(value: Any, keys: tuple[str, ...]) -> str:
    """Why the record's id is unusable; '' where the id is not the reason. An id is a text or a whole number."""
    for name in keys if isinstance(value, dict) else ():
        id_value = member(value, name)
        if id_value is None:
            return f"{name!r} is null." if has_member(value, name) else f"it has no {name!r}."
        if isinstance(id_value, bool | float | list | dict):
            type_name = _TYPE_NAMES[type(id_value)]
            return f"at {name!r} stands {type_name}; an id is a text or a whole number."
    return ""


def _decode_leniently(body: bytes) -> Any:
    """The value, with unusable texts and numbers kept; None when it is no JSON at all."""
    try:
        return _LENIENT_DECODER.decode(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _unusable_texts(value: Any, path: str, depth: int) -> Iterator[FieldError]:
    """The texts, names and numbers within a value that no JSON may hold."""
    if isinstance(value, _NoNumber):
        yield FieldError(path, "not_json", f"{value.text} is no JSON number.")
    elif isinstance(value, str) and _has_half_character(value):
        is_other_charset = any("\udc80" <= sign <= "\udcff" for sign in value)
        yield FieldError(path, "not_text", _NOT_UTF8 if is_other_charset else _HALF_CHARACTER)
    elif isinstance(value, dict | list) and depth:
        for name, child in value.items() if isinstance(value, dict) else enumerate(value):
            child_path = f"{path}.{name}" if path else str(name)
            child_path = child_path.encode("utf-8", "backslashreplace").decode()
            if isinstance(name, str) and _has_half_character(name):
                yield FieldError(
                    child_path, "not_text", "The name of a member holds half a character, or bytes that are no UTF-8."
                )
            yield from _unusable_texts(child, child_path, depth - 1)


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
