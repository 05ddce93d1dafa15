"""What somebody else does at one exact moment of ours, and a database that fails in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import DatabaseError, OperationalError, connection


def before(statement: str, other: Callable[[], object]) -> AbstractContextManager[None]:
    """Let `other` act just before the first statement that begins like that."""
    return _beside(statement, other, first=True)


def after(statement: str, other: Callable[[], object]) -> AbstractContextManager[None]:
    """Let `other` act just after the first statement that begins like that."""
    return _beside(statement, other, first=False)


@contextmanager
def _beside(statement: str, other: Callable[[], object], *, first: bool) -> Iterator[None]:
    waiting = [other]

    def look(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        act = waiting.pop() if waiting and begins(sql, statement) else None
        if act is not None and first:
            act()
        result = execute(sql, params, many, context)
        if act is not None and not first:
            act()
        return result

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"no statement begins with {statement}"


@contextmanager
def losing(statement: str, error: type[DatabaseError] = OperationalError) -> Iterator[None]:
    """The connection is lost at every statement that begins like that, or another error comes."""

    def look(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if begins(sql, statement):
            raise error(2013, "Lost connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield


def begins(sql: str, statement: str) -> bool:
    """Whether it does on any database; `statement` quotes names as SQL's standard does."""
    return sql.replace("`", '"').startswith(statement)
