"""Limits of the databases' columns that Django's fields do not know."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations

SQLITE_DIGITS = 15
"""SQLite keeps decimals as IEEE doubles, exact for 15 significant digits (sqlite.org/floatingpoint.html)."""
_JSON_LEVELS = {"sqlite": 1000, "mysql": 100}
"""SQLite's JSON_MAX_DEPTH and MySQL's limit. Python's own encoder gives up not far behind the first."""
_MARIADB_JSON_LEVELS = 31
"""MariaDB's JSON_DEPTH_LIMIT is 32, and a value inside of the innermost level counts as one (measured)."""


def integer_range(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> tuple[int, int]:
    """The smallest and the largest number that the column of `field` takes.

    SQLite takes 64 bits in every column; what other databases refuse there is refused as well.
    """
    kind = field.get_internal_type()
    limits: Any = connection.ops.integer_field_range(kind)
    if connection.vendor == "sqlite" and not isinstance(field, models.AutoField):
        limits = BaseDatabaseOperations.integer_field_ranges.get(kind, limits)
    return (-(2**63) if limits[0] is None else limits[0]), (2**63 - 1 if limits[1] is None else limits[1])


def json_levels(connection: BaseDatabaseWrapper) -> int:
    """How many levels of lists and objects JSON may have in a column of this database."""
    if getattr(connection, "mysql_is_mariadb", False):
        return _MARIADB_JSON_LEVELS
    return _JSON_LEVELS.get(connection.vendor, _JSON_LEVELS["sqlite"])
