"""Tables that are kept for the next run of the tests are those of its migrations, or are not used."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config.paths import PROJECT
from tests import kept_tables


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one table."""
    file = tmp_path / "database.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE kept (id INTEGER)")
    return file


def tables(file: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT name FROM sqlite_master").fetchall()


def test_kept_tables_are_there_for_the_next_run(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kept_tables.ANEW, raising=False)
    kept_tables.keep(database, tmp_path / "kept")

    assert kept_tables.fetch(tmp_path / "next.sqlite3", tmp_path / "kept")

    assert tables(tmp_path / "next.sqlite3") == [("kept",)]


def test_a_database_that_is_used_again_stays_as_it_is(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kept_tables.ANEW, raising=False)
    kept_tables.keep(database, tmp_path / "kept")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE of_its_own (id INTEGER)")

    assert kept_tables.ready(database, again=True, folder=tmp_path / "kept")

    assert ("of_its_own",) in tables(database)
    assert kept_tables.ready(tmp_path / "absent.sqlite3", again=True, folder=tmp_path / "none")


def test_a_run_that_proves_the_migrations_takes_none(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_tables.keep(database, tmp_path / "kept")
    monkeypatch.setenv(kept_tables.ANEW, "anew")

    assert not kept_tables.fetch(tmp_path / "next.sqlite3", tmp_path / "kept")


def test_tables_of_other_migrations_are_not_taken_and_not_kept_on(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "of-other-migrations.sqlite3").write_bytes(database.read_bytes())

    assert not kept_tables.fetch(tmp_path / "next.sqlite3", folder)
    kept_tables.keep(database, folder)

    assert [file.name for file in folder.iterdir()] == [kept_tables.kept_name()]


def test_migrations_models_and_columns_decide_which_tables_are_taken() -> None:
    files = {str(file.relative_to(PROJECT)) for file in kept_tables.what_decides() if PROJECT in file.parents}

    migrations = {
        str(file.relative_to(PROJECT))
        for folder in ("ingestion", "integrations", "tests/app")
        for file in (PROJECT / folder).rglob("migrations/*.py")
    }
    assert migrations < files
    assert {"ingestion/models/runs.py", "ingestion/models/fields.py", "integrations/rest/exact_json.py"} < files
