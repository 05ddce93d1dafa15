"""Two tenants, a browser of the first one's staff, and a source that answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from ingestion.models import Tenant
from ingestion.testing import make_tenant, registered
from tests.ingestion.admin.staff import staff
from tests.integrations.rest.console.pages import PERSON
from tests.integrations.rest.test_records import Things, over, thing
from tests.integrations.rest.worlds import World


@pytest.fixture
def acme(db: None) -> Tenant:
    return make_tenant("acme", name="Acme Books")


@pytest.fixture
def globex(db: None) -> Tenant:
    return make_tenant("globex", name="Globex Corporation")


@pytest.fixture
def console(acme: Tenant, client: Client) -> Client:
    client.force_login(staff("olga", acme))
    return client


@pytest.fixture
def world() -> Iterator[World]:
    made = World(Things(PERSON, thing(2)))
    with registered(over(made)):
        yield made
