"""A parser of Redis replies with a budget of bytes and time, so that large stream entries cannot fill our memory.

Values beyond the budget are read to their end and discarded; `CUT` takes the place of the first of them, and their
list ends there. The protocol is RESP 2 (redis.io/docs/latest/develop/reference/protocol-spec).
"""

from __future__ import annotations

import math
import re
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

import redis
from redis._parsers import BaseParser

_NUMBER = re.compile(rb"-?[0-9]{1,19}")
_LINE = 64 * 1024
_CHUNK = 64 * 1024
_DEPTH = 8
"""Levels of nested lists; Redis nests entries four deep."""
_VALUE_OVERHEAD = 64
"""Bytes that a value takes in memory beside its content."""
SECONDS = 60.0
"""For a whole reply, however slowly it arrives."""


class Cut:
    """A part of a reply that was beyond the budget and discarded."""


CUT: Final = Cut()


class BoundedParser(BaseParser):
    """A `parser_class` of redis-py, created for each connection. Raises the errors of redis-py's own parsers."""

    def __init__(
        self,
        socket_read_size: int,
        *,
        budget: int,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._seconds, self._clock = budget, seconds, clock
        self._socket: Any = None
        self._timeout: float | None = None
        self._buffer = bytearray()
        self._budget_left = 0
        self._deadline = math.inf

    def on_connect(self, connection: Any) -> None:
        self._socket, self._timeout = connection._sock, connection.socket_timeout
        self._buffer.clear()

    def on_disconnect(self) -> None:
        self._socket = None
        self._buffer.clear()

    def can_read(self, timeout: float) -> bool:
        if self._buffer:
            return True
        self._deadline = math.inf
        self._socket.settimeout(timeout)
        try:
            self._receive()
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self._socket.settimeout(self._timeout)
        return True

    def read_response(self, disable_decoding: bool = False, **_: Any) -> Any:
        self._budget_left, self._deadline = self._budget, self._clock() + self._seconds
        return self._value(0)

    def _value(self, depth: int) -> Any:
        line = self._line()
        kind, content = line[:1], line[1:]
        self._budget_left -= _VALUE_OVERHEAD
        if kind == b"+":
            return content
        if kind == b"-":
            error = self.parse_error(content.decode("utf-8", "replace"))  # type: ignore[no-untyped-call]
            if isinstance(error, redis.ConnectionError):
                raise error
            return error
        if kind not in (b":", b"$", b"*") or not _NUMBER.fullmatch(content):
            raise redis.InvalidResponse(f"No answer of Redis begins with {line[:20]!r}.")
        number = int(content)
        if kind == b":":
            return number
        if number < 0:
            return None
        return self._bulk(number) if kind == b"$" else self._list(number, depth + 1)

    def _bulk(self, size: int) -> bytes | Cut:
        self._budget_left -= size
        if self._budget_left < 0:
            self._skip(size + 2)
            return CUT
        while len(self._buffer) < size + 2:
            self._receive()
        value = bytes(self._buffer[:size])
        del self._buffer[: size + 2]
        return value

    def _list(self, count: int, depth: int) -> list[Any] | Cut:
        if depth > _DEPTH:
            raise redis.InvalidResponse("No answer of Redis is nested so deeply.")
        if self._budget_left < 0:
            for _ in range(count):
                self._value(depth)
            return CUT
        values: list[Any] = []
        for _ in range(count):
            exhausted = self._budget_left < 0
            value = self._value(depth)
            if not exhausted:
                values.append(value if self._budget_left >= 0 or isinstance(value, list) else CUT)
        return values

    def _line(self) -> bytes:
        start = 0
        while (end := self._buffer.find(b"\r\n", start)) < 0:
            if len(self._buffer) > _LINE:
                raise redis.InvalidResponse("No line of Redis is so long.")
            start = max(0, len(self._buffer) - 1)
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _skip(self, size: int) -> None:
        while size > len(self._buffer):
            size -= len(self._buffer)
            self._buffer.clear()
            self._receive()
        del self._buffer[:size]

    def _receive(self) -> None:
        if self._clock() > self._deadline:
            raise redis.TimeoutError("The answer took too long.")
        chunk = self._socket.recv(_CHUNK)
        if not chunk:
            raise redis.ConnectionError("Connection closed by server.")
        self._buffer += chunk
