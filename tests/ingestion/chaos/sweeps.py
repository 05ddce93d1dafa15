"""A process killed in every state that it leaves behind on its way, one death after the other.

A death inside a transaction leaves the same behind wherever in it that was: the database rolls the whole of it back. So
what differs is which changes have become durable: right before and right after each COMMIT and each statement that
commits by itself, and between two effects outside the database, on Redis or in files. A process stops there. Of all other
statements it stops at every tenth, which is a sample of what this argument says, and at more of them in a deeper run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from django.db import connection
from redis.client import Pipeline, Redis

from tests.databases import DEPTH
from tests.ingestion.chaos.processes import KILLED, die, in_child

READING = ("SELECT", "BEGIN", "SAVEPOINT", "RELEASE", "SET ", "SHOW", "PRAGMA")
READING_REDIS = re.compile("EXISTS|GET|KEYS|LLEN|LRANGE|PING|SMEMBERS|TIME|XINFO|XLEN|XPENDING|XRANGE")
ONE_OTHER_IN = max(1, round(10 / DEPTH))


def sweep(
    prepare: Callable[[], Any], act: Callable[[Any], object], check: Callable[[Any], object], *, least: int
) -> None:
    """Kill `act` at one stop after the other, each time on something freshly prepared; it has at `least` so many."""
    for nth in count(1):
        subject = prepare()
        ended = in_child(lambda nth=nth, subject=subject: act_and_die(act, subject, nth))
        try:
            assert ended in (0, KILLED)
            check(subject)
        except AssertionError as error:
            raise AssertionError(f"killed at stop {nth}: {error}") from error
        if ended == 0:
            break
    assert nth > least, f"it was killed {nth - 1} times only"


def act_and_die(act: Callable[[Any], object], subject: Any, nth: int) -> None:
    """In a process of its own, which dies at the `nth` stop."""
    DyingAtStop(nth).arm()
    act(subject)


class DyingAtStop:
    """Ends this process at its `nth` stop. There is no way back: it is for processes that end anyway."""

    def __init__(self, nth: int) -> None:
        self.left = nth
        self._untried = True
        """Whether something has become durable since the last stop."""
        self._wrote = False
        """Whether the open transaction changes anything."""
        self._others = 0

    def arm(self) -> None:
        connection.execute_wrappers.append(self._execute)
        self._commit = connection._commit  # type: ignore[attr-defined]
        connection._commit = self._committing  # type: ignore[attr-defined]
        for kind, name in ((Redis, "execute_command"), (Pipeline, "execute")):
            setattr(kind, name, self._reaching_out(getattr(kind, name)))
        sys.addaudithook(self._touching_files)

    def _execute(self, execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        self._pass()
        result = execute(sql, params, many, context)
        if sql.lstrip().startswith(READING):
            return result
        if connection.get_autocommit():
            # Tried at the next place: of SQLite it is durable only once the rows that it gives back have been read.
            self._untried = True
        else:
            self._wrote = True
        return result

    def _committing(self) -> None:
        self._untried |= self._wrote  # all of it is to be rolled back, which is most
        self._pass()
        self._commit()
        self._untried |= self._wrote
        self._wrote = False
        self._pass()

    def _reaching_out(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(client: Any, *command: Any, **options: Any) -> Any:
            if not READING_REDIS.match(str(next(iter(command), ""))):
                self._outside()
            return call(client, *command, **options)

        return called

    def _touching_files(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and "__pycache__" not in str(arguments[0])
        if writes or event in ("os.rename", "os.remove"):
            self._outside()

    def _outside(self) -> None:
        self._pass()
        self._untried = True

    def _pass(self) -> None:
        """A place where the process may end."""
        self._others += not self._untried
        if self._untried or self._others % ONE_OTHER_IN == 0:
            self._untried = False
            self.left -= 1
            if self.left == 0:
                die()
