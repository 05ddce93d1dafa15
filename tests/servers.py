"""Throw-away servers for the tests: started when first asked for, on UNIX sockets in a folder of their own, gone with
the test process however it ends. TEST_MARIADB_URL and TEST_POSTGRES_URL name servers to use instead, one run of tests
at a time; Redis, which every test empties, is always a run's own.
"""

import atexit
import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from config.bootstrap.machine import find_program
from config.embedded import EmbeddedValkey, url_of
from config.supervisor import ProcessGroupGuard
from tests.folders import OwnFolder

START_TIMEOUT = 60.0
# A process that the tests start inherits their environment, and with it the servers: it must start none of its own.
FOLDER_VARIABLE = "SLUICEGATE_TEST_FOLDER"


def inherited() -> bool:
    return FOLDER_VARIABLE in os.environ and os.environ[FOLDER_VARIABLE] not in _own_folders


_own_folders: list[str] = []


@cache
def session_folder() -> Path:
    """This test process's own folder, removed at its end."""
    folder = OwnFolder(Path(tempfile.gettempdir()))
    atexit.register(folder.remove)
    _own_folders.append(str(folder.path))
    os.environ[FOLDER_VARIABLE] = str(folder.path)
    return folder.path


@cache
def guard() -> ProcessGroupGuard:
    session_folder()  # first, so that the servers are gone before their files are
    made = ProcessGroupGuard(grace=2.0)
    atexit.register(made.close)
    return made


def database_url(kind: str) -> str:
    """The address of the database server to test on; starts it. The tests' own database is made by Django."""
    choices: dict[str, Callable[[], str]] = {"sqlite": sqlite_url, "mariadb": mariadb_url, "postgres": postgres_url}
    if kind not in choices:
        raise ValueError(f"SLUICEGATE_TEST_DB={kind!r} is unknown. Choose one of {', '.join(choices)}.")
    return choices[kind]()


def renamed(url: str, name: str) -> str:
    """The same server, another database: how a subprocess reaches the tests' database."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{quote(name)}" + (f"?{parts.query}" if parts.query else "")


def sqlite_url() -> str:
    return renamed("sqlite://", str(session_folder() / "db.sqlite3"))


@cache
def mariadb_url() -> str:
    if given := os.environ.get("TEST_MARIADB_URL"):
        return given
    folder = server_folder("mariadb", "mysql")
    data = f"--datadir={folder / 'data'}"
    install = [program("mariadb-install-db"), "--no-defaults", data, "--skip-test-db", "--skip-name-resolve"]
    run_once([*install, "--auth-root-authentication-method=normal"], folder, "mysql")
    socket = folder / "socket"
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=128M"]
    command = [program("mariadbd"), "--no-defaults", data, f"--socket={socket}", "--skip-networking", *quick]
    start([*command, f"--pid-file={folder / 'pid'}", f"--tmpdir={folder}"], folder, "mysql")
    import MySQLdb

    wait_for(lambda: MySQLdb.connect(user="root", unix_socket=str(socket)).close(), MySQLdb.Error, folder)
    return f"mysql://root@/sluicegate?unix_socket={quote(str(socket))}"


@cache
def postgres_url() -> str:
    if given := os.environ.get("TEST_POSTGRES_URL"):
        return given
    folder = server_folder("postgres", "postgres")
    data = str(folder / "data")
    make = [program("initdb"), "-D", data, "-U", "sluicegate", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    run_once([*make, "--locale=C.UTF-8"], folder, "postgres")
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    start([program("postgres"), "-D", data, *options], folder, "postgres")
    import psycopg

    address = {"host": str(folder), "user": "sluicegate", "dbname": "postgres"}
    wait_for(lambda: psycopg.connect(**address).close(), psycopg.Error, folder)
    return f"postgres://sluicegate@/sluicegate?host={quote(str(folder))}"


def redis_url() -> str:
    """Where Redis answers once `start_redis` was called; until then nobody does, as after an outage."""
    return url_of(redis_socket())


@cache
def start_redis() -> EmbeddedValkey:
    """The server behind `redis_url`."""
    server = EmbeddedValkey(redis_socket(), guard())
    atexit.register(server.stop)
    return server.__enter__()


def redis_socket() -> Path:
    return session_folder() / "redis" / "socket"


def server_folder(name: str, account: str) -> Path:
    folder = session_folder() / name
    folder.mkdir(mode=0o700)
    if (user := account_for(account)) is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def account_for(name: str) -> pwd.struct_passwd | None:
    """The user that a server runs as: ourselves, but never root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get(name) or known["nobody"]


def identity(account: str) -> dict[str, Any]:
    user = account_for(account)
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed. `python3 manage.py test` says how to get it.")
    return found


def run_once(command: list[str], folder: Path, account: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **identity(account))
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:] or done.stdout[-2000:]}")


def start(command: list[str], folder: Path, account: str) -> None:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            **identity(account),
        )  # fmt: skip
    guard().hold(process.pid)
    _processes.append(process)


_processes: list[subprocess.Popen[bytes]] = []  # kept, because a forgotten Popen warns about its running process


def wait_for(attempt: Callable[[], object], error: type[Exception], folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            attempt()
            return
        except error:
            if time.monotonic() > deadline:
                log = (folder / "log").read_text()[-2000:]
                raise RuntimeError(f"No answer in {START_TIMEOUT:g} s: {log}") from None
            time.sleep(0.1)
