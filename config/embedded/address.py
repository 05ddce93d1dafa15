"""Where the embedded Valkey answers."""

from pathlib import Path
from urllib.parse import quote

from config.paths import socket_path, var_dir


def embedded_socket() -> Path:
    return socket_path("valkey.sock", var_dir())


def embedded_url() -> str:
    """The address as redis-py and django-rq take it. Starts nothing."""
    return url_of(embedded_socket())


def url_of(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"
