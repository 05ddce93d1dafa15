"""A Vault server as far as KV version 2 and AppRole go, over real HTTP, for the real client.

Status codes and bodies as the server's HTTP API documents them; `fail` makes it answer otherwise.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

TOKEN = "hvs.only-for-tests"


class FakeVault:
    """`secrets`: path to its versions, oldest first; a destroyed one is None."""

    def __init__(self) -> None:
        self.secrets: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.fail = 0
        self.before_write: Any = None
        self.open: list[socket.socket] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.open.append(self.connection)

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                outer.asked.append((self.command, self.path))
                status, document = outer.answer(self.command, self.path, body, self.headers.get("X-Vault-Token", ""))
                sent = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *args: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False  # closing waits for them: later tests fork, and no thread may be left
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.server.shutdown()
        self.thread.join()
        for connection in self.open:
            with suppress(OSError):  # its client closed it
                connection.shutdown(socket.SHUT_RDWR)
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        if self.fail:
            return self.fail, {"errors": ["as the test wants"]}
        if path == "/v1/auth/approle/login":
            known = body == {"role_id": "role", "secret_id": "only-for-tests"}
            return (
                (200, {"auth": {"client_token": TOKEN}}) if known else (400, {"errors": ["invalid role or secret ID"]})
            )
        if token != TOKEN:
            return 403, {"errors": ["permission denied"]}
        found = re.fullmatch(r"/v1/(?P<mount>[^/]+)/(?P<what>data|metadata|destroy)/(?P<path>.+)", path)
        assert found, path
        return getattr(self, f"_{found['what']}")(method, found["path"], body)  # type: ignore[no-any-return]

    def _data(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        versions = self.secrets.get(path, [])
        if method == "GET":
            if not versions:
                return 404, {"errors": []}
            about = {"version": len(versions), "deletion_time": "", "destroyed": versions[-1] is None}
            return (404 if versions[-1] is None else 200), {"data": {"data": versions[-1], "metadata": about}}
        if self.before_write:
            self.before_write()
            versions = self.secrets.get(path, [])
        if body["options"]["cas"] != len(versions):
            return 400, {"errors": ["check-and-set parameter did not match the current version"]}
        self.secrets[path] = [*versions, body["data"]]
        return 200, {"data": {"version": len(versions) + 1}}

    def _metadata(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        versions = self.secrets.get(path)
        if versions is None:
            return 404, {"errors": []}
        about = {str(number): {"destroyed": value is None} for number, value in enumerate(versions, 1)}
        return 200, {"data": {"current_version": len(versions), "versions": about}}

    def _destroy(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        for number in body["versions"]:
            self.secrets[path][number - 1] = None
        return 200, {}
