"""What the databases' columns can hold, where Django's fields do not say it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

SQLITE_DIGITS = 15
"""SQLite keeps decimals as IEEE doubles, exact for 15 significant digits (sqlite.org/floatingpoint.html)."""


def integer_range(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> tuple[int, int]:
    """The smallest and the largest number that the column of `field` takes."""
    known: Any = connection.ops.integer_field_range(field.get_internal_type())
    return (-(2**63) if known[0] is None else known[0]), (2**63 - 1 if known[1] is None else known[1])
