"""A REST API is declared in a form, by staff of its tenant, and held to the same rules as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion.models import AuditEntry, Connection, Tenant
from tests.ingestion.admin.staff import staff
from tests.integrations.rest.console.pages import preview_of, text
from tests.integrations.rest.test_records import DECLARED, Things, connected, rows, run, thing
from tests.integrations.rest.worlds import World

pytestmark = [pytest.mark.django_db]
DECLARE = "admin:rest_restrecord_declare"


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


@pytest.mark.slow
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
@pytest.mark.slow
def test_what_is_wrong_stays_on_the_form(
    console: Client, acme: Tenant, world: World, wrong: Any, words: str, button: str
) -> None:
    shown = console.post(reverse(DECLARE), form(acme, **{button: "x"}, **wrong))

    assert words in text(shown)
    assert not Connection.objects.for_tenant(acme).exists()
    assert world.asked == []


@pytest.mark.slow
def test_a_name_is_not_taken_twice(console: Client, acme: Tenant, world: World) -> None:
    before = connected(acme).config

    shown = console.post(reverse(DECLARE), form(acme, _save="Save"))

    assert "has an API of this name" in text(shown)
    assert Connection.objects.for_tenant(acme).get().config == before


@pytest.mark.parametrize("button", ["_save", "_preview"])
@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"auth_kind": "client_credentials"}, "auth_token_url"),
        ({"pagination_style": "offset", "pagination_next": "", "pagination_size": "1"}, "pagination_size"),
        ({"headers": "Authorization=Bearer abcdefgh12345"}, "headers"),
    ],
)
@pytest.mark.slow
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


SAID: list[tuple[dict[str, str], dict[str, Any]]] = [
    (
        {"signals": '[{"at": "$.ok", "success": [true]}]', "empty": "null, missing", "charset": "latin-1", "key": "order, line"},
        {"signals": [{"at": "$.ok", "success": [True]}], "empty": ["null", "missing"], "charset": "latin-1",
         "key": ["order", "line"]},
    ),
    (
        {"timeout": "60", "lookback": "900", "concurrency": "1", "ahead": "false", "drift": "stop", "max_pages": "7",
         "max_page_bytes": "4096", "error_budget_ratio": "0.1", "error_budget_at_least": "5"},
        {"timeout": 60, "lookback": 900, "concurrency": 1, "ahead": False, "drift": "stop", "max_pages": 7,
         "max_page_bytes": 4096, "error_budget": {"ratio": 0.1, "at_least": 5}},
    ),
    (
        {"pagination_ends": '0, -1, "0", END', "pagination_repeat_ends": "true", "pagination_absent_ends": "true",
         "pagination_empty_ends": "false", "pagination_more": "$.more", "pagination_more_values": "Y",
         "pagination_last_values": "N, false"},
        {"pagination": {"style": "cursor", "next": "$.next", "more": "$.more", "ends": [0, -1, "0", "END"],
                        "absent_ends": True, "repeat_ends": True, "empty_ends": False, "more_values": ["Y"],
                        "last_values": ["N", False]}},
    ),
    (
        {"pagination_style": "page", "pagination_next": "", "pagination_start": "0", "pagination_clamped": "true",
         "pagination_past_end": "404, 410"},
        {"pagination": {"style": "page", "start": 0, "clamped": True, "past_end": [404, 410]}},
    ),
    (
        {"pagination_style": "offset", "pagination_next": "", "pagination_overlap": "0"},
        {"pagination": {"style": "offset", "overlap": 0}},
    ),
    (
        {"pagination_style": "since_id", "pagination_next": "", "pagination_inclusive": "true"},
        {"pagination": {"style": "since_id", "inclusive": True}},
    ),
    (
        {"pagination_style": "link_header", "pagination_next": "", "pagination_absent_ends": "false"},
        {"pagination": {"style": "link_header", "absent_ends": False}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("filled", "declared"), SAID)
@pytest.mark.slow
def test_the_form_says_what_json_says_and_shows_it_again(
    console: Client, acme: Tenant, world: World, filled: dict[str, str], declared: dict[str, Any]
) -> None:
    answer = console.post(reverse(DECLARE), form(acme, _save="Save", **filled))

    connection = Connection.objects.for_tenant(acme).get()
    assert answer.status_code == 302
    said = connection.config["rest"]
    assert {name: said[name] for name in declared} == declared
    address = f"{reverse(DECLARE)}?connection={connection.pk}"
    shown = {field.name: field.value() for field in console.get(address).context["form"]}
    again = {name: "" if value is None or value is False else value for name, value in shown.items()}
    assert console.post(address, {**again, "_save": "Save"}).status_code == 302
    connection.refresh_from_db()
    assert connection.config["rest"] == said
