"""What errors of the other database mean for the run. Messages hold codes, not the driver's texts, which name hosts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, DataError, InterfaceError, NotSupportedError, OperationalError, ProgrammingError

from ingestion import CredentialError, IngestionError, SourceChanged, Transient

_MYSQL_DENIED = {1044, 1045, 1142, 1143, 1227, 1370, 1698}
_MYSQL_CHANGED = {1054, 1064, 1146, 1305, 1792}  # column, syntax, table, function; 1792: it tried to write
_MYSQL_TOO_LONG = {1969, 3024}
_MYSQL_LATER = (
    {1021, 1023, 1026, 1030, 1037, 1038, 1040, 1041, 1042, 1043, 1053, 1077, 1078, 1079, 1105, 1129, 1135, 1152}
    | {*range(1154, 1162), 1184, 1189, 1190, 1194, 1195, 1203, 1205, 1206, 1213, 1223, 1226, 1290, 1317, 1412, 1615}
    | {1836, 1927, 4031}
)
"""Codes of a server that is full, busy, shutting down or locked, which passes. Codes from 2000 on come from the client
library, which did not reach the server.
"""
_SQLITE_LATER = (
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_INTERRUPT",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_PROTOCOL",
    "SQLITE_SCHEMA",
)
_POSTGRES_DENIED = ("28", "42501")
_POSTGRES_CHANGED = ("22", "25006", "3D000", "42", "54")
_POSTGRES_TOO_LONG = ("57014",)
_DENIED = re.compile(
    r"authentication failed|FATAL: +role .* (does not exist|is not permitted to log in)|no pg_hba\.conf entry"
    r"|no password supplied|permission denied for database"
)
_NO_DATABASE = re.compile(r"FATAL: +database .* does not exist")
"""Before a connection is established libpq gives no SQLSTATE, only the server's message in the server's language. A
refusal in another language than English is therefore taken for an outage and tried again.
"""


@contextmanager
def translate_errors(using: str) -> Iterator[None]:
    """Raise errors of the database `using` as the engine's errors, which say who has to act."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        raise _classify(using, error) from error


def _classify(using: str, error: Exception) -> IngestionError:
    code = _code(error)
    denied, changed, too_long = _lookup(code)
    if code == type(error).__name__:  # no code: PostgreSQL refuses a connection by text alone
        denied = bool(_DENIED.search(str(error)))
        if _NO_DATABASE.search(str(error)):  # the text names hosts
            return SourceChanged(f"The server of {using!r} has no database of the NAME that DATABASES says.")
    if denied:
        return CredentialError(f"The database {using!r} refused our user ({code}).")
    if too_long or "interrupted" in str(error):
        return Transient(f"A statement on the database {using!r} took too long ({code}); is the order indexed?")
    permanent = isinstance(error, OperationalError) and not _may_pass(error, code)
    if changed or permanent or isinstance(error, ProgrammingError | DataError | NotSupportedError):
        return SourceChanged(f"The database {using!r} did not understand the question: {_server_message(error)}")
    if isinstance(error, OperationalError | InterfaceError):
        return Transient(f"The database {using!r} cannot be asked now ({code}).")
    return SourceChanged(f"The database {using!r} answered {type(error).__name__} ({code}).")


def _lookup(code: str) -> tuple[bool, bool, bool]:
    """Whether the code means: access denied, the source changed, the statement took too long."""
    if code.isdecimal() and len(code) == 4:
        number = int(code)
        return number in _MYSQL_DENIED, number in _MYSQL_CHANGED, number in _MYSQL_TOO_LONG
    changed = code.startswith(_POSTGRES_CHANGED) or code in ("SQLITE_ERROR", "SQLITE_READONLY")
    return code.startswith(_POSTGRES_DENIED), changed, code.startswith(_POSTGRES_TOO_LONG)


def _may_pass(error: OperationalError, code: str) -> bool:
    """Whether the same statement may succeed later."""
    if isinstance(error.__cause__, sqlite3.Error):
        return code.startswith(_SQLITE_LATER)
    from_server = code.isdecimal() and len(code) == 4 and int(code) < 2000
    return int(code) in _MYSQL_LATER if from_server else True


def _code(error: Exception) -> str:
    """MySQL's number, PostgreSQL's SQLSTATE or SQLite's name of the error."""
    state = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "sqlite_errorname", None)
    if state:
        return str(state)
    first = error.args[0] if error.args else ""
    return str(first) if isinstance(first, int) else type(error).__name__


def _server_message(error: Exception) -> str:
    """The server's message, which names the missing column or table: no secret, and what the developer needs."""
    diagnosis = getattr(error.__cause__, "diag", None)
    message = getattr(diagnosis, "message_primary", None) or (error.args[-1] if error.args else "")
    return str(message)[:200]
