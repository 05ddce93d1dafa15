"""The web process, alone and behind the proxies whose configurations we ship: slow and large senders hold nobody up."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from waitress.server import create_server

from config.bootstrap.machine import find_program
from config.paths import PROJECT
from config.programs import HOST, free_port
from tests.conftest import CI

pytestmark = pytest.mark.slow
PATIENCE = 60.0
SLOW_SENDERS = 200
NAME = "console.example.com"
ANOTHER_ADDRESS = "127.0.0.2"


@dataclass(frozen=True)
class Site:
    """Where a browser or a sender reaches the console."""

    port: int
    trusted: ssl.SSLContext | None = None
    """None: plain HTTP to the web process itself, as a proxy speaks it."""

    def connect(self, source: str = HOST) -> socket.socket:
        connection = socket.create_connection((HOST, self.port), PATIENCE, (source, 0))
        return self.trusted.wrap_socket(connection, server_hostname=NAME) if self.trusted else connection

    def head(self, method: str, path: str, *fields: str) -> bytes:
        said = any(field.startswith("X-Forwarded-Proto") for field in fields)
        forwarded = () if self.trusted or said else ("X-Forwarded-Proto: https",)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {NAME}", *forwarded, *fields]
        return "\r\n".join([*lines, "", ""]).encode()

    def ask(self, method: str, path: str, *fields: str, body: bytes = b"", source: str = HOST) -> bytes:
        """Everything that is answered until the other side closes."""
        with self.connect(source) as connection:
            with contextlib.suppress(OSError):  # it may refuse, and close, while we send
                connection.sendall(self.head(method, path, "Connection: close", *fields) + body)
            return received(connection)


def received(connection: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while part := connection.recv(65536):
            answer += part
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(int(PATIENCE * 20)):
        assert process.poll() is None, f"{process.args!r} ended"
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen")


@contextlib.contextmanager
def running(port: int, *command: str | Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **(environment or {})})
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web process as a proxy meets it: what it shows here asks no database."""
    port = free_port(18700)
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "SLUICEGATE_VAR": str(tmp_path_factory.mktemp("var")),
        "SLUICEGATE_BOOTSTRAP": "0",
        "BEHIND_TLS_PROXY": "1",
        "ALLOWED_HOSTS": f"localhost,{NAME}",
    }
    with running(port, sys.executable, "-m", "config.web", f"{HOST}:{port}", environment=environment):
        yield Site(port)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, ssl.SSLContext]:
    folder, authority = tmp_path_factory.mktemp("certificate"), trustme.CA()
    issued = authority.issue_cert(NAME)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    return folder / "certificate.pem", folder / "key.pem", trusted


def program(name: str) -> str:
    path = find_program(name)
    if path is None:
        (pytest.fail if CI else pytest.skip)(f"{name} is not there: manage.py test gets it from apt")
    assert path is not None
    return path


def changed(shipped: str, changes: dict[str, str]) -> str:
    """A configuration that we ship, in another place than the one it names. Each change is made exactly once."""
    text = (PROJECT / "deploy" / shipped).read_text()
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@contextlib.contextmanager
def nginx(folder: Path, web: Site, certificate: Path, key: Path) -> Iterator[int]:
    port = free_port(18800)
    site = changed("nginx.conf", {
        "server 127.0.0.1:8000;": f"server {HOST}:{web.port};",
        "listen 80;": f"listen {HOST}:{free_port(18900)};",
        "listen 443 ssl;": f"listen {HOST}:{port} ssl;",
        "/etc/ssl/sluicegate.pem": str(certificate),
        "/etc/ssl/sluicegate.key": str(key),
    })  # fmt: skip
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "site").write_text(site)
    (folder / "nginx.conf").write_text(
        f"daemon off; user {'root' if os.geteuid() == 0 else 'nobody'}; pid {folder}/pid; error_log stderr error;"
        f"events {{ worker_connections 1024; }} http {{ access_log off; {kept} include {folder}/site; }}"
    )
    with running(port, program("nginx"), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"):
        yield port


@contextlib.contextmanager
def caddy(folder: Path, web: Site, certificate: Path, key: Path) -> Iterator[int]:
    port = free_port(18800)
    site = changed("Caddyfile", {
        "reverse_proxy 127.0.0.1:8000": f"reverse_proxy {HOST}:{web.port}",
        "{\n\tservers {": "{\n\tadmin off\n\tauto_https off\n\tservers {",
        f"{NAME} {{": f"https://{NAME}:{port} {{\n\tbind {HOST}\n\ttls {certificate} {key}",
    })  # fmt: skip
    (folder / "Caddyfile").write_text(site)
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    arguments = ("run", "--adapter", "caddyfile", "--config", folder / "Caddyfile")
    with running(port, program("caddy"), *arguments, environment=homes):
        yield port


Started = Callable[[Path, Site, Path, Path], contextlib.AbstractContextManager[int]]
PROXIES: dict[str, Started] = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module", params=["itself", *PROXIES])
def site(
    request: pytest.FixtureRequest, web: Site, certificate: tuple[Path, Path, ssl.SSLContext],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:  # fmt: skip
    if request.param == "itself":
        yield web
        return
    *files, trusted = certificate
    with PROXIES[request.param](tmp_path_factory.mktemp(request.param), web, *files) as port:
        yield Site(port, trusted)


def test_two_hundred_slow_senders_hold_nobody_up(site: Site) -> None:
    with contextlib.ExitStack() as senders:
        slow = [senders.enter_context(site.connect()) for _ in range(SLOW_SENDERS)]
        for number, sender in enumerate(slow):
            head = site.head("POST", "/admin/login/", "Content-Length: 1000")
            sender.sendall(head + b"a" if number % 2 else head[:-3])

        answers = [site.ask("GET", path, source=ANOTHER_ADDRESS) for path in ("/alive", "/admin/login/") * 3]

        assert [status(answer) for answer in answers] == [200] * 6
        assert b"Log in" in answers[1]
        slow[0].sendall(b"\n\r\n" + b"a" * 1000)  # one that comes to its end after all is answered
        assert status(slow[0].recv(65536)) in (403, 429)  # no CSRF token; nginx: that address has 100 others open


@pytest.mark.parametrize("site", PROXIES, indirect=True)
@pytest.mark.parametrize(
    ("path", "most", "answered"),
    [
        ("/admin/login/", 64 * 1024, 403),  # for want of a CSRF token
        ("/nowhere", 64 * 1024, 404),
        ("/push/acme/x/", 1024**2, 404),
        ("/admin/", 65 * 1024**2, 413),  # a stranger's: `limit_bodies` says so
    ],
)
def test_a_proxy_takes_of_each_path_what_it_may_send(site: Site, path: str, most: int, answered: int) -> None:
    within = site.ask("POST", path, f"Content-Length: {most}", body=b"a" * most)
    beyond = site.ask("POST", path, f"Content-Length: {most + 1}", body=b"a" * (most + 1))

    assert (status(within), status(beyond)) == (answered, 413)
    assert b"Content-Security-Policy" in within  # ours
    assert b"Content-Security-Policy" not in beyond


def test_three_hundred_megabytes_are_refused_before_they_are_sent(web: Site) -> None:
    assert status(web.ask("POST", "/admin/login/", f"Content-Length: {300 * 1024**2}")) == 413


def test_who_speaks_plainly_cannot_say_that_a_proxy_ended_tls(site: Site) -> None:
    secure = site.ask("GET", "/admin/login/", "X-Forwarded-Proto: http")

    assert status(secure) == (200 if site.trusted else 301)  # a proxy says so itself


def test_what_is_being_answered_when_the_process_is_to_end_is_answered(tmp_path: Path) -> None:
    port, began = free_port(18700), tmp_path / "began"
    code = (
        "import pathlib, sys, time, config.web, config.wsgi\n"
        "def application(environ, start):\n"
        f"    pathlib.Path({str(began)!r}).touch(); time.sleep(1.0)\n"
        "    start('200 OK', [('Content-Length', '4')]); return [b'done']\n"
        "config.wsgi.application = application\n"
        f"config.web.main(['{HOST}:{port}'])\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment)
    wait_for(port, process)
    with Site(port).connect() as connection:
        connection.sendall(Site(port).head("GET", "/"))
        while not began.exists():
            time.sleep(0.01)

        process.send_signal(signal.SIGTERM)

        assert received(connection).endswith(b"done")
    assert process.wait(PATIENCE) == 0


FORGED = [
    ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: http"],
    ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 203.0.113.10"],
    ["X_Forwarded_For: 203.0.113.9", "X_Forwarded_Proto: http"],
    ["X-Forwarded_For: 203.0.113.9"],
    ["X-Forwarded-For:\t203.0.113.9"],
    ["X-Forwarded-For: 203.0.113.9", "Connection: X-Forwarded-For, X-Forwarded-Proto"],
    ["Forwarded: for=203.0.113.9;proto=http", "X-Real-IP: 203.0.113.9", "True-Client-IP: 203.0.113.9"],
]


@pytest.fixture(scope="module")
def mirror() -> Iterator[Site]:
    """A web process that answers who asks, as ours reads it."""

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [f"{environ.get('HTTP_X_FORWARDED_FOR')} {environ.get('HTTP_X_FORWARDED_PROTO')}".encode()]

    port = free_port(18700)
    server = create_server(application, listen=f"{HOST}:{port}", clear_untrusted_proxy_headers=False)
    threading.Thread(target=server.run, daemon=True).start()
    yield Site(port)
    server.close()


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_says_itself_who_asks_whatever_the_sender_says(
    mirror: Site, proxy: str, certificate: tuple[Path, Path, ssl.SSLContext], tmp_path: Path
) -> None:
    *files, trusted = certificate
    with PROXIES[proxy](tmp_path, mirror, *files) as port:
        answers = [Site(port, trusted).ask("GET", "/", *fields, source=ANOTHER_ADDRESS) for fields in FORGED]

    assert [f"{ANOTHER_ADDRESS} https".encode() in answer for answer in answers] == [True] * len(FORGED), answers
    assert not any(b"203.0.113" in answer for answer in answers)
