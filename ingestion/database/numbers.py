"""Converts numbers into their columns: never rounded, never made of values that are no numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.database.column_limits import SQLITE_DIGITS, integer_range
from ingestion.database.unfit import ColumnFault, refuse_booleans, refuse_non_values

_EXACT_FLOAT = 2**53
"""Up to here a float can represent every whole number."""


def integer(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], int]:
    low, high = integer_range(field, connection)

    def adapt(value: Any) -> int:
        number: int = value if type(value) is int else _whole(value, field)
        if not low <= number <= high:
            raise ColumnFault("out_of_range", f"{number} is outside {low} to {high}.")
        return number

    return adapt


def _whole(value: Any, field: models.Field[Any, Any]) -> int:
    """The whole number that `value` is. Django's own preparation would cut 3.7 to 3."""
    refuse_booleans(value, "whole number")
    refuse_non_values(value)
    if isinstance(value, float | Decimal):
        if value != value or value in (float("inf"), float("-inf")):
            raise ColumnFault("not_finite", f"{value} is not a number a column can hold.")
        if value != int(value):
            raise ColumnFault("not_whole", f"{value} is no whole number; it would be cut to {int(value)}.")
        if isinstance(value, float) and abs(value) > _EXACT_FLOAT:
            raise ColumnFault("float", f"{value:.0f} went through float, which may round; give an int or text.")
        return int(value)
    return int(field.get_prep_value(value))


def decimal(field: models.DecimalField[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], str]:
    places, whole = field.decimal_places, field.max_digits - field.decimal_places
    most = SQLITE_DIGITS if connection.vendor == "sqlite" else field.max_digits

    def adapt(value: Any) -> str:
        number = value if type(value) is Decimal else _decimal(value)
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


def _decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        raise ColumnFault("float", "Money and other decimals must not pass through float; give a Decimal or text.")
    refuse_booleans(value, "decimal number")
    refuse_non_values(value)
    if not isinstance(value, int | str | Decimal):  # a tuple of digits, too, makes a Decimal
        raise ColumnFault("decimal", f"A {type(value).__name__} is no decimal number; give a Decimal or text.")
    return Decimal(value)


def floating(value: Any) -> float:
    refuse_booleans(value, "number")
    refuse_non_values(value)
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ColumnFault("not_finite", f"{number} is not a number a column can hold.")
    if isinstance(value, int) and int(number) != value:
        raise ColumnFault("precision", f"{value} has more digits than a float; it would be rounded to {number:.0f}.")
    return number
