"""Two tenants with something in every table: A, whose staff look around, and B, which they must not see."""

from typing import Any

import pytest
from django.test import Client

from ingestion.models import Tenant
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme", name="Acme Books")


@pytest.fixture
def operator(acme: Tenant) -> Any:
    """Staff of acme who may do everything there."""
    return staff("olga", acme)


@pytest.fixture
def console(operator: Any, client: Client) -> Client:
    """A browser in which `operator` is logged in."""
    client.force_login(operator)
    return client
