"""The address that a connection's sender delivers to, wherever the project's URLs put its endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path, re_path, reverse

from ingestion import actions, endpoints
from ingestion.models import Connection
from ingestion.testing import make_tenant, registered
from ingestion.webhooks import receiver, standard_webhooks
from integrations.push import Pushed
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.received import Letterbox
from tests.ingestion.runs import over

pytestmark = pytest.mark.django_db
own = receiver(standard_webhooks, accepts=lambda pipeline: isinstance(pipeline.source, Letterbox))
urlpatterns = [
    path("push/", include("integrations.push.urls")),
    re_path("^odd/(?P<tenant>[^/]+)/(?P<connection>[^/]+)/$", own),
    path("fixed/", own),
    path("hooks/<slug:tenant>/", include(([path("<uuid:connection>", own)], "nested"))),
]


@pytest.fixture
def connection() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield actions.connect(actions.Actor(), make_tenant("acme"), pipeline.name)


@pytest.mark.slow
def test_the_page_shows_the_whole_address_and_the_commands_its_path(connection: Connection, client: Client) -> None:
    client.force_login(staff("olga", connection.tenant))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])
    address = f"/push/acme/{connection.public_id}/"

    assert f"http://testserver{address}</code>" in client.get(page).content.decode()
    assert asked("list", "connections")["connections"][0]["address"] == address
    for words in (("list", "connections"), ("show", "connection", connection.pk)):
        assert address in ingest(*words).out


@pytest.mark.parametrize("source", ["push", "own", "none", "gone"])
@pytest.mark.urls(__name__)
def test_an_endpoint_is_found_by_whom_it_is_for(connection: Connection, source: str) -> None:
    sources: dict[str, Any] = {"push": Pushed(), "own": Letterbox(), "none": over([]).source, "gone": Pushed()}
    expected = {"push": f"/push/acme/{connection.public_id}/", "own": f"/hooks/acme/{connection.public_id}"}
    if source == "gone":
        connection.pipeline = "gone.away"

    with registered(over([], source=sources[source])):
        assert endpoints.path_of(connection) == expected.get(source, "")
