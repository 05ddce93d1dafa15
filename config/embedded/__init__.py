"""The embedded Valkey: a Redis-compatible server of our own, behind a private UNIX socket, for one machine.

Nothing in it is worth keeping (the database is the truth, Redis only carries wake-ups), so it writes nothing to disk.
"""

from config.embedded.address import embedded_socket, embedded_url, url_of
from config.embedded.server import server_command, server_pid
from config.embedded.server_process import EmbeddedValkey

__all__ = ["EmbeddedValkey", "embedded_socket", "embedded_url", "server_command", "server_pid", "url_of"]
