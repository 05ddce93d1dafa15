"""What docs/how-to/read-another-database.md promises and no other test walks."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.db import OperationalError, connections

from ingestion import CredentialError, SourceChanged, Transient
from ingestion.models import Connection
from ingestion.testing import registered
from integrations.databases.errors import translate_errors
from tests.ingestion.runs import carry, queued
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, context, orders, pages, source, values
from tests.integrations.databases.test_runs import loading


def refused(legacy: Legacy) -> tuple[Any, Connection]:
    """A run whose user the other database does not know, and its connection."""
    orders(legacy, 1)
    connections["legacy"].close()
    connections["legacy"].settings_dict.update(USER="nobody_there", PASSWORD="wrong")
    with registered(loading(source(of=lambda ctx: {"company": "acme"}))) as pipeline:
        run = carry(queued(pipeline))
    return run, Connection.unscoped.get(pk=run.connection_id)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_user_that_postgresql_refuses_fails_the_run_and_pauses_its_connection(legacy: Legacy) -> None:
    run, connection = refused(legacy)

    assert (run.state, run.error_class, connection.is_paused) == ("failed", "CredentialError", True), run.error_message


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
def test_a_user_that_mariadb_refuses_fails_the_run_and_pauses_its_connection(legacy: Legacy) -> None:
    run, connection = refused(legacy)

    assert (run.state, run.error_class, connection.is_paused) == ("failed", "CredentialError", True), run.error_message


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True)
def test_mariadb_s_date_of_year_0_arrives_as_null(legacy: Legacy) -> None:
    legacy.make("dated", "id INTEGER PRIMARY KEY, company {text}, due DATE, at DATETIME")
    legacy.say("SET SESSION sql_mode = ''")
    legacy.insert(
        "dated", (1, "acme", "0000-00-00", "0000-00-00 00:00:00"), (2, "acme", "2026-01-01", DAY.replace(tzinfo=None))
    )

    first, second = values(pages(source(table="dated", watermark=""), context(None)))

    assert (first["due"], first["at"]) == (None, None)
    assert second["due"] == "2026-01-01"


class Failed(Exception):
    """A driver's error, with what psycopg and sqlite3 say of it."""

    def __init__(self, **said: str) -> None:
        super().__init__(*said.values())
        self.__dict__.update(said)


def sqlite_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name  # type: ignore[misc]  # it is for the module to set
    return error


@pytest.mark.parametrize(
    ("said", "cause", "error"),
    [
        ((1045, "Access denied"), None, CredentialError),
        ((1698, "Access denied"), None, CredentialError),
        (("28P01",), Failed(sqlstate="28P01"), CredentialError),
        (('connection failed: FATAL:  password authentication failed for user "x"',), Failed(), CredentialError),
        (('connection failed: FATAL:  role "x" does not exist',), Failed(), CredentialError),
        (('connection failed: FATAL:  no pg_hba.conf entry for host "10.0.0.1"',), Failed(), CredentialError),
        (('connection failed: to 10.0.0.1: FATAL:  database "x" does not exist',), Failed(), SourceChanged),
        (("connection failed: Connection refused",), Failed(), Transient),
        (("connection failed: FATAL:  the database system is starting up",), Failed(), Transient),
        ((2003, "Can't connect"), None, Transient),
        ((1040, "Too many connections"), None, Transient),
        ((1049, "Unknown database"), None, SourceChanged),
        ((1267, "Illegal mix of collations"), None, SourceChanged),
        (("too many columns",), Failed(sqlstate="54011"), SourceChanged),
        (("the server shuts down",), Failed(sqlstate="57P01"), Transient),
        (("database is locked",), sqlite_error("SQLITE_BUSY"), Transient),
        (("not authorized",), sqlite_error("SQLITE_AUTH"), SourceChanged),
        (("Could not decode to UTF-8 column",), sqlite3.OperationalError(), SourceChanged),
    ],
    ids=str,
)
def test_who_has_to_act_when_no_connection_comes_about(said: Any, cause: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as raised, translate_errors("legacy"):
        raise OperationalError(*said) from cause

    assert "10.0.0.1" not in str(raised.value)
