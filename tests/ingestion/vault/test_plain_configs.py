"""A config saved in the console holds no value of a credential, wherever that is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ingestion import actions
from ingestion.core.context import Secret
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

    def read(self, at: Address) -> Secret | None:
        return Secret({"api_key": SECRET}, 1)

    def write(self, at: Address, values: Mapping[str, str], expected: int | None) -> int:
        return 1

    def delete(self, at: Address) -> None:
        return None


def test_the_console_refuses_a_secret_that_a_remote_store_keeps(client: Client, settings: Settings) -> None:
    settings.INGESTION = {**settings.INGESTION, "SECRET_STORE": f"{__name__}.RemoteStore"}
    tenant = make_tenant("acme")
    connection = actions.connect(actions.Actor(), tenant, "app.payments")
    credentials.put(tenant.ref, "shop", {"api_key": SECRET}, cause="set")
    client.force_login(staff("olga", tenant))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    for given in ({"integration": "shop", "header": f"Bearer {SECRET}"}, {"integration": "shop", "page": 2}):
        answer = client.post(page, {"config": json.dumps(given)}, follow=True)
        assert ("stored credential" in answer.content.decode()) is ("header" in given)

    assert Connection.unscoped.get().config == {"integration": "shop", "page": 2}
