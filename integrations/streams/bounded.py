"""Redis' answers, read within a budget of bytes and time: whoever writes into a stream must not fill our memory.

What does not fit any more is read to its end and thrown away; `CUT` stands where it would have been, and nothing
follows it in its list. The protocol is RESP 2 (redis.io/docs/latest/develop/reference/protocol-spec).
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
"""Lists within lists; Redis nests entries four deep."""
_EACH = 64
"""Bytes that a value takes in memory beside its own."""
SECONDS = 60.0
"""For one answer as a whole, however slowly it trickles in."""


class Cut:
    """What is not kept of an answer."""


CUT: Final = Cut()


class BoundedParser(BaseParser):
    """redis-py's seam for a parser; it makes one for each connection. Raises what redis-py's own raise."""

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
        self._held = bytearray()
        self._left = 0
        self._until = math.inf

    def on_connect(self, connection: Any) -> None:
        self._socket, self._timeout = connection._sock, connection.socket_timeout
        self._held.clear()

    def on_disconnect(self) -> None:
        self._socket = None
        self._held.clear()

    def can_read(self, timeout: float) -> bool:
        if self._held:
            return True
        self._until = math.inf
        self._socket.settimeout(timeout)
        try:
            self._receive()
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self._socket.settimeout(self._timeout)
        return True

    def read_response(self, disable_decoding: bool = False, **_: Any) -> Any:
        self._left, self._until = self._budget, self._clock() + self._seconds
        return self._value(0)

    def _value(self, depth: int) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        self._left -= _EACH
        if kind == b"+":
            return rest
        if kind == b"-":
            error = self.parse_error(rest.decode("utf-8", "replace"))  # type: ignore[no-untyped-call]
            if isinstance(error, redis.ConnectionError):
                raise error
            return error
        if kind not in (b":", b"$", b"*") or not _NUMBER.fullmatch(rest):
            raise redis.InvalidResponse(f"No answer of Redis begins with {line[:20]!r}.")
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        return self._bulk(number) if kind == b"$" else self._list(number, depth + 1)

    def _bulk(self, size: int) -> bytes | Cut:
        self._left -= size
        if self._left < 0:
            self._skip(size + 2)
            return CUT
        self._fill(size + 2)
        value = bytes(self._held[:size])
        del self._held[: size + 2]
        return value

    def _list(self, count: int, depth: int) -> list[Any] | Cut:
        if depth > _DEPTH:
            raise redis.InvalidResponse("No answer of Redis is nested so deeply.")
        if self._left < 0:
            for _ in range(count):
                self._value(depth)
            return CUT
        values: list[Any] = []
        for _ in range(count):
            spent = self._left < 0
            value = self._value(depth)
            if not spent:
                values.append(value if self._left >= 0 or isinstance(value, list) else CUT)
        return values

    def _line(self) -> bytes:
        start = 0
        while (end := self._held.find(b"\r\n", start)) < 0:
            if len(self._held) > _LINE:
                raise redis.InvalidResponse("No line of Redis is so long.")
            start = max(0, len(self._held) - 1)
            self._receive()
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line

    def _fill(self, size: int) -> None:
        while len(self._held) < size:
            self._receive()

    def _skip(self, size: int) -> None:
        while size > len(self._held):
            size -= len(self._held)
            self._held.clear()
            self._receive()
        del self._held[:size]

    def _receive(self) -> None:
        if self._clock() > self._until:
            raise redis.TimeoutError("The answer took too long.")
        part = self._socket.recv(_CHUNK)
        if not part:
            raise redis.ConnectionError("Connection closed by server.")
        self._held += part
