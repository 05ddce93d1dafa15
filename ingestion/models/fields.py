"""Columns whose meaning must be the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _Text = models.CharField[str, str]
else:
    _Text = models.CharField


class ExternalIdField(_Text):
    """An id of somebody else's, compared byte by byte.

    MariaDB's and MySQL's default collations hold `ch_1AbC` and `ch_1aBc`, and even two emoji, for equal; this column
    uses `utf8mb4_bin` there. Trailing spaces, which that collation ignores, are refused by the loader.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 191)
        super().__init__(*args, **kwargs)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters
