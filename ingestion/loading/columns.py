"""From a Python value to what one database column takes, without ever changing it.

An adapter returns the parameter for the driver or raises a `ColumnFault`; it never rounds, cuts or guesses. Django's
own preparation would round decimals to the column's places and take naive datetimes; SQLite would keep over-long text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.core.text import counted
from ingestion.loading.limits import SQLITE_DIGITS, integer_range

Adapter = Callable[[Any], Any]
CONVERSION_ERRORS = (ValueError, TypeError, OverflowError, ArithmeticError, ValidationError)
"""What converting one value may raise because of that value."""


class ColumnFault(ValueError):
    """This value does not fit its column: `code` is stable, the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def adapter(
    field: models.Field[Any, Any], connection: BaseDatabaseWrapper, *, is_key: bool = False, nul: str = "refuse"
) -> Adapter:
    """The adapter for values of `field` other than None; key columns also refuse trailing white space.

    `nul` says what becomes of NUL in texts outside of keys, as in `Upsert`.
    """
    match field:
        case models.ForeignKey():
            return adapter(field.target_field, connection)
        case models.TextField() | models.CharField():
            return _text(field, is_key, nul_rule(connection, "refuse" if is_key else nul))
        case models.IntegerField():
            return _integer(field, connection)
        case models.DecimalField():
            return _decimal(field, connection)
        case models.DateTimeField():
            return _datetime(connection)
        case models.DateField():
            return _date(connection)
        case models.FloatField():
            return _float
        case models.JSONField():
            return _json(field, connection, nul_rule(connection, nul))
        case _:
            return _generic(field, connection)


def nul_rule(connection: BaseDatabaseWrapper, nul: str) -> str:
    """What is done about NUL in a text: "replace", "refuse", or "" where the database takes it as it is."""
    return nul if nul == "replace" or connection.vendor == "postgresql" else ""


def _text(field: models.Field[Any, Any], is_key: bool, nul: str) -> Adapter:
    longest = field.max_length or 2**31

    def adapt(value: Any) -> str:
        text: str = value if type(value) is str else field.get_prep_value(value)
        if nul and "\0" in text:
            text = _without_nul(text, "\0", "\ufffd", nul)
        if len(text) > longest:
            raise ColumnFault("max_length", f"{counted(len(text), 'character')}; the column takes {longest}.")
        if not text.isascii():
            text.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
        if is_key and text[-1:].isspace():
            raise ColumnFault("trailing_space", "Ids must not end in white space: some databases ignore it.")
        return text

    return adapt


def _without_nul(text: str, sign: str, instead: str, nul: str) -> str:
    if nul != "replace":
        where = 'Upsert(…, nul="replace") loads it with U+FFFD in its place, outside of keys'
        raise ColumnFault("nul", f"The text holds NUL (U+0000), which PostgreSQL cannot store. {where}.")
    return text.replace(sign, instead)


def _integer(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    low, high = integer_range(field, connection)

    def adapt(value: Any) -> int:
        number: int = value if type(value) is int else field.get_prep_value(value)
        if not low <= number <= high:
            raise ColumnFault("out_of_range", f"{number} is outside {low} to {high}.")
        return number

    return adapt


def _decimal(field: models.DecimalField[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    places, whole = field.decimal_places, field.max_digits - field.decimal_places
    most = SQLITE_DIGITS if connection.vendor == "sqlite" else field.max_digits

    def adapt(value: Any) -> str:
        if isinstance(value, float):
            raise ColumnFault("float", "Money and other decimals must not pass through float; give a Decimal or text.")
        number = value if type(value) is Decimal else Decimal(value)
        if not number.is_finite():
            raise ColumnFault("not_finite", f"{number} is not a number a column can hold.")
        if -places <= number.adjusted() < whole:
            # Nearly every amount is short and leaves here: a third of the cost of looking at its digits as below.
            text = format(number, "f")
            point = text.find(".")
            if len(text) <= most and (point < 0 or len(text) - point - 1 <= places):
                return text
        # Counted, not computed: arithmetic would first round to the 28 digits of Python's decimal context.
        if number and number.adjusted() >= whole:
            raise ColumnFault(
                "max_digits", f"{number} is too large for {field.max_digits} digits, {places} of them decimal."
            )
        _, digits, exponent = number.as_tuple()
        beyond = -int(exponent) - places
        if beyond > 0 and any(digits[-beyond:]):
            raise ColumnFault("decimal_places", f"{number} has more than {places} decimal places; it would be rounded.")
        if len(digits) > most and any(digits[most:]):
            raise ColumnFault("precision", f"{number} has more than {most} digits; this database would round it.")
        return format(number, "f")

    return adapt


def _datetime(connection: BaseDatabaseWrapper) -> Adapter:
    prepare = connection.ops.adapt_datetimefield_value
    # What `prepare` comes to on MySQL and SQLite, without its five calls a value.
    zone = None if connection.vendor == "postgresql" else connection.timezone

    def adapt(value: Any) -> Any:
        if not isinstance(value, datetime):
            raise ColumnFault("datetime", f"{value!r} is not a datetime.")
        if value.tzinfo is None:
            raise ColumnFault("naive_datetime", f"{value} has no time zone; give an aware datetime, best in UTC.")
        if zone is not None:
            return value.astimezone(zone).replace(tzinfo=None).isoformat(" ")
        return prepare(value)

    return adapt


def _date(connection: BaseDatabaseWrapper) -> Adapter:
    prepare = connection.ops.adapt_datefield_value

    def adapt(value: Any) -> Any:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ColumnFault("date", f"{value!r} is not a date.")
        return prepare(value)

    return adapt


def _float(value: Any) -> float:
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ColumnFault("not_finite", f"{number} is not a number a column can hold.")
    return number


_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON writes it; behind an odd number of backslashes it is text that speaks of it."""


def _json(field: models.JSONField[Any, Any], connection: BaseDatabaseWrapper, nul: str) -> Adapter:
    """PostgreSQL's wrapper is unpacked here, by the field's own encoder: what that refuses is this record's fault.

    So is what no database takes as JSON: numbers without end, and half a surrogate pair.
    """

    def adapt(value: Any) -> Any:
        wrapped = field.get_db_prep_save(value, connection)
        dumps = getattr(wrapped, "dumps", None)
        text = wrapped if dumps is None else dumps(wrapped.obj)
        return checked_json(text, nul) if isinstance(text, str) else text

    return adapt


def checked_json(text: str, nul: str) -> str:
    """JSON that every database takes. Raises one of CONVERSION_ERRORS."""
    if nul and "\\u0000" in text and _ESCAPED_NUL.search(text):
        _without_nul("", "", "", nul)
        text = _ESCAPED_NUL.sub(r"\1\\ufffd", text)
    if "\\ud" in text.lower():
        json.dumps(json.loads(text), ensure_ascii=False).encode()  # half a pair raises UnicodeEncodeError
    if ("NaN" in text or "Infinity" in text) and _endless(text):
        raise ColumnFault("not_finite", "JSON has no NaN and no Infinity.")
    return text


def _endless(text: str) -> bool:
    """Whether a number of the JSON text has no end."""
    found: list[str] = []
    json.loads(text, parse_constant=found.append)
    return bool(found)


def _generic(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Adapter:
    if not isinstance(field, models.BinaryField) or not field.max_length:
        return lambda value: field.get_db_prep_save(value, connection)
    longest = field.max_length

    def adapt(value: Any) -> Any:
        if len(value) > longest:
            raise ColumnFault("max_length", f"{counted(len(value), 'byte')}; the column takes {longest}.")
        return field.get_db_prep_save(value, connection)

    return adapt


def explain(error: Exception) -> tuple[str, str]:
    """Code and message of one of CONVERSION_ERRORS."""
    match error:
        case ColumnFault():
            return error.code, str(error)
        case ValidationError():
            return "invalid", "; ".join(error.messages)
        case InvalidOperation():
            return "decimal", "This is not a decimal number."
        case UnicodeEncodeError():
            return "unicode", "The text holds half of a surrogate pair and cannot be stored."
        case _:
            return type(error).__name__, str(error)


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
