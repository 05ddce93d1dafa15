"""What `manage.py check` says about credentials and their keys."""

import base64
import dataclasses
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import Settings

from ingestion import Pipeline, actions
from ingestion.checks.credentials import check_credentials, check_stored
from ingestion.core import registry
from ingestion.testing import make_tenant, registered
from tests.app.pipelines import payments
from tests.ingestion.runs import configured
from tests.ingestion.test_checks import ids


def needing() -> Pipeline:
    return dataclasses.replace(payments, integration="stripe")


@pytest.fixture
def no_pipelines() -> Iterator[None]:
    """A registry of the test's own: installed kinds have pipelines that need credentials."""
    known = registry.registered()
    for one in known:
        registry.unregister(one.name)
    yield
    for one in known:
        registry.register(one)


@pytest.mark.usefixtures("no_pipelines")
def test_e201_a_pipeline_needs_a_credential_and_there_is_no_master_key(settings: Settings) -> None:
    settings.INGESTION = {"STORAGE": "ingestion"}

    with registered(payments):
        assert check_credentials() == [], "a project without such pipelines gets no finding"
    with registered(needing()):
        assert ids(check_credentials()) == ["ingestion.E201"]
        settings.INGESTION = {"SECRET_STORE": "ingestion.vault.HashicorpStore", "VAULT": {"url": "u", "token": "t"}}
        assert check_credentials() == []


@pytest.mark.parametrize(
    "key",
    ["", "short", "a" * 43, "A" * 43, "env:NO_SUCH_VARIABLE", "file:/nowhere/key", secrets.token_urlsafe(33), "é" * 43],
)
def test_e202_a_master_key_that_cannot_be_used(settings: Settings, key: str) -> None:
    settings.INGESTION = {"MASTER_KEYS": {"2026": key}}

    (message,) = check_credentials()

    assert ids([message]) == ["ingestion.E202"]
    assert "'2026'" in message.msg
    assert not key or key.startswith(("env:", "file:")) or key not in message.msg


def test_a_master_key_may_be_a_value_a_variable_or_a_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_MASTER_KEY", secrets.token_urlsafe(32))
    (tmp_path / "key").write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    settings.INGESTION = {
        "MASTER_KEYS": {"a": secrets.token_urlsafe(32), "b": "env:SOME_MASTER_KEY", "c": f"file:{tmp_path / 'key'}"}
    }

    assert check_credentials() == []


def test_e203_the_same_master_key_under_two_ids(settings: Settings) -> None:
    key = secrets.token_urlsafe(32)
    settings.INGESTION = {"MASTER_KEYS": {"new": key, "old": f"{key}="}}

    assert ids(check_credentials()) == ["ingestion.E203"]


@pytest.mark.parametrize(
    "path", ["no.such.Store", "ingestion.vault.NoSuch", "ingestion.vault.Address", "builtins.dict"]
)
def test_e204_a_secret_store_that_is_none(settings: Settings, path: str) -> None:
    settings.INGESTION = {"SECRET_STORE": path}

    assert ids(check_credentials()) == ["ingestion.E204"]


def test_e204_a_vault_without_an_address_or_a_token(settings: Settings) -> None:
    settings.INGESTION = {"SECRET_STORE": "ingestion.vault.HashicorpStore"}

    assert ids(check_credentials()) == ["ingestion.E204"] * 2


@pytest.mark.django_db
@pytest.mark.every_database
def test_e205_credentials_under_a_master_key_that_the_settings_lack() -> None:
    with configured(MASTER_KEYS={"old": secrets.token_urlsafe(32)}):
        actions.set_credential(actions.Actor(), make_tenant(), "stripe", {"api_key": "sk-first"})
        assert check_stored(databases=["default"]) == []

    with configured(MASTER_KEYS={"new": secrets.token_urlsafe(32)}):
        (message,) = check_stored(databases=["default"])
        assert check_stored() == []

    assert ids([message]) == ["ingestion.E205"]
    assert "'old'" in message.msg


@pytest.mark.django_db
def test_w013_stored_credentials_that_could_not_be_looked_at() -> None:
    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "ingestion_datakey" in sql:
            raise DatabaseError("no such column")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        (message,) = check_stored(databases=["default"])

    assert ids([message]) == ["ingestion.W013"]
    assert "Could not check stored: DatabaseError: no such column" in message.msg


@pytest.mark.django_db
@pytest.mark.every_database
def test_w201_a_credential_that_ends_soon() -> None:
    soon = timezone.now() + timedelta(days=3)
    actions.set_credential(actions.Actor(), make_tenant(), "stripe", {"api_key": "sk-first"}, expires_at=soon)

    (message,) = check_stored(databases=["default"])

    assert ids([message]) == ["ingestion.W201"]
    assert f"acme stripe ({soon:%Y-%m-%d})" in message.msg
