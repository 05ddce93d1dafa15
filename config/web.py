"""The web process: waitress, which reads a request in whole before a thread sees it, so slow senders delay no other.

    python -m config.web 127.0.0.1:8000

A thread is busy for as long as a view takes: bodies and answers wait outside of it, above some size in temporary files.
"""

from __future__ import annotations

import argparse
import logging
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from waitress.server import create_server

from config import standstill
from ingestion.conf import config
from ingestion.middleware import FORM_BYTES

logger = logging.getLogger("ingestion")
THREADS = 16
CONNECTIONS = 2000
"""Open at one time, idle and slow ones included; each costs a socket, some kilobytes, and for a large body a file."""
QUIET_SECONDS = 60
"""After which a connection is closed that sent nothing and waits for nothing."""
STOP_SECONDS = 30.0
"""How long what is being answered may take once the process is to end."""
ANSWER_BYTES = 1024**3
"""An answer up to this size never waits for its reader in a thread."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m config.web", description="Serve the console and the endpoints.")
    parser.add_argument("listen", metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    server = web_server(options.listen)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))  # what is being answered is answered first
    server.task_dispatcher.shutdown = partial(server.task_dispatcher.shutdown, timeout=STOP_SECONDS)  # by itself 5
    standstill.watch()
    logger.info("The web process serves %s.", options.listen, extra={"event": "serving"})
    server.run()


def most_connections() -> int:
    """CONNECTIONS, or as many as the files allow that this process may have open; it asks for as many as it can get."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        allowed = most
    return CONNECTIONS if allowed == resource.RLIM_INFINITY else max(1, min(CONNECTIONS, allowed // 3))


def web_server(listen: str) -> Any:
    """A server that listens already; `run` serves until SystemExit."""
    from config.wsgi import application

    return create_server(
        application,
        listen=listen,
        threads=THREADS,
        connection_limit=most_connections(),
        asyncore_use_poll=True,  # select() knows no socket above 1023
        channel_timeout=QUIET_SECONDS,
        cleanup_interval=QUIET_SECONDS // 4,
        max_request_body_size=config().MAX_UPLOAD_BYTES + FORM_BYTES + 1,  # it takes less than this
        outbuf_high_watermark=ANSWER_BYTES,
        clear_untrusted_proxy_headers=False,  # BEHIND_TLS_PROXY says whether X-Forwarded-Proto is believed
        ident=None,
    )


if __name__ == "__main__":
    main()
