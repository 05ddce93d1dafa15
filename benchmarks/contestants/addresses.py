"""The benchmark's database as SQLAlchemy and dlt want it named."""

from __future__ import annotations

from urllib.parse import quote

import sqlalchemy
from django.db import connection


def sqlalchemy_url(name: str = "") -> str:
    """The same server and settings as Django's connection, with another database when `name` is given."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}" + (f".{name}" if name else "")
    socket = quote(str(known["OPTIONS"]["unix_socket"]), safe="")
    return f"mysql+mysqldb://root@localhost/{name or known['NAME']}?unix_socket={socket}&charset=utf8mb4"


def sqlalchemy_engine() -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(sqlalchemy_url())
    if connection.vendor == "sqlite":

        @sqlalchemy.event.listens_for(engine, "connect")
        def as_django_does(raw: object, record: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32000"):
                raw.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    return engine
