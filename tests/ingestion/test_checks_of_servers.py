"""System checks of databases, storages, Redis and networks."""

import sys
import types
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage, Storage
from django.db import connection, models
from django.urls import clear_url_caches, include, path
from django_rq.settings import QUEUES
from pytest_django import Settings
from redis import Redis

from ingestion import ConfigurationError, Context
from ingestion.checks import databases, pipelines, queues, storages
from ingestion.checks.networks import check_networks
from ingestion.checks.urls import check_dashboard
from ingestion.core.context import TenantRef
from tests.app.models import Payment
from tests.app.pipelines import payments
from tests.ingestion.checked import ids

STRICT = {
    "sql_mode": "STRICT_ALL_TABLES,NO_ZERO_DATE",
    "character_set_connection": "utf8mb4",
    "transaction_isolation": "READ-COMMITTED",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"sql_mode": "NO_ZERO_DATE"}, ["ingestion.E010"]),
        ({"sql_mode": "STRICT_TRANS_TABLES"}, []),
        ({"character_set_connection": "latin1"}, ["ingestion.E011"]),
        ({"transaction_isolation": "REPEATABLE-READ"}, ["ingestion.W004"]),
    ],
)
def test_a_mysql_session_must_be_strict_and_speak_utf8mb4(changes: Mapping[str, str], expected: list[str]) -> None:
    assert ids(databases.mysql("default", {**STRICT, **changes})) == expected


def test_mariadb_names_its_isolation_differently() -> None:
    variables = {key: value for key, value in STRICT.items() if key != "transaction_isolation"}

    assert databases.mysql("default", {**variables, "tx_isolation": "READ-COMMITTED"}) == []


@pytest.mark.django_db
@pytest.mark.every_database
def test_the_projects_own_database_is_set_up_well() -> None:
    assert databases.check_mysql(databases=["default"]) == []


@pytest.fixture
def options() -> Iterator[dict[str, Any]]:
    """The default database's OPTIONS, put back afterwards."""
    before = dict(connection.settings_dict["OPTIONS"])
    yield connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = before


def test_w001_sqlite_with_deferred_transactions(options: dict[str, Any]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    del options["transaction_mode"]

    assert ids(databases.check_sqlite()) == ["ingestion.W001"]


class Bucket(Storage):
    """What S3Storage says about itself."""

    def __init__(self, default_acl: str | None = None, querystring_auth: bool = True) -> None:
        self.default_acl = default_acl
        self.querystring_auth = querystring_auth


@pytest.mark.parametrize(
    ("storage", "public"),
    [
        (FileSystemStorage("/srv/raw"), False),
        (FileSystemStorage("/srv/raw", base_url="/raw/"), True),
        (FileSystemStorage("/srv/media/raw"), True),
        (Bucket(), False),
        (Bucket(default_acl="private"), False),
        (Bucket(default_acl="public-read"), True),
        (Bucket(querystring_auth=False), True),
    ],
)
def test_w002_a_storage_is_public_when_its_files_have_an_open_url(
    settings: Settings, storage: Storage, public: bool
) -> None:
    settings.MEDIA_ROOT, settings.MEDIA_URL = "/srv/media", "/media/"

    assert storages.is_public(storage) == public


def test_w002_the_default_storage_of_a_project_that_serves_its_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT, settings.MEDIA_URL = str(tmp_path), "/media/"
    settings.STORAGES = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    settings.INGESTION = {"STORAGE": "default"}

    assert ids(storages.check_storage()) == ["ingestion.W002"]


def test_w003_django_rq_mounted_in_the_urls(settings: Settings) -> None:
    urls = types.ModuleType("mounted")
    urls.urlpatterns = [path("queues/", include("django_rq.urls"))]  # type: ignore[attr-defined]
    sys.modules["mounted"] = urls
    settings.ROOT_URLCONF = "mounted"
    clear_url_caches()

    try:
        assert ids(check_dashboard()) == ["ingestion.W003"]
    finally:
        del sys.modules["mounted"]
        clear_url_caches()


@pytest.mark.parametrize("policy", [None, "noeviction"])
def test_a_redis_that_keeps_its_keys_is_fine(policy: str | None) -> None:
    assert queues.eviction(policy) == []


def test_w005_a_redis_that_evicts_keys() -> None:
    assert ids(queues.eviction("allkeys-lru")) == ["ingestion.W005"]


def test_w005_asks_redis_with_deploy_only(redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert ids(run_checks(tags=["ingestion"])) == []
        assert ids(run_checks(tags=["ingestion"], include_deployment_checks=True)) == ["ingestion.W005"]
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


def test_w005_says_nothing_when_redis_is_away(settings: Settings) -> None:
    settings.RQ_QUEUES = {name: {**queue, "URL": "unix:///nowhere"} for name, queue in settings.RQ_QUEUES.items()}

    assert queues.check_eviction() == []


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ({"URL": "redis://localhost/0"}, ["ingestion.W007"]),
        ({"URL": "redis://localhost/0?socket_connect_timeout=3"}, ["ingestion.W007"]),
        ({"URL": "unix:///nowhere/socket"}, ["ingestion.W007"]),
        ({"HOST": "localhost", "PORT": 6379}, ["ingestion.W007"]),
        ({"URL": "redis://localhost/0?socket_timeout=3"}, []),
        ({"HOST": "localhost", "PORT": 6379, "REDIS_CLIENT_KWARGS": {"socket_timeout": 3}}, []),
        ({"SENTINELS": [("localhost", 26379)], "MASTER_NAME": "m", "SOCKET_TIMEOUT": 3}, []),
        ({"URL": "no address"}, []),
    ],
)
def test_w007_queues_that_would_wait_for_ever_for_a_redis_that_hangs(
    queue: dict[str, Any], expected: list[str]
) -> None:
    before = dict(QUEUES)
    try:
        # In place, because django-rq reads the setting once.
        QUEUES.update({name: {**queue, "SERIALIZER": "json"} for name in QUEUES})

        assert ids(queues.check_queues()) == expected
    finally:
        QUEUES.update(before)


class Elsewhere:
    """Routes payments away from the engine's tables."""

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return "warehouse" if model is Payment else None


def test_e008_a_destination_in_another_database(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]

    assert ids(pipelines.problems(payments)) == ["ingestion.E008"]
    with pytest.raises(ConfigurationError, match="'warehouse' and runs are in 'default'"):
        payments.destination.load(Context(TenantRef(1, "acme"), payments.name, 1, datetime.now(UTC)), [])


@pytest.mark.parametrize(
    ("network", "found"),
    [
        ("10.20.0.0/16", []),
        ("127.0.0.1/32", []),
        ("fd00:1::/48", []),
        ("169.254.0.0/24", []),
        ("0.0.0.0/0", ["ingestion.W011"]),
        ("::/0", ["ingestion.W011"]),
        ("8.8.8.0/24", ["ingestion.W011"]),
        ("169.254.169.0/24", ["ingestion.W011"]),
    ],
)
def test_w011_a_network_that_opens_too_much(settings: Settings, network: str, found: list[str]) -> None:
    settings.INGESTION = {"PRIVATE_NETWORKS": [network]}

    assert ids(check_networks()) == found
