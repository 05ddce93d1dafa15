import ast
import base64
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from config.apps import keep_sqlite_private
from config.databases import database
from config.environment import flag, number, with_timeouts, words
from config.kept_secret import kept_secret
from config.paths import PROJECT

SERVER = "postgres://user@localhost/name"


def settings_say(expression: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What an expression over the settings gives in a fresh process with nothing else set."""
    code = f"from config import settings as s; print(({expression}))"
    environ = {"PATH": os.environ["PATH"], "SLUICEGATE_VAR": str(tmp_path / "var"), **environment}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)


@pytest.mark.slow
def test_nothing_set_gives_a_private_local_installation(tmp_path: Path) -> None:
    expression = "s.LOCAL, s.DEBUG, s.DATABASES['default']['NAME'], s.REDIS_URL[:5], len(s.SECRET_KEY) > 50"

    said = settings_say(expression, tmp_path).stdout

    assert said == f"(True, False, {str(tmp_path / 'var' / 'db.sqlite3')!r}, 'unix:', True)\n"
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://u:p%40@h:6379/0", "redis://u:p%40@h:6379/0?socket_timeout=3&socket_connect_timeout=3"),
        ("unix:///a%20b/socket?db=1", "unix:///a%20b/socket?db=1&socket_timeout=3&socket_connect_timeout=3"),
        ("rediss://h?socket_timeout=9", "rediss://h?socket_timeout=9&socket_connect_timeout=3"),
        ("redis://h?socket_timeout=9&socket_connect_timeout=1", "redis://h?socket_timeout=9&socket_connect_timeout=1"),
    ],
)
def test_connections_to_redis_have_a_timeout_unless_the_address_names_one(given: str, expected: str) -> None:
    assert with_timeouts(given, 3) == expected


@pytest.mark.slow
def test_every_queue_of_the_project_has_a_timeout(tmp_path: Path) -> None:
    said = settings_say("{q['URL'].count('socket_timeout=3') for q in s.RQ_QUEUES.values()}", tmp_path).stdout

    assert said == "{1}\n"


@pytest.mark.slow
def test_server_database_without_secret_key_is_refused_with_the_command_to_make_one(tmp_path: Path) -> None:
    said = settings_say("s.SECRET_KEY", tmp_path, DATABASE_URL=SERVER).stderr

    assert "SECRET_KEY is not set" in said
    assert "secrets.token_urlsafe" in said


@pytest.mark.slow
def test_server_database_without_master_keys_is_refused_with_the_command_to_make_one(tmp_path: Path) -> None:
    said = settings_say("s.INGESTION", tmp_path, DATABASE_URL=SERVER, SECRET_KEY="x").stderr

    assert "MASTER_KEYS is not set" in said
    assert "secrets.token_urlsafe(32)" in said


@pytest.mark.slow
def test_master_keys_from_the_environment_keep_their_order(tmp_path: Path) -> None:
    said = settings_say("list(s.INGESTION['MASTER_KEYS'].items())", tmp_path, MASTER_KEYS="b=2,a=file:/run/key").stdout

    assert said == "[('b', '2'), ('a', 'file:/run/key')]\n"


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["sesame", "a=", "=sesame", "a=sesame,a=other"])
def test_master_keys_that_are_no_list_are_refused_without_repeating_them(keys: str, tmp_path: Path) -> None:
    done = settings_say("s.INGESTION", tmp_path, MASTER_KEYS=keys)

    assert done.returncode == 1
    assert "is not id=value" in done.stderr
    assert "sesame" not in done.stderr


@pytest.mark.slow
def test_a_local_installation_keeps_a_master_key_of_its_own(tmp_path: Path) -> None:
    keys = [settings_say("s.INGESTION['MASTER_KEYS']", tmp_path).stdout for _ in range(2)]

    file = tmp_path / "var" / "master_key"
    assert keys == [f"{{'local': 'file:{file}'}}\n"] * 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(file.read_text() + "=")) == 32


@pytest.mark.slow
def test_a_vault_address_chooses_the_vault_store_and_no_token_stands_in_the_settings(tmp_path: Path) -> None:
    vault = {"VAULT_ADDR": "https://vault:8200", "VAULT_TOKEN": "sesame", "VAULT_MOUNT": "kv"}

    said = settings_say("s.INGESTION['SECRET_STORE'], s.INGESTION['VAULT']", tmp_path, **vault).stdout

    values = {"url": "https://vault:8200", "token": "env:VAULT_TOKEN", "mount": "kv"}
    assert said == f"('ingestion.vault.HashicorpStore', {values})\n"


@pytest.mark.slow
def test_server_database_turns_on_secure_cookies_and_no_default_host(tmp_path: Path) -> None:
    server = {"DATABASE_URL": SERVER, "SECRET_KEY": "x", "MASTER_KEYS": "1=x"}

    said = settings_say("s.SESSION_COOKIE_SECURE, s.ALLOWED_HOSTS", tmp_path, **server).stdout

    assert said == "(True, [])\n"


@pytest.mark.slow
def test_debug_is_refused_with_a_server_database(tmp_path: Path) -> None:
    done = settings_say("s.DEBUG", tmp_path, DATABASE_URL=SERVER, SECRET_KEY="x", DEBUG="1")

    assert done.returncode == 1
    assert "DEBUG is set with a server database" in done.stderr


@pytest.mark.slow
def test_debug_is_allowed_on_a_local_installation(tmp_path: Path) -> None:
    assert settings_say("s.DEBUG", tmp_path, DEBUG="1").stdout == "True\n"


@pytest.mark.slow
@pytest.mark.django_db
def test_behind_a_tls_proxy_all_but_the_health_check_goes_over_https(tmp_path: Path, settings: Settings) -> None:
    names = ("SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", "SECURE_REDIRECT_EXEMPT", "SECURE_HSTS_SECONDS")
    expression = f"{{name: getattr(s, name) for name in {names}}}"
    said = settings_say(expression, tmp_path, BEHIND_TLS_PROXY="1").stdout
    for name, value in ast.literal_eval(said).items():
        setattr(settings, name, value)
    client = Client()  # reads the settings at its first request

    assert client.get("/alive").content == b"ok"
    plain = client.get("/admin/login/")
    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/admin/login/")
    assert "default-src 'self'" in plain["Content-Security-Policy"]
    assert client.get("/alive/other").status_code == 301
    secure = client.get("/admin/login/", headers={"X-Forwarded-Proto": "https"})
    assert (secure.status_code, secure["Strict-Transport-Security"]) == (200, "max-age=31536000")


@pytest.mark.slow
def test_without_a_tls_proxy_nothing_is_redirected(tmp_path: Path) -> None:
    assert settings_say("hasattr(s, 'SECURE_SSL_REDIRECT')", tmp_path).stdout == "False\n"


@pytest.mark.slow
def test_every_queue_is_json_because_a_pickle_from_redis_runs_code(tmp_path: Path) -> None:
    said = settings_say("{q['SERIALIZER'] for q in s.RQ_QUEUES.values()}, sorted(s.RQ_QUEUES)", tmp_path).stdout

    queues = ["ingestion-enterprise", "ingestion-free", "ingestion-pro", "ingestion-tick"]
    assert said == f"({{'rq.serializers.JSONSerializer'}}, {queues})\n"


def test_raw_artifacts_are_readable_by_the_project_alone() -> None:
    from django.core.files.base import ContentFile
    from django.core.files.storage import storages

    name = storages["ingestion"].save("tenant/page", ContentFile(b"payload"))

    assert stat.S_IMODE(Path(storages["ingestion"].path(name)).stat().st_mode) == 0o600
    storages["ingestion"].delete(name)


def test_kept_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"

    first = kept_secret(file)

    assert kept_secret(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_sqlite_waits_for_other_writers_instead_of_failing(tmp_path: Path) -> None:
    entry = database("sqlite:///var/db.sqlite3", tmp_path)

    assert entry["NAME"] == str(tmp_path / "var/db.sqlite3")
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]


FOR_EVERYBODY = """
import os
os.umask(0)
import django
django.setup()
from django.db import connection
connection.cursor().execute("CREATE TABLE kept (id INTEGER)")
print(sorted(os.listdir(".")), {oct(os.stat(name).st_mode) for name in os.listdir(".")})
"""


@pytest.mark.slow
def test_a_database_file_anywhere_is_its_owners_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SLUICEGATE_VAR": str(tmp_path / "var"),
        "DATABASE_URL": f"sqlite:///{quote(str(shared))}/data.sqlite3",
    }
    command = [sys.executable, "-c", FOR_EVERYBODY]

    printed = subprocess.run(command, cwd=shared, env=environ, capture_output=True, text=True, check=True).stdout

    assert printed == "['data.sqlite3', 'data.sqlite3-shm', 'data.sqlite3-wal'] {'0o100600'}\n"


def test_what_sqlite_left_beside_a_database_file_is_its_owners_alone_too(tmp_path: Path) -> None:
    files = [tmp_path / f"data.sqlite3{suffix}" for suffix in ("", "-wal", "-shm")]
    for file in files:
        file.touch(0o644)

    keep_sqlite_private(SimpleNamespace(vendor="sqlite", settings_dict={"NAME": str(files[0])}))

    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3


def test_mysql_over_a_socket_is_strict_read_committed_and_whole_unicode(tmp_path: Path) -> None:
    entry = database("mysql://user:p%40ss@/name?unix_socket=/run/my.sock", tmp_path)

    assert (entry["NAME"], entry["USER"], entry["PASSWORD"]) == ("name", "user", "p@ss")
    assert entry["OPTIONS"]["unix_socket"] == "/run/my.sock"
    assert entry["OPTIONS"]["isolation_level"] == "read committed"
    assert entry["OPTIONS"]["charset"] == "utf8mb4"
    assert entry["OPTIONS"]["sql_mode"].startswith("STRICT_ALL_TABLES")


def test_postgres_over_a_socket_keeps_its_folder(tmp_path: Path) -> None:
    entry = database("postgres://user@/name?host=/run/postgresql", tmp_path)

    assert entry["OPTIONS"]["host"] == "/run/postgresql"
    assert entry["CONN_HEALTH_CHECKS"]


def test_option_in_the_address_wins_over_ours(tmp_path: Path) -> None:
    assert database("sqlite:///db?timeout=5", tmp_path)["OPTIONS"]["timeout"] == 5


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "oracle://u:sesame@h/n", "mysql://u:sesame@h/", "mysql://u:sesame@h:port/n", "redis://h"],
)
def test_unusable_address_is_explained_without_showing_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="Write it as") as raised:
        database(url, tmp_path)

    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(("value", "meant"), [("1", True), ("True", True), ("on", True), ("0", False), ("", False)])
def test_flag_reads_yes_and_no(value: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", value)

    assert flag("SOME_FLAG", default=not meant) is meant


def test_flag_refuses_a_typo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FLAG", "ture")

    with pytest.raises(ImproperlyConfigured, match="neither yes nor no"):
        flag("SOME_FLAG")


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "an hour", "²"])
def test_a_number_is_whole_and_above_zero(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_MINUTES", value)

    with pytest.raises(ImproperlyConfigured, match="Set it to one, such as 60"):
        number("SOME_MINUTES", 60)


def test_a_number_that_is_not_set_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_MINUTES", "")

    assert number("SOME_MINUTES", 60) == 60


def test_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_WORDS", "a.example, b.example,")

    assert words("SOME_WORDS") == ["a.example", "b.example"]
