"""A backup of the database restores the credentials, with the master key and without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from ingestion.core.context import Secret
from ingestion.core.errors import KeysUnusable
from ingestion.models import Tenant
from ingestion.vault import credentials
from tests.ingestion.runs import new_tenant
from tests.ingestion.vault.keeping import STORE, master_key, stored, under

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def test_a_backup_restored_into_an_empty_database_is_read_with_the_same_master_key_only(tmp_path: Path) -> None:
    kept, backup = master_key(), tmp_path / "backup.json"
    with under(kept=kept):
        tenant = new_tenant()
        stored(tenant, api_key="first-value")
        stored(tenant, api_key="second-value")
        call_command("dumpdata", "ingestion", output=str(backup))
    call_command("flush", verbosity=0, interactive=False)

    call_command("loaddata", str(backup), verbosity=0)

    again = Tenant.objects.get(key=tenant.key)
    with under(kept=kept):
        assert credentials.read(again.ref, STORE) == Secret({"api_key": "second-value"}, 2)
        assert stored(again, api_key="third-value").version == 3
    with under(other=master_key()), pytest.raises(KeysUnusable, match="put it back"):
        credentials.read(again.ref, STORE)


def test_a_backup_holds_no_value_and_no_key(tmp_path: Path) -> None:
    kept, backup = master_key(), tmp_path / "backup.json"
    with under(kept=kept):
        stored(new_tenant(), api_key="only-in-the-vault")
        call_command("dumpdata", "ingestion", output=str(backup))

    text = backup.read_text()
    assert "only-in-the-vault" not in text
    assert kept not in text
    assert {row["model"] for row in json.loads(text)} >= {"ingestion.credential", "ingestion.datakey"}
