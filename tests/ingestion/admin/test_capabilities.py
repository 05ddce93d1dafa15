"""Pages offer what a connection's source makes possible, and nothing that would be refused."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.actions import Actor
from ingestion.core.errors import ActionRefused, FilesNotTaken, UnknownPipeline
from ingestion.models import Artifact, Connection, Run, Tenant
from ingestion.testing import Records, registered
from integrations.push import Pushed
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import ingest
from tests.ingestion.inbox import Inbox

UPLOAD = reverse("admin:ingestion_connection_upload")
PUSHED = dataclasses.replace(payments, name="app.pushed", source=Pushed(), reconciliations=(), schedule=None)
WINDOWED = dataclasses.replace(payments, name="app.windowed", source=Records([], time="at"))
FILES = dataclasses.replace(payments, name="app.files", source=Inbox())


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with registered(PUSHED), registered(WINDOWED), registered(FILES):
        yield


def page(connection: Connection, verb: str = "change") -> str:
    return reverse(f"admin:ingestion_connection_{verb}", args=[connection.pk])


@pytest.mark.parametrize(
    ("pipeline", "offered"),
    [
        ("app.payments", ["run", "rewind"]),
        ("app.windowed", ["run", "rewind", "backfill"]),
        ("app.pushed", []),
        ("app.files", ["run", "rewind", "upload"]),
        ("bank.statements", ["upload"]),
        ("gone.away", []),
    ],
)
def test_buttons_are_those_that_the_source_makes_possible(
    console: Client, acme: Tenant, pipeline: str, offered: list[str]
) -> None:
    connection = Connection.unscoped.create(tenant=acme, pipeline=pipeline)

    shown = console.get(page(connection)).content.decode()

    addresses = {verb: page(connection, verb) for verb in ("run", "rewind", "backfill")}
    addresses["upload"] = f"{UPLOAD}?connection={connection.pk}"
    assert [verb for verb, address in addresses.items() if f'href="{address}"' in shown] == offered
    assert page(connection, "pause") in shown


@pytest.mark.parametrize("verb", ["run", "rewind"])
def test_what_is_pushed_is_neither_run_nor_rewound(console: Client, acme: Tenant, verb: str) -> None:
    connection = actions.connect(Actor(), acme, "app.pushed")

    answer = console.post(page(connection, verb), {"reason": "x", "to": "2026-01-31T00:00"})

    assert "finds nothing by itself: its records are delivered" in answer.content.decode()
    assert not Run.unscoped.exists()


def test_a_file_for_a_source_that_reads_none_is_refused_before_it_is_kept(acme: Tenant, tmp_path: Any) -> None:
    connection = actions.connect(Actor(), acme, "app.payments")
    (tmp_path / "may.csv").write_bytes(b"a,b")

    with pytest.raises(FilesNotTaken) as refused:
        actions.upload(Actor(), connection, "may.csv", b"a,b")
    said = ingest("upload", tmp_path / "may.csv", "--tenant", "acme", "--pipeline", "app.payments")

    assert "(Records) reads no files" in str(refused.value)
    assert (said.code, str(refused.value) in said.error) == (1, True)
    assert not Artifact.unscoped.exists()
    assert not Run.unscoped.exists()


def test_only_connections_that_take_files_can_be_chosen_for_one(console: Client, acme: Tenant) -> None:
    takes, reads = (actions.connect(Actor(), acme, one) for one in ("app.files", "app.payments"))

    shown = console.get(UPLOAD, {"connection": reads.pk}).content.decode()
    sent = {"connection": reads.pk, "file": SimpleUploadedFile("may.csv", b"a,b")}

    assert f'<option value="{takes.pk}">' in shown
    assert f'<option value="{reads.pk}"' not in shown
    assert "Select a valid choice" in console.post(UPLOAD, sent).content.decode()


@pytest.mark.slow
def test_a_connection_whose_code_is_gone_breaks_no_page_and_takes_no_file(console: Client, acme: Tenant) -> None:
    connection = Connection.unscoped.create(tenant=acme, pipeline="gone.away")
    pages = [page(connection, verb) for verb in ("change", "run", "rewind", "backfill", "schedule", "preview")]

    answers = [console.get(one) for one in (*pages, UPLOAD, reverse("admin:ingestion_connection_changelist"))]
    tried = console.post(page(connection, "run"), {"reason": "x"})

    assert {answer.status_code for answer in answers} == {200}
    assert "There is no pipeline" in tried.content.decode()
    with pytest.raises(UnknownPipeline):
        actions.upload(Actor(), connection, "may.csv", b"a,b")


def test_a_backfill_is_still_refused_where_its_button_is_not_shown(acme: Tenant) -> None:
    connection = actions.connect(Actor(), acme, "app.payments")

    with pytest.raises(ActionRefused, match="does not read a window of time"):
        actions.require_windowed(connection)
