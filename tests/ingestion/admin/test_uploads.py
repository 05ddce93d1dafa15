"""Uploading files in the console."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.pages.uploads import UploadForm
from ingestion.models import Connection, Run, Tenant
from ingestion.testing import make_tenant, registered
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff
from tests.ingestion.inbox import Inbox

UPLOAD = reverse("admin:ingestion_connection_upload")


@pytest.fixture(autouse=True)
def from_files() -> Iterator[None]:
    with registered(dataclasses.replace(payments, source=Inbox())):
        yield


@pytest.fixture
def connection(acme: Tenant) -> Connection:
    return actions.connect(Actor(), acme, "app.payments")


def send(client: Client, connection: Connection, data: bytes = b"a,b\n1,2\n", **values: Any) -> Any:
    file = SimpleUploadedFile(values.pop("name", "may.csv"), data)
    return client.post(UPLOAD, {"connection": connection.pk, "file": file, **values}, follow=True)


def test_an_uploaded_file_becomes_a_run_and_its_page_is_shown(console: Client, connection: Connection) -> None:
    answer = send(console, connection)

    run = Run.unscoped.get()
    assert (run.kind, run.requested_by.username, run.artifact_links.get().name) == ("upload", "olga", "may.csv")
    assert answer.redirect_chain[-1][0] == reverse("admin:ingestion_run_change", args=[run.pk])
    assert "The file is kept" in answer.content.decode()


def test_the_upload_carries_its_own_settings(console: Client, connection: Connection) -> None:
    send(console, connection, account="NL69", layout="n26", settings="currency = EUR\n\nyear=2026")

    assert Run.unscoped.get().params == {
        "config": {"account": "NL69", "layout": "n26", "currency": "EUR", "year": 2026},
    }


def test_settings_that_are_no_pairs_are_refused(console: Client, connection: Connection) -> None:
    assert "is not name=value" in send(console, connection, settings="just words").content.decode()
    assert "“year” stands there twice" in send(console, connection, settings="year=2025\nyear=2026").content.decode()
    assert not Run.unscoped.exists()


@pytest.mark.parametrize("value", [r'"a\u0000"', r'["\ud800"]'])
def test_settings_that_no_database_keeps_are_refused(console: Client, connection: Connection, value: str) -> None:
    answer = send(console, connection, settings=f"account={value}").content.decode()

    assert "holds NUL" in answer or "holds half a character" in answer
    assert not Run.unscoped.exists()


@pytest.mark.slow
def test_the_same_bytes_are_not_taken_twice_and_the_first_run_is_shown(console: Client, connection: Connection) -> None:
    send(console, connection)

    answer = send(console, connection, name="renamed.csv")

    assert Run.unscoped.count() == 1
    assert "This file is with run" in answer.content.decode()


@pytest.mark.slow
def test_the_same_bytes_are_taken_again_when_asked_to(console: Client, connection: Connection) -> None:
    send(console, connection)

    send(console, connection, again="on")

    assert Run.unscoped.count() == 2


@pytest.mark.slow
def test_a_refusal_says_why(console: Client, connection: Connection, settings: Any) -> None:
    actions.pause(Actor(), connection, "bank holiday")
    assert "is paused (bank holiday)" in send(console, connection).content.decode()
    actions.resume(Actor(), connection)

    settings.INGESTION = {"MAX_UPLOAD_BYTES": 10}
    assert "the limit is 10 B" in send(console, connection, b"x" * 11).content.decode()
    assert "empty" in send(console, connection, b"").content.decode()
    assert not Run.unscoped.exists()


def test_only_own_connections_can_be_chosen(console: Client, connection: Connection) -> None:
    theirs = actions.connect(Actor(), make_tenant("globex"), "app.payments")

    assert "globex" not in console.get(UPLOAD, {"connection": theirs.pk}).content.decode()
    assert "Select a valid choice" in send(console, theirs).content.decode()
    assert not Run.unscoped.exists()


def test_uploading_needs_its_permission(client: Client, connection: Connection) -> None:
    client.force_login(staff("vera", connection.tenant, permissions="view"))

    assert client.get(UPLOAD).status_code == 403
    assert send(client, connection).status_code == 403


def test_where_no_files_of_banks_are_read_nobody_is_asked_for_account_and_layout(connection: Connection) -> None:
    sent = {"connection": connection.pk}, {"file": SimpleUploadedFile("may.csv", b"a,b")}

    form = UploadForm(*sent, user=staff("ada", connection.tenant), of_banks=False)

    assert form.is_valid(), form.errors
    assert form.config() == {}
    assert list(form.fields) == ["connection", "file", "settings", "again"]
