"""The endpoint as the standalone project serves it, with the credentials that tenants have stored."""

from __future__ import annotations

import pytest
from django.urls import reverse

from ingestion.models import Delivery
from ingestion.testing import make_tenant, registered
from integrations.push import Pushed
from tests.ingestion.received import connected
from tests.ingestion.runs import over
from tests.integrations.push.test_endpoint import push


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("config.urls")
def test_nobody_pushes_to_a_tenant_without_a_signing_secret() -> None:
    with registered(over([], source=Pushed())) as pipeline:
        connection = connected(pipeline, make_tenant("acme"))
        address = reverse("push:receive", args=["acme", connection.public_id])

        response = push(address, b"{}")

    assert address == f"/push/acme/{connection.public_id}/"
    assert response.status_code == 401
    assert not Delivery.unscoped.exists()
