"""A config saved in the console holds no value of a credential, wherever that is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ingestion import actions
from ingestion.core.context import Secret
from ingestion.core.errors import ActionRefused, SecretStoreUnavailable
from ingestion.models import Connection
from ingestion.testing import make_tenant
from ingestion.vault import credentials
from ingestion.vault.stores import Address
from tests.ingestion.admin.staff import staff

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "a-secret-that-is-long-enough"


class RemoteStore:
    """Keeps one credential, as a server elsewhere would."""

    remote = True
    asked: ClassVar[list[bool]] = []
    """With a transaction open or not, each time."""
    away: ClassVar[list[bool]] = []

    def read(self, at: Address) -> Secret | None:
        if self.away:
            raise SecretStoreUnavailable("The server is away.")
        self.asked.append(connections["default"].in_atomic_block)
        return Secret({"api_key": SECRET}, 1)

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        return 1

    def delete(self, at: Address) -> None:
        return None


@pytest.fixture
def connection(settings: Settings) -> Connection:
    settings.INGESTION = {**settings.INGESTION, "SECRET_STORE": f"{__name__}.RemoteStore"}
    tenant = make_tenant("acme")
    credentials.put(tenant.ref, "shop", {"api_key": SECRET}, cause="set")
    RemoteStore.asked.clear()
    return actions.connect(actions.Actor(), tenant, "app.payments")


@pytest.mark.parametrize("atomic_requests", [False, True])
@pytest.mark.slow
def test_the_console_refuses_a_secret_that_a_remote_store_keeps(
    client: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch, atomic_requests: bool
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    client.force_login(staff("olga", connection.tenant))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    for given in ({"integration": "shop", "header": f"Bearer {SECRET}"}, {"integration": "shop", "page": 2}):
        answer = client.post(page, {"config": json.dumps(given)}, follow=True)
        assert ("credential stored for shop" in answer.content.decode()) is ("header" in given)

    assert Connection.unscoped.get().config == {"integration": "shop", "page": 2}
    assert RemoteStore.asked[0] is False, "what is refused is refused before any transaction"


def test_a_remote_store_is_asked_inside_a_transaction_too(connection: Connection) -> None:
    with transaction.atomic(), pytest.raises(ActionRefused, match="credential stored for shop"):
        actions.configure(actions.Actor(), connection, {"integration": "shop", "header": f"Bearer {SECRET}"})


def test_a_config_is_not_stored_unseen_while_the_store_is_away(connection: Connection) -> None:
    RemoteStore.away.append(True)
    try:
        with pytest.raises(ActionRefused, match=r"away\. Try again later"):
            actions.configure(actions.Actor(), connection, {"integration": "shop", "header": f"Bearer {SECRET}"})
    finally:
        RemoteStore.away.clear()

    assert Connection.unscoped.get().config == {}


def test_a_secret_of_another_integration_of_the_tenant_is_refused_and_another_tenant_s_is_not_compared() -> None:
    acme, globex = make_tenant("acme"), make_tenant("globex")
    for tenant, key in ((acme, SECRET), (globex, f"{SECRET}-of-globex")):
        actions.set_credential(actions.Actor(), tenant, "mail", {"api_key": key})
    connection = actions.connect(actions.Actor(), acme, "app.payments")

    with pytest.raises(ActionRefused, match="'api_key' of the credential stored for mail"):
        actions.configure(actions.Actor(), connection, {"header": f"Bearer {SECRET}"})

    actions.configure(actions.Actor(), connection, {"header": "x" + SECRET[1:] + "-of-globex"})
