"""A local server for benchmarks of sources: it answers each call with a page that was made before."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def serve(page_at: Callable[[str], bytes], cursor: str, wait: float = 0) -> None:
    """Answer for ever with the page at the query's parameter `cursor` ("" for none), `wait` seconds later.

    The first line printed is the port.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = page_at(parse_qs(urlsplit(self.path).query).get(cursor, [""])[0])
            time.sleep(wait)
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
            )

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
