"""The console: preview, the guided form, who may use them, and what the audit trail has of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, Connection, RunArtifact, Tenant
from ingestion.testing import make_tenant, registered
from ingestion.vault import credentials
from integrations.rest import Rest
from integrations.rest.models import RestRecord
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.runs import OPERATOR
from tests.integrations.rest.test_records import DECLARED, Things, connected, over, rows, run, thing
from tests.integrations.rest.worlds import World, reply

pytestmark = [pytest.mark.django_db]
DECLARE = "admin:rest_restrecord_declare"
PREVIEWED = ("--tenant", "acme", "--pipeline", "rest.records", "--name", "shop")
PERSON = thing(1, email="ann@example.com", name="Ann", note=None, total=12.50, tags=["a"])


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


def text(answer: Any) -> str:
    return str(answer.content.decode())


def preview_of(connection: Connection) -> str:
    return reverse("admin:ingestion_connection_preview", args=[connection.pk])


def form(tenant: Tenant | None = None, **values: Any) -> dict[str, Any]:
    given = {
        "name": "shop", "base_url": "https://api.example.com/v1", "path": "/things", "method": "GET",
        "params": "since={window.start}\nlimit=50", "headers": "", "body": "", "records": "$.data[*]", "key": "id",
        "updated": "updated_at", "total": "$.count", "pagination_style": "cursor", "pagination_next": "$.next",
        "auth_kind": "none",
    }  # fmt: skip
    if tenant is not None:
        given["tenant"] = tenant.pk
    return {**given, **values}


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
    with registered(replace(over(World(Things())), source=source)):
        actions.preview(OPERATOR, connection, {"integration": "other"})

    assert seen == [("globex", "other", 0)]


def test_the_form_makes_a_connection_that_loads_without_code(console: Client, acme: Tenant, world: World) -> None:
    saved = console.post(reverse(DECLARE), form(acme, _save="Save", reason="first API"))

    connection = Connection.objects.for_tenant(acme).get()
    assert saved.headers["Location"] == reverse("admin:ingestion_connection_change", args=[connection.pk])
    assert connection.config == {
        "integration": "shop",
        "rest": {
            "base_url": "https://api.example.com/v1", "path": "/things", "method": "GET",
            "params": {"since": "{window.start}", "limit": "50"}, "records": "$.data[*]", "key": "id",
            "updated": "updated_at", "total": "$.count", "pagination": {"style": "cursor", "next": "$.next"},
            "auth": {"kind": "none"},
        },
    }  # fmt: skip
    assert run(connection, Things(thing(1))).state == "succeeded"
    assert list(rows(acme)) == [("shop", "1")]
    trail = AuditEntry.objects.for_tenant(acme).filter(action="configure").get()
    assert (trail.reason, trail.data["before"]) == ("first API", {})
    assert trail.data["after"] == connection.config


def test_the_form_previews_before_anything_is_saved(console: Client, acme: Tenant, world: World) -> None:
    shown = console.post(reverse(DECLARE), form(acme, _preview="Preview"))

    assert "Inferred schema" in text(shown)
    assert 'value="https://api.example.com/v1"' in text(shown)
    assert not Connection.objects.for_tenant(acme).exists()
    assert len(world.asked) == 1


def test_the_form_edits_and_keeps_what_it_has_no_field_for(console: Client, acme: Tenant, world: World) -> None:
    connection = connected(acme, max_pages=7, pagination={"style": "offset", "overlap": 3, "limit": 20})
    address = f"{reverse(DECLARE)}?connection={connection.pk}"
    shown = text(console.get(address))
    assert 'value="https://api.example.com"' in shown
    assert 'value="20"' in shown

    given = form(pagination_style="offset", pagination_next="", pagination_size="30", _save="Save")
    assert console.post(address, given).status_code == 302

    connection.refresh_from_db()
    assert connection.config["rest"]["max_pages"] == 7
    assert connection.config["rest"]["pagination"] == {"style": "offset", "overlap": 3, "limit": 30}


def test_what_the_form_writes_it_reads_again(console: Client, acme: Tenant, world: World) -> None:
    console.post(reverse(DECLARE), form(acme, _save="Save", auth_kind="api_key", auth_name="X-Key", method="POST",
                                        body='{"a": 1}', pagination_place="body"))  # fmt: skip
    connection = Connection.objects.for_tenant(acme).get()
    before = connection.config
    address = f"{reverse(DECLARE)}?connection={connection.pk}"
    page = console.get(address)
    again = {name: field.value() or "" for name, field in ((f.name, f) for f in page.context["form"])}

    assert console.post(address, {**again, "_save": "Save"}).status_code == 302

    connection.refresh_from_db()
    assert connection.config == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base_url": "ftp://x"}, "scheme, host and path"),
        ({"records": "$..a..b"}, "more than once"),
        ({"params": "since"}, "is not name=value"),
        ({"params": "api_key=abc"}, "looks like a secret"),
        ({"headers": "Authorization=Bearer abcdefgh12345"}, "looks like a secret"),
        ({"body": "{"}, "not JSON"),
        ({"body": '{"a": 1}'}, "needs method POST"),
        ({"pagination_size": "5"}, "no such setting"),
        ({"auth_kind": "client_credentials"}, "token_url"),
        ({"name": "two words"}, "slug"),
    ],
)
@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_what_is_wrong_stays_on_the_form(
    console: Client, acme: Tenant, world: World, wrong: Any, words: str, button: str
) -> None:
    shown = console.post(reverse(DECLARE), form(acme, **{button: "x"}, **wrong))

    assert words in text(shown)
    assert not Connection.objects.for_tenant(acme).exists()
    assert world.asked == []


def test_a_name_is_not_taken_twice(console: Client, acme: Tenant, world: World) -> None:
    before = connected(acme).config

    shown = console.post(reverse(DECLARE), form(acme, _save="Save"))

    assert "has an API of this name" in text(shown)
    assert Connection.objects.for_tenant(acme).get().config == before


@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_the_form_reaches_own_tenants_and_connections_only(
    console: Client, acme: Tenant, globex: Tenant, world: World, button: str
) -> None:
    theirs = connected(globex)

    new = console.post(reverse(DECLARE), form(globex, **{button: "x"}))
    edit = console.post(f"{reverse(DECLARE)}?connection={theirs.pk}", form(**{button: "x"}))
    missing = console.post(f"{reverse(DECLARE)}?connection={10**9}", form(**{button: "x"}))

    assert "Globex" not in text(new)
    assert "Select a valid choice" in text(new)
    assert (edit.status_code, edit.headers["Location"]) == (missing.status_code, missing.headers["Location"])
    theirs.refresh_from_db()
    assert theirs.config == {"rest": DECLARED}
    assert world.asked == []


def test_the_form_needs_the_permission(acme: Tenant, client: Client, world: World) -> None:
    client.force_login(staff("vera", acme, permissions="view"))

    assert client.get(reverse(DECLARE)).status_code == 403
    assert client.post(reverse(DECLARE), form(acme, _save="Save")).status_code == 403


def test_raw_json_is_held_to_the_same_rules(console: Client, acme: Tenant, world: World) -> None:
    connection = connected(acme)
    address = reverse("admin:ingestion_connection_change", args=[connection.pk])

    shown = console.post(address, {"config": json.dumps({"rest": {**DECLARED, "headers": {"X-Api-Key": "abc"}}})})

    assert "looks like a secret" in text(shown)
    connection.refresh_from_db()
    assert connection.config == {"rest": DECLARED}


def test_the_connection_page_leads_to_form_and_preview(console: Client, acme: Tenant) -> None:
    connection = connected(acme)

    shown = text(console.get(reverse("admin:ingestion_connection_change", args=[connection.pk])))

    assert f"{reverse(DECLARE)}?connection={connection.pk}" in shown
    assert preview_of(connection) in shown


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

    assert said == "https://api.example.com/things answered with 1 records on its first page."
    assert isinstance(world.asked[0], httpx.Request)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"auth_kind": "client_credentials"}, "auth_token_url"),
        ({"pagination_style": "offset", "pagination_next": "", "pagination_size": "1"}, "pagination_size"),
        ({"headers": "Authorization=Bearer abcdefgh12345"}, "headers"),
    ],
)
def test_an_error_stands_beside_its_field_and_what_hides_it_is_open(
    console: Client, acme: Tenant, world: World, wrong: dict[str, str], field: str
) -> None:
    page = console.post(reverse(DECLARE), form(acme, _save="x", **wrong))

    assert page.context["form"][field].errors
    (group,) = [one for one in page.context["groups"] if field in [each.name for each in one["more"]]]
    assert group["open"]
    closed = console.get(reverse(DECLARE)).context["groups"]
    assert not any(one["open"] for one in closed)


def test_adding_a_connection_leads_to_its_form(console: Client, acme: Tenant) -> None:
    add = reverse("admin:ingestion_connection_add")

    answer = console.post(add, {"tenant": acme.pk, "pipeline": "rest.records", "name": "shop"})

    made = Connection.objects.for_tenant(acme).get()
    assert answer.headers["Location"] == f"{reverse(DECLARE)}?connection={made.pk}"
    assert console.get(answer.headers["Location"]).status_code == 200


def test_who_may_not_use_the_form_is_not_led_there(acme: Tenant, client: Client) -> None:
    client.force_login(staff("cora", acme, permissions=["view_connection", "run_connection"]))
    add = reverse("admin:ingestion_connection_add")

    answer = client.post(add, {"tenant": acme.pk, "pipeline": "rest.records", "name": "shop"})

    assert answer.headers["Location"] == reverse("admin:ingestion_connection_changelist")
