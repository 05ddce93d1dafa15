"""A server that misbehaves on purpose: real sockets on 127.0.0.1, one function a fault."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_MOST_READ = 100_000
"""Bytes of a request's body that the server reads before it answers."""
Fault = Callable[["Exchange"], None]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    raw: bytes


@dataclass(slots=True)
class Exchange:
    """One request on its connection, as a fault sees it."""

    server: Server
    connection: socket.socket
    request: Request
    number: int
    """How many requests this path had before."""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int, body: bytes = b"", *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def idle(self, seconds: float) -> bool:
        """Wait; False when the server is being closed."""
        return not self.server.closing.wait(seconds)


@dataclass(slots=True)
class Server:
    """Listens until closed; answers a path by the fault that the first segment of it names."""

    faults: dict[str, Fault]
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[tuple[socket.socket, threading.Thread]] = field(default_factory=list)
    _acceptor: threading.Thread = field(default_factory=threading.Thread)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def seen(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path.split("?")[0].startswith(path)]

    def start(self) -> None:
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._open.append((connection, thread))
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(10)
            secured = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with contextlib.closing(secured):
                while (request := _request(secured)) is not None:
                    number = len(self.seen(request.path.split("?")[0]))
                    self.requests.append(request)
                    fault = self.faults.get(request.path.split("?")[0].split("/")[1], _unknown)
                    fault(Exchange(self, secured, request, number))

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._acceptor.join()
        # However busy the machine is, no thread may be left behind: the crash tests fork.
        for connection, thread in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self._listener.close()


@contextmanager
def serving(faults: dict[str, Fault], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(faults, tls)
    server.start()
    try:
        yield server
    finally:
        server.close()


def _unknown(on: Exchange) -> None:
    on.answer(404)


def _request(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < min(int(headers.get("content-length", "0")), _MOST_READ):
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body, data + body)
