"""What somebody else does at one exact moment of ours, and a database that fails in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


@contextmanager
def before(statement: str, other: Callable[[], object]) -> Iterator[None]:
    """Let `other` act just before the first statement that begins like that."""
    waiting = [other]

    def look(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if waiting and begins(sql, statement):
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"no statement begins with {statement}"


@contextmanager
def after(statement: str, other: Callable[[], object]) -> Iterator[None]:
    """Let `other` act just after the first statement that begins like that."""
    waiting = [other]

    def look(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if waiting and begins(sql, statement):
            waiting.pop()()
        return result

    with connection.execute_wrapper(look):
        yield
    assert not waiting, f"no statement begins with {statement}"


@contextmanager
def losing(statement: str) -> Iterator[None]:
    """The connection is lost at every statement that begins like that."""

    def look(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if begins(sql, statement):
            raise OperationalError(2013, "Lost connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield


def begins(sql: str, statement: str) -> bool:
    """Whether it does on any database; `statement` quotes names as SQL's standard does."""
    return sql.replace("`", '"').startswith(statement)
