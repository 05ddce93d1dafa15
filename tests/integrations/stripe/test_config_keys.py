"""Keys of a connection's config that nothing would read, at every door."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import ConfigurationError, actions
from ingestion.models import Connection, Run, Tenant
from ingestion.testing import make_tenant
from integrations.stripe.source import Stripe
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR

pytestmark = [pytest.mark.django_db]
CHARGES = ("--tenant", "acme", "--pipeline", "stripe.charges")


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme")


@pytest.mark.parametrize(
    ("key", "meant"),
    [("acount", "account"), ("Account", "account"), ("stripe_account", "account"), ("integrations", "integration")],
)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest_one(key: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"`{key}` is no key .*; did you mean `{meant}`\?") as refusal:
        Stripe("charges").check_config({"account": "acct_1", "emptied": True, "integration": "eu", key: "acct_1"})

    assert refusal.value.in_shell == f"In a shell: --config {key}=null."


def test_a_key_of_a_projects_own_transform_is_named_by_its_source() -> None:
    Stripe("charges", keys=["team"]).check_config({"team": "north"})

    with pytest.raises(ConfigurationError, match="It has account, emptied, integration, team"):
        Stripe("charges", keys=["team"]).check_config({"colour": "red"})


def test_the_command_stores_no_such_key_and_runs_with_none(acme: Tenant) -> None:
    stored = ingest("connect", *CHARGES, "--config", "acount=acct_1")
    asked("connect", *CHARGES, "--config", "account=acct_1")
    run = ingest("run", *CHARGES, "--config", "acount=acct_1")

    assert (stored.code, run.code) == (1, 1)
    assert "did you mean `account`?" in stored.error
    assert "did you mean `account`?" in run.error
    assert not Run.unscoped.exists()


def test_the_console_refuses_it_in_its_field_and_takes_one_away(admin_client: Client, acme: Tenant) -> None:
    connection = actions.connect(OPERATOR, acme, "stripe.charges")
    Connection.unscoped.filter(pk=connection.pk).update(config={"acount": "acct_1"})

    def save(config: str) -> str:
        at = reverse("admin:ingestion_connection_change", args=[connection.pk])
        return html.unescape(admin_client.post(at, {"config": config}, follow=True).content.decode())

    refused = save('{"acount": "acct_2"}')
    save('{"account": "acct_2"}')

    assert "did you mean `account`?" in refused
    assert config_of(connection) == {"account": "acct_2"}


def config_of(connection: Connection) -> Any:
    connection.refresh_from_db()
    return connection.config
