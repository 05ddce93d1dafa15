"""A layout as JSON, at every door that the documentation names: the connection's config, an upload, the console."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingestion import running
from ingestion.actions import Actor, upload
from ingestion.models import Connection, Run
from ingestion.testing import own_storage
from integrations.bank.models import BankTransaction
from tests.ingestion.commands.shell import ingest
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
WHERE = ("--tenant", "acme", "--pipeline", "bank.statements")
FILE = "Kontoauszug;DE02120300000000202051\nTag;Text;Partner;Umsatz;Währung\n02.01.2026;Miete;Hausverwaltung;-1.012,90;EUR\n"
LAYOUT = {
    "name": "north-pier", "bank": "North Pier Bank", "header": ["Tag", "Text", "Partner", "Umsatz", "Währung"],
    "columns": {
        "booked": "Tag", "amount": "Umsatz", "currency": "Währung", "counterparty": ["Partner"], "description": ["Text"],
    },
    "preamble": {"account": "^Kontoauszug \\| (.+)$"},
}  # fmt: skip
BROKEN = json.dumps(LAYOUT).replace('"bank"', '"bnak"')


def amounts() -> list[str]:
    return [str(amount.normalize()) for amount in BankTransaction.unscoped.values_list("amount", flat=True)]


def send(client: Client, where: Connection, **values: str) -> str:
    sent = {"connection": where.pk, "file": SimpleUploadedFile("a.csv", FILE.encode()), **values}
    answer = client.post(reverse("admin:ingestion_connection_upload"), sent, follow=True)
    return html.unescape(answer.content.decode())


def test_the_shell_takes_it_with_one_upload(tmp_path: Path) -> None:
    connection()
    (tmp_path / "a.csv").write_text(FILE)

    with own_storage():
        refused = ingest("upload", *WHERE, "--config", f"layout={BROKEN}", tmp_path / "a.csv")
        taken = ingest("upload", *WHERE, "--config", f"layout={json.dumps(LAYOUT, indent=1)}", tmp_path / "a.csv")

    assert (refused.code, "unknown key `bnak`. Did you mean 'bank'?" in refused.error) == (1, True)
    assert (taken.code, amounts()) == (0, ["-1012.9"])


def test_a_connection_keeps_it_and_reads_what_is_uploaded_with_it() -> None:
    connection()
    kept = ingest("connect", *WHERE, "--config", f"layout={json.dumps(LAYOUT)}")
    where = Connection.unscoped.get()

    with own_storage():
        run = upload(Actor(), where, "a.csv", FILE.encode(), wake=False).run
        running.execute(run.pk)

    assert (kept.code, where.config["layout"], amounts()) == (0, LAYOUT, ["-1012.9"])


@pytest.mark.parametrize(
    "pasted",
    [{"layout": json.dumps(LAYOUT)}, {"settings": f"layout = {json.dumps(LAYOUT, indent=2)}\ncurrency=EUR"}],
    ids=str,
)
def test_the_console_takes_it_as_it_is_pasted(admin_client: Client, pasted: dict[str, Any]) -> None:
    with own_storage():
        send(admin_client, connection(), **pasted)
        running.execute(Run.unscoped.get().pk)

    assert Run.unscoped.get().params["config"]["layout"] == LAYOUT
    assert amounts() == ["-1012.9"]


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ({"layout": BROKEN}, "unknown key `bnak`. Did you mean 'bank'?"),
        ({"layout": json.dumps(LAYOUT)[:-1] + ",}"}, "It is text that is no JSON"),
        ({"settings": f"layout={json.dumps(LAYOUT)[:-1]}\ncurrency=EUR"}, "It is text that is no JSON"),
        ({"settings": f"layout={BROKEN}"}, "unknown key `bnak`"),
        ({"settings": 'layout={"name": "a", "name": "b"}'}, "name"),
    ],
    ids=str,
)
def test_the_console_refuses_what_is_wrong_with_it(admin_client: Client, pasted: dict[str, Any], words: str) -> None:
    assert words in send(admin_client, connection(), **pasted)
    assert not Run.unscoped.exists()
