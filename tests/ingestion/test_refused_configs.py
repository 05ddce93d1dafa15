"""A config that was stored before anybody would have refused it: runs go on and say so, and it is named where one looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from ingestion import ConfigurationError, actions, running
from ingestion.actions.refused_configs import refused_configs
from ingestion.checks.connections import check_configs
from ingestion.models import Connection, Event, Run, Tenant
from ingestion.running.dry_run import dry_run
from ingestion.testing import Records, make_tenant, registered
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR, over

pytestmark = pytest.mark.django_db


class Strict(Records):
    """Takes no key, and breaks over one."""

    def check_config(self, config: Mapping[str, Any]) -> None:
        if "broken" in config:
            raise LookupError("a check of somebody's own")
        if config:
            raise ConfigurationError(f"`{next(iter(config))}` is no key.")


@pytest.fixture
def pipeline() -> Iterator[str]:
    with registered(over([], source=Strict([{"id": "a", "seq": 1, "amount": "1.00"}]))) as declared:
        yield declared.name


def stored(pipeline: str, config: dict[str, Any], tenant: Tenant | None = None) -> Connection:
    connection = actions.connect(OPERATOR, tenant or make_tenant("acme"), pipeline)
    Connection.unscoped.filter(pk=connection.pk).update(config=config)
    connection.refresh_from_db()
    return connection


def notes(run: Run) -> list[str]:
    return list(Event.unscoped.filter(run=run, name="note").values_list("text", flat=True))


@pytest.mark.parametrize(("config", "words"), [({"old": 1}, "`old` is no key."), ({"broken": 1}, "somebody's own")])
def test_its_run_goes_on_with_a_note(pipeline: str, config: dict[str, Any], words: str) -> None:
    run = actions.run_now(OPERATOR, stored(pipeline, config), wake=False)

    assert running.execute(run.pk) == Run.State.SUCCEEDED

    (note,) = notes(run)
    assert note.startswith("The connection's config would be refused today; this run goes on.")
    assert words in note


def test_a_right_config_costs_no_note_and_no_statement(pipeline: str) -> None:
    connection = stored(pipeline, {})
    first = actions.run_now(OPERATOR, connection, wake=False)
    with CaptureQueriesContext(
        database,
    ) as of_the_right:
        running.execute(first.pk)
    Connection.unscoped.filter(pk=connection.pk).update(config={"old": 1})
    second = actions.run_now(OPERATOR, connection, wake=False)
    with CaptureQueriesContext(database) as of_the_wrong:
        running.execute(second.pk)

    assert notes(first) == []
    assert sum("ingestion_event" in query["sql"] for query in of_the_right.captured_queries) < sum(
        "ingestion_event" in query["sql"] for query in of_the_wrong.captured_queries
    )


def test_a_note_stands_with_its_own_tenant_and_shows_no_value(pipeline: str) -> None:
    wrong = actions.run_now(OPERATOR, stored(pipeline, {"old": "hunter22"}), wake=False)
    right = actions.run_now(OPERATOR, stored(pipeline, {}, make_tenant("globex")), wake=False)
    for run in (wrong, right):
        running.execute(run.pk)

    (note,) = Event.unscoped.filter(name="note")
    assert (note.tenant, note.run, "hunter22" in note.text) == (wrong.tenant, wrong, False)


def test_a_dry_run_says_what_is_wrong(pipeline: str) -> None:
    connection = stored(pipeline, {"old": 1})

    assert "`old` is no key." in dry_run(connection.tenant, pipeline, config=connection.config).failure


def test_w020_names_it_until_it_is_mended_or_paused(pipeline: str) -> None:
    connection = stored(pipeline, {"old": 1})
    other = stored(pipeline, {"broken": 1}, make_tenant("globex"))

    wrong, broken = check_configs(databases=["default"])

    assert (wrong.id, wrong.msg) == (
        "ingestion.W020",
        f"The config of connection {connection} would be refused today: `old` is no key.",
    )
    assert "LookupError: a check of somebody's own" in broken.msg
    assert check_configs(databases=None) == []
    actions.pause(OPERATOR, connection, "looked at")
    actions.configure(OPERATOR, other, {})
    assert check_configs(databases=["default"]) == []


def test_status_lists_it_with_the_reason(pipeline: str) -> None:
    connection = stored(pipeline, {"old": 1})

    document = ingest("status", "--json").document

    (row,) = document["refused_configs"]
    assert (row["id"], row["tenant"], row["because"]) == (connection.pk, "acme", "`old` is no key.")


def test_as_many_are_named_as_are_asked_for_and_none_of_a_pipeline_that_is_not_here(pipeline: str) -> None:
    for number in range(3):
        stored(pipeline, {"old": number}, make_tenant(f"tenant-{number}"))
    Connection.unscoped.filter(tenant__key="tenant-0").update(pipeline="gone.away")

    assert [connection.tenant.key for connection, _ in refused_configs()] == ["tenant-1", "tenant-2"]
    assert [connection.tenant.key for connection, _ in refused_configs(1)] == ["tenant-1"]


def test_the_key_is_taken_back_from_the_shell() -> None:
    tenant = make_tenant("acme")
    stored("stripe.charges", {"acount": "acct_1", "account": "acct_1"}, tenant)
    where = ("--tenant", "acme", "--pipeline", "stripe.charges")

    refused = ingest("connect", *where, "--config", "emptied=true")
    assert "In a shell: --config acount=null." in refused.error
    asked("connect", *where, "--config", "acount=null")

    assert Connection.unscoped.get().config == {"account": "acct_1"}
