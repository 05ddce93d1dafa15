"""Classifies database errors. The table is closed by default: an error that is not listed is no record's fault.

If a lost connection made dead letters, a whole batch would be lost. So OperationalError is never the record's fault,
except for the few MySQL codes below that report a bad value under that class.
"""

from __future__ import annotations

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError

from ingestion.core import user_errors

_MYSQL_VALUE_CODES = frozenset(
    {
        1048,  # ER_BAD_NULL_ERROR
        1264,  # ER_WARN_DATA_OUT_OF_RANGE
        1265,  # WARN_DATA_TRUNCATED
        1292,  # ER_TRUNCATED_WRONG_VALUE
        1366,  # ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
        1406,  # ER_DATA_TOO_LONG
        3140,  # ER_INVALID_JSON_TEXT
        4025,  # MariaDB ER_CONSTRAINT_FAILED
    }
)
_MYSQL_RETRY_CODES = frozenset(
    {
        1020,  # ER_CHECKREAD, MariaDB: record changed since last read (snapshot isolation)
        1040,  # ER_CON_COUNT_ERROR
        1053,  # ER_SERVER_SHUTDOWN
        1152,  # ER_ABORTING_CONNECTION
        *(1158, 1159, 1160, 1161),  # network read and write errors
        1205,  # ER_LOCK_WAIT_TIMEOUT: the server does NOT roll the transaction back
        1213,  # ER_LOCK_DEADLOCK
        1317,  # ER_QUERY_INTERRUPTED
        1927,  # MariaDB ER_CONNECTION_KILLED
        *(2002, 2003, 2006, 2013, 2055),  # client: cannot connect, gone away, lost during query
    }
)
_POSTGRES_RETRY_STATES = ("08", "40", "53", "55P03", "57P")
"""SQLSTATE prefixes: connection, rollback (deadlock, serialization), resources, lock timeout, operator intervention."""


_OF_RECORD = (ObjectDoesNotExist, MultipleObjectsReturned, ValidationError)
"""Django's errors for data that does not fit, as a transform raises them that reads the database."""


def is_of_record(error: Exception) -> bool:
    """True when what a validator, reader or transform raised is about the record it was given."""
    if isinstance(error, DatabaseError):
        return is_record_fault(error)
    return isinstance(error, _OF_RECORD) or user_errors.is_of_record(error)


def is_record_fault(error: DatabaseError) -> bool:
    """True when one of the rows of the failed statement caused it."""
    return isinstance(error, IntegrityError | DataError) or _mysql_code(error) in _MYSQL_VALUE_CODES


def is_duplicate(error: DatabaseError) -> bool:
    """True when a row with this key, or with another of its unique values, exists already."""
    if _mysql_code(error) == 1062:  # ER_DUP_ENTRY
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    name = getattr(error.__cause__, "sqlite_errorname", "")
    return state == "23505" or name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


def is_transient(error: Exception) -> bool:
    """True when rolling back, reconnecting and trying the same batch again may succeed."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, DatabaseError):
        return False
    if _mysql_code(error) in _MYSQL_RETRY_CODES:
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRES_RETRY_STATES)
    name = getattr(error.__cause__, "sqlite_errorname", "")
    if name:
        return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    # psycopg reports a connection that died under it without a SQLSTATE.
    return isinstance(error, OperationalError) and type(error.__cause__).__module__.startswith("psycopg")


def is_away(error: Exception) -> bool:
    """True when the database cannot be reached now: the same request may succeed later."""
    return is_transient(error) or (isinstance(error, OperationalError) and not is_record_fault(error))


def is_conflict(error: Exception) -> bool:
    """True when the database cancelled this statement in favour of another transaction; the connection is usable."""
    if not isinstance(error, OperationalError):
        return False
    state = str(getattr(error.__cause__, "sqlstate", None) or "")
    locked = getattr(error.__cause__, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return _mysql_code(error) in (1020, 1205, 1213) or state in ("40001", "40P01", "55P03") or locked


def _mysql_code(error: Exception) -> int:
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def message(error: DatabaseError) -> str:
    """What the database says, without the row's values, which PostgreSQL adds as its detail."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None and diagnosis.message_primary:
        return str(diagnosis.message_primary)
    return str(error.args[-1] if error.args else error)
