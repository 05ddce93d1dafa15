"""A preview shows one page of a source: its schema, and records with what is private masked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, Connection, RunArtifact, Tenant
from ingestion.testing import registered
from ingestion.vault import credentials
from integrations.rest import Rest
from integrations.rest.models import RestRecord
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR
from tests.integrations.rest.console.pages import preview_of, text
from tests.integrations.rest.test_records import DECLARED, Things, connected, over, run, thing
from tests.integrations.rest.worlds import World, reply

pytestmark = [pytest.mark.django_db]
PREVIEWED = ("--tenant", "acme", "--pipeline", "rest.records", "--name", "shop")


def test_a_preview_shows_the_schema_and_masks_what_is_private(console: Client, acme: Tenant, world: World) -> None:
    console.force_login(staff("vera", acme, permissions=["view_connection", "run_connection"]))
    connection = connected(acme)

    offered, shown = console.get(preview_of(connection)), console.post(preview_of(connection))

    assert "Fetch one page" in text(offered)
    for words in ("email", "whole number", "decimal", "masked", "No parameter holds"):
        assert words in text(shown)
    assert "ann@example.com" not in text(shown)
    assert RestRecord.objects.for_tenant(acme).count() == 0
    assert AuditEntry.objects.for_tenant(acme).filter(action="preview").count() == 1


def test_records_are_masked_for_those_too_who_may_see_payloads(console: Client, acme: Tenant, world: World) -> None:
    shown = console.post(preview_of(connected(acme)))

    assert "Record 1" in text(shown)
    assert "ann@example.com" not in text(shown)
    assert "ann@example.com" not in ingest("preview", *PREVIEWED).out


def test_looking_at_the_page_calls_nobody(console: Client, acme: Tenant, world: World) -> None:
    console.get(preview_of(connected(acme)))

    assert world.asked == []


def test_a_source_that_refuses_is_said_on_the_page(console: Client, acme: Tenant) -> None:
    connection = connected(acme)
    with registered(over(World(lambda request: reply({}, 403)))):
        shown = console.post(preview_of(connection))

    assert "CredentialError" in text(shown)
    assert shown.status_code == 200


@pytest.mark.parametrize("payloads", [True, False])
def test_a_source_that_repeats_the_credential_shows_and_loads_nothing(
    console: Client, acme: Tenant, payloads: bool
) -> None:
    if not payloads:
        console.force_login(staff("vera", acme, permissions=["view_connection", "run_connection"]))
    credentials.put(acme.ref, "rest", {"key": "Kx73cretWord", "hosts": "api.example.com"}, cause="set")
    connection = connected(acme, auth={"kind": "api_key", "place": "query", "name": "q"}, records="$", key="", total="")

    def echo(request: httpx.Request) -> httpx.Response:
        return reply({"query": request.url.params["q"]})

    with registered(over(World(echo))):
        shown = text(console.post(preview_of(connection)))
    made = run(connection, echo)

    assert "SourceChanged" in shown
    assert "Kx73cret" not in shown
    assert (made.state, made.error_class) == ("failed", "SourceChanged")
    assert not RestRecord.objects.for_tenant(acme).exists()
    assert not RunArtifact.objects.for_tenant(acme).exists()


def test_hostile_text_of_a_source_is_only_text(console: Client, acme: Tenant) -> None:
    connection = connected(acme)
    evil = {"<script>alert(1)</script>": "<img src=x onerror=alert(2)>", "id": 1, "rtl": "\u202eabc"}
    with registered(over(World(Things(evil)))):
        shown = text(console.post(preview_of(connection)))

    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "\u202e" not in shown


def test_nobody_previews_another_tenant_s_connection(console: Client, globex: Tenant, world: World) -> None:
    connection = connected(globex)

    for answer in (console.get(preview_of(connection)), console.post(preview_of(connection))):
        assert answer.status_code == 302
        assert "Globex" not in text(answer)
    assert world.asked == []
    assert not AuditEntry.objects.for_tenant(globex).filter(action="preview").exists()


def test_the_action_itself_refuses_what_the_page_would(acme: Tenant, globex: Tenant, world: World) -> None:
    theirs = connected(globex)
    for user in (staff("stray"), staff("olga", acme), staff("vera", globex, permissions="view")):
        with pytest.raises(PermissionDenied):
            actions.preview(actions.Actor(user), theirs)
        unsaved = Connection(tenant=globex, pipeline="rest.records", name="x", config={"rest": DECLARED})
        with pytest.raises(PermissionDenied):
            actions.preview(actions.Actor(user), unsaved)

    assert world.asked == []


def test_a_preview_uses_the_connection_s_own_tenant_and_no_other_credential(acme: Tenant, globex: Tenant) -> None:
    """The context is made from the connection: whoever asks, the tenant in it is the connection's."""
    seen: list[Any] = []

    class Spy(Rest):
        def preview(self, ctx: Any) -> Any:
            seen.append((ctx.tenant.key, ctx.integration, ctx.run_id))
            return super().preview(ctx)

    from dataclasses import replace

    source = Spy(base_url="https://api.example.com").through(World(lambda request: reply([])).connect)
    connection = connected(globex)
    connection.config = {}  # the API is declared in code here
    with registered(replace(over(World(Things())), source=source)):
        actions.preview(OPERATOR, connection, {"integration": "other"})

    assert seen == [("globex", "other", 0)]


@pytest.mark.slow
def test_a_record_s_page_shows_it_exactly_to_those_who_may(console: Client, acme: Tenant) -> None:
    run(connected(acme), Things('{"id": 1, "price": 0.10, "big": 123456789012345678901234567890}'))
    page = reverse("admin:rest_restrecord_change", args=[RestRecord.objects.for_tenant(acme).get().pk])

    assert "123456789012345678901234567890" in text(console.get(page))
    console.force_login(staff("vera", acme, permissions="view"))
    assert "123456789012345678901234567890" not in text(console.get(page))


def test_the_command_previews_and_refuses_like_the_page(acme: Tenant, world: World) -> None:
    connected(acme)
    document = asked("preview", *PREVIEWED)
    spoken = ingest("preview", *PREVIEWED)
    wrong = ingest("preview", *PREVIEWED, "--config", 'rest={"base_url": "nowhere"}')
    lost = ingest("preview", "--tenant", "acme", "--pipeline", "app.payments")

    assert document["preview"]["records"] == 2
    assert {one["path"] for one in document["members"]} >= {"id", "email", "tags", "tags[]"}
    assert "email" in spoken.out
    assert (wrong.code, lost.code) == (1, 2)


def test_a_source_without_a_preview_says_so(acme: Tenant) -> None:
    connection = actions.connect(OPERATOR, acme, "app.payments")

    with pytest.raises(ActionRefused, match="cannot show a page"):
        actions.preview(OPERATOR, connection)


def test_test_says_what_answered() -> None:
    world = World(lambda request: reply({"data": [thing(1)]}))
    from tests.integrations.rest.worlds import context, rest

    said = rest().through(world.connect).test(context())

    assert said == "https://api.example.com/things answered with 1 record on its first page."
    assert isinstance(world.asked[0], httpx.Request)
