"""What is refused of another database, and what it is not asked to do."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from ingestion import (
    ConfigurationError,
    SourceChanged,
    Transient,
)
from integrations.databases import everything
from integrations.databases.sqlite_files import existing_file_address
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import context, keys, orders, pages, source

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def test_rows_without_a_watermark_are_refused_or_read_every_time(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    orders(legacy, 8, 9, when="null")

    with pytest.raises(SourceChanged, match="nulls="):
        pages(source())
    read = pages(source(nulls="read", page_size=1))
    assert keys(read) == ["8", "9", "1", "2"]
    for number, page in enumerate(read):
        rest = pages(source(nulls="read", page_size=1), checkpoint=json.loads(json.dumps(page.checkpoint)))
        assert keys(rest) == keys(read[number + 1 :])


def test_another_tenants_rows_without_a_watermark_are_none_of_ours(legacy: Legacy) -> None:
    orders(legacy, 1)
    orders(legacy, 9, company="globex", when="null")

    assert keys(pages(source())) == ["1"]


def test_a_key_that_is_null_or_not_unique_is_refused(legacy: Legacy) -> None:
    legacy.make("loose", "code {text}, company {text}")
    legacy.insert("loose", ("a", "acme"), ("b", "acme"), ("b", "acme"), ("c", "acme"))
    loose = source(table="loose", key=["code"], watermark="")

    for size in (1, 2, 100):
        with pytest.raises(SourceChanged, match="same"):
            pages(dataclasses.replace(loose, page_size=size))
    legacy.say("DELETE FROM loose WHERE code = 'b'")
    legacy.insert("loose", (None, "acme"))
    with pytest.raises(SourceChanged, match="NULL"):
        pages(loose)


@pytest.mark.parametrize(
    "changes", [{"table": "nowhere"}, {"key": ["nothing"]}, {"watermark": "nothing"}, {"columns": ["nothing"]}], ids=str
)
def test_a_table_or_column_that_is_not_there_is_a_changed_source(legacy: Legacy, changes: dict[str, Any]) -> None:
    orders(legacy, 1)

    with pytest.raises(SourceChanged):
        pages(source(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"table": ""}, {"sql": "SELECT 1"}, {"key": "id"}, {"key": []}, {"nulls": "ignore"}],
    ids=str,
)
def test_a_wrong_declaration_is_refused_at_once(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        source(**changes)


def test_an_alias_that_is_not_there_is_a_configuration_error(legacy: Legacy) -> None:
    with pytest.raises(ConfigurationError, match="no alias"):
        pages(source(using="nowhere"))


def test_the_session_cannot_write_and_leaves_the_shared_connection_alone(legacy: Legacy) -> None:
    orders(legacy, 1)
    before = set(connections)
    from integrations.databases.errors import translate_errors
    from integrations.databases.sessions import open_session

    with (
        pytest.raises((SourceChanged, Transient)),
        translate_errors("legacy"),
        open_session("legacy", 5, None) as opened,
    ):
        opened.select("DELETE FROM orders", [])
    pages(source())
    orders(legacy, 2)

    assert set(connections) == before
    assert keys(pages(source())) == ["1", "2"]


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_stopped(legacy: Legacy) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT id FROM c WHERE id < 0",
        "mysql": "SELECT SLEEP(30) AS id",
        "postgresql": "SELECT 1 AS id FROM pg_sleep(30)",
    }[legacy.vendor]
    orders(legacy, 1)
    began = datetime.now(UTC)

    with pytest.raises(Transient, match="too long"):
        pages(source(table="", sql=endless, watermark="", of=everything, timeout=0.5))

    assert datetime.now(UTC) - began < timedelta(seconds=10)


def test_a_database_that_does_not_answer_is_transient(legacy: Legacy) -> None:
    settings = connections.settings["legacy"]
    settings["NAME"], settings["HOST"] = "/" if legacy.vendor == "sqlite" else "/nowhere/at/all", "/nowhere"
    settings["OPTIONS"] = {**settings["OPTIONS"], **({"unix_socket": "/nowhere"} if legacy.vendor == "mysql" else {})}
    del connections["legacy"]

    with pytest.raises(Transient):
        pages(source())


@pytest.mark.sqlite
@pytest.mark.parametrize("form", ["{}", "file:{}", "file:{}?cache=private", "file:{}?mode=rwc"])
@pytest.mark.parametrize("place", ["gone.sqlite3", "no folder/gone.sqlite3"])
def test_a_sqlite_file_that_is_not_there_is_told_and_not_made(
    legacy: Legacy, tmp_path: Path, place: str, form: str
) -> None:
    connections.settings["legacy"]["NAME"] = form.format(tmp_path / place)
    del connections["legacy"]

    for ask in (source().test, source().preview, lambda ctx: list(source().extract(ctx, None))):
        with pytest.raises(SourceChanged, match=r"'gone\.sqlite3'.* is not there"):
            ask(context())

    assert not (tmp_path / place).exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("form", ["{}", "file:{}", "file:{}?cache=private"])
def test_a_sqlite_file_that_goes_between_the_look_and_the_opening_is_not_made(tmp_path: Path, form: str) -> None:
    file = tmp_path / "legacy.sqlite3"
    file.touch()
    address = existing_file_address("legacy", form.format(file))
    file.unlink()

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(address, uri=True).execute("SELECT 1 FROM sqlite_master")

    assert not file.exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["odd # name?%41.sqlite3", "pläin.sqlite3"])
def test_a_sqlite_file_is_found_under_any_name(legacy: Legacy, tmp_path: Path, name: str) -> None:
    orders(legacy, 1)
    legacy.connection.close()  # so that nothing of it lies in a log beside the file
    shutil.copy(tmp_path / "legacy.sqlite3", tmp_path / name)
    connections.settings["legacy"]["NAME"] = tmp_path / name
    del connections["legacy"]

    assert keys(pages(source())) == ["1"]
