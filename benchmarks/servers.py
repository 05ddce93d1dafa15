"""Databases of the benchmarks' own: a private MariaDB as durable as it comes, and SQLite files. Gone with this process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests import servers


@dataclass(frozen=True, slots=True)
class Server:
    """Where contestants connect. `pid` is the server process whose CPU counts too, 0 for SQLite, which has none."""

    kind: str
    url: str
    pid: int = 0
    socket: str = ""


def start(kind: str) -> Server:
    return start_mariadb() if kind == "mariadb" else sqlite()


def start_mariadb() -> Server:
    """Defaults but for the socket: a flush to disk at every commit, doublewrite, a buffer pool of 128 MB."""
    folder = servers.server_folder("mariadb-durable", "mysql")
    data = f"--datadir={folder / 'data'}"
    install = [servers.program("mariadb-install-db"), "--no-defaults", data, "--skip-test-db", "--skip-name-resolve"]
    servers.run_once([*install, "--auth-root-authentication-method=normal"], folder, "mysql")
    socket, pid_file = folder / "socket", folder / "pid"
    command = [servers.program("mariadbd"), "--no-defaults", data, f"--socket={socket}", "--skip-networking"]
    servers.start([*command, f"--pid-file={pid_file}", f"--tmpdir={folder}"], folder, "mysql")
    import MySQLdb

    servers.wait_for(lambda: MySQLdb.connect(user="root", unix_socket=str(socket)).close(), MySQLdb.Error, folder)
    _mysql(str(socket), "CREATE DATABASE benchmark CHARACTER SET utf8mb4")
    url = f"mysql://root@/benchmark?unix_socket={quote(str(socket))}"
    return Server("mariadb", url, int(pid_file.read_text()), str(socket))


def sqlite() -> Server:
    return Server("sqlite", servers.renamed("sqlite://", str(session_folder() / "benchmark.sqlite3")))


def reset(server: Server) -> None:
    """Forget what earlier contestants kept: files, SQLite databases, dlt's databases and its memory of them.

    Django's tables are emptied by the contestant's own process.
    """
    if server.kind == "mariadb":
        for name in ("dlt_benchmark", "dlt_benchmark_staging"):
            _mysql(server.socket, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    for path in session_folder().glob("benchmark*.sqlite3*"):
        path.unlink()
    shutil.rmtree(session_folder() / "var", ignore_errors=True)


def session_folder() -> Path:
    return servers.session_folder()


def _mysql(socket: str, *statements: str) -> None:
    import MySQLdb

    connection = MySQLdb.connect(user="root", unix_socket=socket)
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    connection.close()
