"""Settings of a connection, an upload and a run: one that nobody reads, or of a value nobody knows, is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingestion import ConfigurationError
from ingestion.actions import Actor, configure, upload
from ingestion.models import Artifact, Connection, Run
from ingestion.running.dry_run import dry_run
from integrations.bank.file_config import KEYS
from integrations.bank.source import BankFiles
from tests.ingestion.commands.shell import ingest
from tests.integrations.bank.test_pipeline import connection, load, mt940

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[3] / "docs" / "how-to" / "load-bank-statements.md"
FILE = mt940("100,00", [("260105", "-10,00")], "90,00")


@pytest.mark.parametrize(
    ("key", "meant"),
    [("acount", "account"), ("Currency", "currency"), ("post_notice", "post_notices"), ("date", "dates")],
)
def test_a_setting_that_nobody_reads_is_refused_with_the_nearest_name(key: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`{key}` is no key .*; did you mean `{meant}`\\?"):
        BankFiles().check_config({key: "x"})


def test_a_setting_like_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"config\. It has account, balance_rows, balances, "):
        BankFiles().check_config({"colour": "red"})


def test_a_key_of_a_layout_is_no_setting_and_it_is_said_how_one_is_changed() -> None:
    with pytest.raises(ConfigurationError, match=r"set in the whole object: --config layout='\{…\}'\."):
        BankFiles().check_config({"layout.delimiter": ";"})


def test_the_settings_of_a_projects_own_transform_are_named_by_its_source() -> None:
    BankFiles(keys=("team",)).check_config({"team": "north"})


@pytest.mark.parametrize("value", ["false", "no", 1.5, []])
def test_post_notices_is_true_or_false(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="post_notices is true or false"):
        BankFiles().check_config({"post_notices": value})


@pytest.mark.parametrize(("key", "tag"), [("bank", "BANKID"), ("kind", "ACCTTYPE")])
@pytest.mark.parametrize("value", [True, ["1"], {"number": "1"}])
def test_bank_and_kind_are_texts(key: str, tag: str, value: Any) -> None:
    BankFiles().check_config({key: "1"})

    with pytest.raises(ConfigurationError, match=f"{key} is a text: what OFX files say in {tag}"):
        BankFiles().check_config({key: value})


@pytest.mark.parametrize("config", [{"acount": "1"}, {"layout": "no such"}, {"ids": "maybe"}])
def test_an_upload_is_refused_before_anything_is_kept(config: dict[str, Any]) -> None:
    where = connection()

    with pytest.raises(ConfigurationError):
        upload(Actor(), where, "a.sta", FILE, config=config)

    assert not Run.unscoped.exists()
    assert not Artifact.unscoped.exists()


def test_the_command_refuses_an_upload_with_the_nearest_name(tmp_path: Path) -> None:
    connection()
    (tmp_path / "a.sta").write_bytes(FILE)

    answer = ingest(
        "upload", "--tenant", "acme", "--pipeline", "bank.statements", "--config", "acount=1", tmp_path / "a.sta"
    )

    assert answer.code != 0
    assert "did you mean `account`?" in answer.error
    assert not Run.unscoped.exists()


def test_a_dry_run_would_fail_for_it() -> None:
    where = connection()

    report = dry_run(where.tenant, "bank.statements", files=[("a.sta", FILE)], config={"acount": "1"})

    assert "did you mean `account`?" in report.failure


def test_the_console_refuses_an_upload_beside_its_settings(admin_client: Client) -> None:
    where = connection()
    sent = {"connection": where.pk, "file": SimpleUploadedFile("a.sta", FILE), "settings": "acount=1"}

    page = admin_client.post(reverse("admin:ingestion_connection_upload"), sent).content.decode()

    assert "did you mean `account`?" in page
    assert not Run.unscoped.exists()


def test_a_connection_is_refused_and_one_of_before_is_told_how_to_take_the_key_away() -> None:
    where = connection()
    with pytest.raises(ConfigurationError, match="acount"):
        configure(Actor(), where, {"acount": "1"})
    Connection.objects.for_tenant(where.tenant).update(config={"acount": "1"})
    where.refresh_from_db()

    with pytest.raises(ConfigurationError, match="take it out"):
        upload(Actor(), where, "a.sta", FILE)

    assert load(where, "a.sta", FILE, acount=None).ok == 1  # type: ignore[arg-type]


def test_the_documentation_lists_the_settings_and_no_others() -> None:
    (table,) = (part for part in DOCS.read_text().split("\n\n") if part.startswith("| key | meaning |"))
    (beside,) = (part for part in DOCS.read_text().split("\n\n") if part.startswith("| `ids` |"))

    listed = {row.split("`")[1] for row in table.splitlines() if row.startswith("| `")}

    assert listed | {beside.split("`")[1]} == set(KEYS)
