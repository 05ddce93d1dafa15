"""docs/how-to/write-a-source.md from its first line to the replayed letter, run as it stands there."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.paths import PROJECT
from ingestion import Context, Page
from ingestion.core import capabilities
from ingestion.models import DeadLetter
from ingestion.testing import make_tenant, own_storage
from tests.app import models
from tests.docs.executed import Project, parts, run_tests_of
from tests.docs.test_docs import blocks, commands

PAGE = PROJECT / "docs" / "how-to" / "write-a-source.md"
TEXT = PAGE.read_text()


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.django_db
def test_the_page_ends_at_loaded_rows_and_a_replayed_letter(project: Project, inbox: Path) -> None:
    (inbox / "june.txt").write_text(blocks(PAGE, "text")[0])
    *before, mended = parts(PAGE)
    connect, upload, rehearse, replay = commands(PAGE)
    make_tenant("acme")

    for module, code in before:
        names = project.add(module, code)
    assert run_tests_of(names) == 5
    call_command("ingest", *connect)
    with own_storage(), pytest.raises(CommandError) as partial:
        call_command("ingest", *upload)
    project.add(*mended)
    call_command("ingest", *rehearse)
    call_command("ingest", *replay)

    dead_letter = DeadLetter.objects.for_tenant(make_tenant("acme")).get()
    loaded = models.Payment.objects.for_tenant(make_tenant("acme")).values_list("external_id", "amount")
    assert partial.value.returncode == 3
    assert dead_letter.status == DeadLetter.Status.REPLAYED
    assert sorted(f"{number} {amount}" for number, amount in loaded) == [
        "W1000001 12.50",
        "W1000002 42.00",
        "W1000003 -8.00",
    ]


def test_the_file_that_is_shown_is_the_one_that_is_read() -> None:
    (shown,) = blocks(PAGE, "text")

    assert shown in TEXT.partition('JUNE = b"""\\\n')[2]
    assert all(len(line) == 20 for line in shown.splitlines())


@pytest.mark.parametrize("value", [Context, Page])
def test_every_field_has_a_sentence(value: type) -> None:
    table = TEXT.partition(f": `{value.__name__}`\n")[2].partition("\n## ")[0]
    fields = [field.name for field in dataclasses.fields(value) if not field.name.startswith("_")]

    assert [name for name in fields if not re.search(rf"^\| [^|]*`{name}`", table, re.MULTILINE)] == []


def test_every_capability_has_a_sentence() -> None:
    table = TEXT.partition("## What else a source can do")[2]
    values = vars(capabilities).items()
    protocols = [name for name, value in values if getattr(value, "_is_protocol", False) and name != "Protocol"]

    assert len(protocols) > 10
    assert [name for name in protocols if f"`{name}`" not in table.partition("\n\nRead ahead")[0]] == []
