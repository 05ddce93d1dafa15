"""Converts a Python value to the parameter of one database column, without ever changing it.

An adapter returns the parameter for the driver or raises a `ColumnFault`; it never rounds, cuts or guesses. Django's
own preparation would round decimals to the column's places, cut 3.7 to 3, write lists as Python does and take naive
datetimes; SQLite would keep over-long text.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from pydantic import BaseModel

from ingestion.core.text import counted
from ingestion.database import json_columns, numbers, times
from ingestion.database.nul import nul_rule, without_nul
from ingestion.database.statements import as_text
from ingestion.database.unfit import CONVERSION_ERRORS, ColumnFault, refuse_booleans, refuse_non_values

Adapter = Callable[[Any], Any]
_NO_TEXT = (Mapping, Iterator, list, tuple, set, frozenset, bytes, bytearray, memoryview, BaseModel)


def adapter(
    field: models.Field[Any, Any], connection: BaseDatabaseWrapper, *, is_key: bool = False, nul: str = "refuse"
) -> Adapter:
    """The adapter for values of `field` other than None; key columns also refuse trailing white space.

    `nul` says what becomes of NUL in texts outside of keys, as in `Upsert`.
    """
    for kinds, make_adapter in _KINDS:
        if isinstance(field, kinds):
            return make_adapter(field, connection)
    match field:
        case models.ForeignKey():
            return adapter(field.target_field, connection)
        case models.TextField() | models.CharField() | models.FileField() | models.FilePathField():
            return _text(field, is_key, nul_rule(connection, "refuse" if is_key else nul))
        case models.JSONField():
            return json_columns.document(field, connection, nul_rule(connection, nul))
        case _:
            return _sendable(_generic(field, connection), connection)


def _text(field: models.Field[Any, Any], is_key: bool, nul: str) -> Adapter:
    longest = field.max_length or 2**31

    def adapt(value: Any) -> str:
        text: str = value if type(value) is str else _written(value, field)
        if nul and "\0" in text:
            text = without_nul(text, "\0", "\ufffd", nul)
        if len(text) > longest:
            raise ColumnFault("max_length", f"{counted(len(text), 'character')}; the column takes {longest}.")
        if not text.isascii():
            text.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
        if is_key and text[-1:].isspace():
            raise ColumnFault("trailing_space", "Ids must not end in white space: some databases ignore it.")
        return text

    return adapt


def _written(value: Any, field: models.Field[Any, Any]) -> str:
    """The text of a value that has one, such as a number or a UUID; Python's repr of a list is refused."""
    if not isinstance(value, str):
        refuse_booleans(value, "text")
        refuse_non_values(value)
        if isinstance(value, _NO_TEXT) or not _has_text(value):
            raise ColumnFault("text", f"A {type(value).__name__} is no text; say in the transform how it is written.")
    text: str = field.get_prep_value(value)
    return text


def _has_text(value: Any) -> bool:
    """Whether `str` returns a text for people, and not Python's repr of an object."""
    if callable(value) or dataclasses.is_dataclass(value) or (isinstance(value, Enum) and not isinstance(value, int)):
        return False
    kind: Any = type(value)
    return kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__


def _boolean(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    def adapt(value: Any) -> Any:
        refuse_non_values(value)
        if not isinstance(value, bool | int | float | str) or value == "":  # which Django takes for NULL
            raise ColumnFault("boolean", f"{value!r} is no truth value.")
        return field.get_db_prep_save(value, connection)

    return adapt


def _binary(field: models.BinaryField[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    longest = field.max_length

    def adapt(value: Any) -> Any:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise ColumnFault("bytes", f"A {type(value).__name__} is no bytes; encode it in the transform.")
        if longest and len(value) > longest:
            raise ColumnFault("max_length", f"{counted(len(value), 'byte')}; the column takes {longest}.")
        return field.get_db_prep_save(value, connection)

    return adapt


def _address(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    def adapt(value: Any) -> Any:
        if value != "":  # Django stores NULL for it
            if isinstance(value, int):
                raise ColumnFault("address", f"{value!r} is no IP address; give it as text.")
            text = str(value).strip()
            if "%" in text:
                raise ColumnFault("address", f"{text!r} names a zone, which a column of addresses cannot hold.")
            ipaddress.ip_address(text)
        return field.get_db_prep_save(value, connection)

    return adapt


def _generic(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    """Other fields, including custom ones: their own preparation decides about a value."""

    def adapt(value: Any) -> Any:
        refuse_non_values(value)
        if isinstance(field, models.UUIDField):
            refuse_booleans(value, "UUID")
        return field.get_db_prep_save(value, connection)

    return adapt


_BOUND = (str, bytes, bytearray, memoryview, int, float, type(None))
"""What SQLite's driver binds as it is."""


def _sendable(adapt: Adapter, connection: BaseDatabaseWrapper) -> Adapter:
    """`adapt`, which also refuses values that the statement cannot send: it is one value's fault, not the batch's."""
    if connection.vendor != "sqlite":
        return lambda value: as_text(adapt(value))

    def bound(value: Any) -> Any:
        parameter = adapt(value)
        if not isinstance(parameter, _BOUND):
            as_text(parameter)  # raises TypeError for what no statement can send
        return parameter

    return bound


_KINDS: tuple[tuple[type[models.Field[Any, Any]], Callable[[Any, BaseDatabaseWrapper], Adapter]], ...] = (
    (models.IntegerField, numbers.integer),
    (models.DecimalField, numbers.decimal),
    (models.DateTimeField, lambda field, connection: times.moment(connection)),
    (models.DateField, lambda field, connection: times.day(connection)),
    (models.TimeField, times.time_of_day),
    (models.DurationField, lambda field, connection: _sendable(times.duration(field, connection), connection)),
    (models.FloatField, lambda field, connection: numbers.floating),
    (models.BooleanField, _boolean),
    (models.BinaryField, lambda field, connection: _sendable(_binary(field, connection), connection)),
    (models.GenericIPAddressField, lambda field, connection: _sendable(_address(field, connection), connection)),
)
"""The adapter of each kind of field; the first match counts, because a DateTimeField is also a DateField."""


def from_text(field: models.Field[Any, Any], vendor: str) -> Callable[[str], Any]:
    """A function from a key's text to the field's value; None where no row can have that key."""
    if isinstance(field, models.CharField | models.TextField):
        # The drivers refuse to ask for what cannot be stored: half a surrogate pair, and NUL on PostgreSQL.
        return lambda text: text if _encodable(text) and not (vendor == "postgresql" and "\0" in text) else None

    def convert(text: str) -> Any:
        try:
            return field.to_python(text)
        except CONVERSION_ERRORS:
            return None

    return convert


def _encodable(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
