"""Connections in the console: what they show, and what an operator does with them."""

import datetime
import html
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion import actions, scheduling
from ingestion.actions import Actor
from ingestion.models import AuditEntry, Connection, KnownShape, Run, Tenant, Watermark
from ingestion.testing import make_tenant, registered, run_pipeline
from integrations.push import Pushed
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff
from tests.ingestion.runs import over

LIST = reverse("admin:ingestion_connection_changelist")


@pytest.fixture
def connection(acme: Tenant) -> Connection:
    return actions.connect(Actor(), acme, "app.payments")


def at(verb: str, connection: Connection) -> str:
    return reverse(f"admin:ingestion_connection_{verb}", args=[connection.pk])


@pytest.mark.slow
def test_the_list_says_which_connections_are_late_paused_or_failed(console: Client, connection: Connection) -> None:
    Connection.unscoped.filter(pk=connection.pk).update(next_due=timezone.now() - datetime.timedelta(hours=3))

    assert "late" in console.get(LIST).content.decode()
    assert "app.payments" in console.get(LIST, {"state": "late"}).content.decode()
    assert "Nothing matches" in console.get(LIST, {"state": "paused"}).content.decode()


@pytest.mark.slow
def test_the_list_shows_the_last_run(console: Client, acme: Tenant) -> None:
    both = [{"id": "pay_1", "amount": "much"}, {"id": "pay_2", "amount": "1.00", "currency": "EUR"}]
    run = run_pipeline(payments, acme, records=both)

    page = console.get(LIST).content.decode()

    assert reverse("admin:ingestion_run_change", args=[run.pk]) in page
    assert '<span class="sg-badge sg-partial">Partial</span>' in page


def test_run_now_queues_a_run_and_shows_it(console: Client, connection: Connection) -> None:
    answer = console.post(at("run", connection), {"reason": "asked by phone"})

    run = Run.unscoped.get()
    assert answer.headers["Location"] == reverse("admin:ingestion_run_change", args=[run.pk])
    assert (run.kind, run.state, run.requested_by.username) == ("manual", "queued", "olga")
    assert AuditEntry.unscoped.get(action="run").reason == "asked by phone"


def test_a_button_leads_to_a_page_that_says_what_will_happen_before_anything_does(
    console: Client, connection: Connection
) -> None:
    page = console.get(at("pause", connection)).content.decode()

    connection.refresh_from_db()
    assert "Nothing new starts until it is resumed" in page
    assert not connection.is_paused


def test_pausing_needs_a_reason(console: Client, connection: Connection) -> None:
    console.post(at("pause", connection), {"reason": ""})
    connection.refresh_from_db()
    assert not connection.is_paused

    console.post(at("pause", connection), {"reason": "bank holiday"})
    connection.refresh_from_db()
    assert (connection.is_paused, connection.paused_reason) == (True, "bank holiday")


def test_a_paused_connection_offers_resume_and_not_run_now(console: Client, connection: Connection) -> None:
    actions.pause(Actor(), connection, "bank holiday")

    page = console.get(reverse("admin:ingestion_connection_change", args=[connection.pk])).content.decode()

    assert at("resume", connection) in page
    assert at("run", connection) not in page


def test_a_refusal_is_told_on_the_same_page(console: Client, connection: Connection) -> None:
    actions.pause(Actor(), connection, "bank holiday")

    page = console.post(at("run", connection), {"reason": ""}).content.decode()

    assert "is paused (bank holiday); resume it first." in page
    assert not Run.unscoped.exists()


def test_rewinding_moves_the_watermark_and_keeps_who_and_why(console: Client, connection: Connection) -> None:
    console.post(at("rewind", connection), {"to": "2026-01-31T00:00", "reason": "January was wrong"})

    mark = Watermark.unscoped.get()
    assert mark.value == datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)
    entry = AuditEntry.unscoped.get(action="rewind")
    assert (entry.actor_name, entry.reason) == ("olga", "January was wrong")


def test_a_watermark_cannot_be_moved_into_the_future(console: Client, connection: Connection) -> None:
    page = console.post(at("rewind", connection), {"to": "2999-01-31T00:00", "reason": "?"}).content.decode()

    assert "Give a time in the past" in page
    assert not Watermark.unscoped.exists()


def test_a_connection_is_added_through_the_console(console: Client, acme: Tenant) -> None:
    console.post(reverse("admin:ingestion_connection_add"), {"tenant": acme.pk, "pipeline": "app.payments"})

    made = Connection.unscoped.get()
    assert (made.tenant, made.pipeline, made.next_due is not None) == (acme, "app.payments", True)
    assert AuditEntry.unscoped.get().action == "connect"


@pytest.mark.slow
def test_what_is_only_delivered_takes_no_schedule(console: Client, acme: Tenant) -> None:
    with registered(over([], source=Pushed())) as pipeline:
        given = {"tenant": acme.pk, "pipeline": pipeline.name, "name": "", "due": "every", "every": "6h"}
        answer = console.post(reverse("admin:ingestion_connection_add"), given)
        refused = not Connection.unscoped.exists()
        console.post(reverse("admin:ingestion_connection_add"), {**given, "due": "off", "every": ""})
        added = Connection.unscoped.get()
        page = console.get(reverse("admin:ingestion_connection_change", args=[added.pk])).content.decode()
        Connection.unscoped.filter(pk=added.pk).update(schedule=None)
        bare = console.get(reverse("admin:ingestion_connection_change", args=[added.pk])).content.decode()

    assert "that has runs of its own" in answer.content.decode()
    assert refused
    assert (at("schedule", added) in page, at("schedule", added) in bare) == (True, False)


def test_what_an_action_refuses_of_a_form_is_said_and_what_was_typed_stays(console: Client, acme: Tenant) -> None:
    actions.set_credential(Actor(), acme, "shop", {"token": "a-long-and-secret-token"})
    connection = actions.connect(Actor(), acme, "app.payments")
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    answer = console.post(page, {"config": '{"integration": "shop", "page": 7, "x": "a-long-and-secret-token"}'})

    assert "of the credential stored for" in answer.content.decode()
    assert "&quot;page&quot;: 7" in answer.content.decode()
    connection.refresh_from_db()
    assert connection.config == {}


def test_a_schedule_that_staff_may_not_set_is_refused_in_words(console: Client, acme: Tenant) -> None:
    given = {"tenant": acme.pk, "pipeline": "app.payments", "name": "", "due": "every", "every": "1s"}

    answer = console.post(reverse("admin:ingestion_connection_add"), given, follow=True)

    assert "shorter ones are declared in code" in answer.content.decode()
    assert not Connection.unscoped.exists()


def test_a_connection_cannot_be_added_for_another_tenant(console: Client) -> None:
    globex = make_tenant("globex")

    page = console.post(reverse("admin:ingestion_connection_add"), {"tenant": globex.pk, "pipeline": "app.payments"})

    assert "Select a valid choice" in page.content.decode()
    assert not Connection.unscoped.exists()


def test_changing_the_config_is_audited_with_before_and_after(console: Client, connection: Connection) -> None:
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    console.post(page, {"config": '{"layout": "n26"}'})

    connection.refresh_from_db()
    assert connection.config == {"layout": "n26"}
    assert AuditEntry.unscoped.get(action="configure").data == {"before": {}, "after": {"layout": "n26"}}


def test_a_nested_config_is_laid_out_in_its_field_and_saving_it_so_changes_nothing(
    console: Client, connection: Connection
) -> None:
    config = {"rest": {"path": "/orders", "pagination": {"style": "cursor"}}}
    Connection.unscoped.filter(pk=connection.pk).update(config=config)
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    shown = html.unescape(console.get(page).content.decode())
    laid_out = json.dumps(config, indent=2)
    console.post(page, {"config": laid_out, "initial-config": laid_out})

    assert '"pagination": {\n      "style": "cursor"\n    }' in shown
    assert not AuditEntry.unscoped.filter(action="configure").exists()


UNKEPT = [r'{"account": "a\u0000"}', r'{"account": ["\ud800"]}', r'{"a\u0000": 1}', '{"account": 1e999}',
          '{"account": ' + "9" * 400 + "}", '{"account": ' + "9" * 5000 + "}", '{"account": ' + "[" * 40 + "]" * 40 + "}",
          '{"account": ' + "[" * 100_000 + "]" * 100_000 + "}"]  # fmt: skip


@pytest.mark.parametrize(
    "config",
    ["[1]", '"text"', "{", '{"layout": "n26", "layout": "dkb"}', *UNKEPT],
    ids=lambda config: config[:20] + str(len(config)),
)
def test_a_config_that_no_object_is_or_no_database_keeps_is_refused(
    console: Client, connection: Connection, config: str
) -> None:
    answer = console.post(reverse("admin:ingestion_connection_change", args=[connection.pk]), {"config": config})

    assert "errorlist" in answer.content.decode()
    connection.refresh_from_db()
    assert connection.config == {}


def test_staff_who_may_only_look_get_no_buttons_and_change_nothing(client: Client, connection: Connection) -> None:
    client.force_login(staff("vera", connection.tenant, permissions="view"))
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])

    shown = client.get(page).content.decode()
    refused = [client.post(at(verb, connection), {"reason": "x"}) for verb in ("run", "pause", "resume", "rewind")]
    refused.append(client.post(page, {"config": '{"layout": "n26"}'}))

    assert "object-tools" not in shown
    assert {answer.status_code for answer in refused} == {403}
    assert not Run.unscoped.exists()
    assert not AuditEntry.unscoped.filter(actor__username="vera").exists()


def test_the_page_links_to_what_its_reader_may_see(client: Client, connection: Connection) -> None:
    page = reverse("admin:ingestion_connection_change", args=[connection.pk])
    links = ("Reconciliations", "Shape of its records", "Audit trail", "All runs")
    actions.run_now(actions.Actor(), connection, wake=False)
    KnownShape.unscoped.create(tenant=connection.tenant, connection=connection, changed_at=timezone.now())
    client.force_login(staff("ada", connection.tenant))
    all_of_them = client.get(page).content.decode()
    client.force_login(staff("vera", connection.tenant, permissions=["view_connection", "view_run"]))
    few = client.get(page).content.decode()

    assert [link for link in links if link in all_of_them] == [*links]
    assert [link for link in links if link in few] == ["All runs"]


def test_staff_without_a_grant_see_why_the_list_is_empty(client: Client, connection: Connection) -> None:
    client.force_login(staff("stray"))

    page = client.get(LIST).content.decode()

    assert "You may not see any tenant yet" in page
    assert "app.payments" not in page


@pytest.mark.slow
def test_the_commands_that_pages_show_are_understood_by_the_command_line(connection: Connection, acme: Tenant) -> None:
    import shlex

    from django.core.management import load_command_class

    from ingestion.admin.pages.dead_letters import DeadLetterAdmin
    from ingestion.admin.pages.runs import RunAdmin
    from ingestion.models import DeadLetter

    parser: Any = load_command_class("ingestion", "ingest").create_parser("manage.py", "ingest")
    run = run_pipeline(payments, acme, records=[{"id": "pay_1", "amount": "much"}])
    from ingestion.admin.pages.connections import VERBS
    from ingestion.admin.pages.credentials import VERBS as CREDENTIAL_VERBS

    credential = actions.set_credential(Actor(), acme, "stripe", {"api_key": "sk-first"})
    pages = [
        (VERBS, connection),
        (RunAdmin.verbs, run),
        (DeadLetterAdmin.verbs, DeadLetter.unscoped.get()),
        (CREDENTIAL_VERBS, credential),
    ]
    lines = [verb.command(obj) for verbs, obj in pages for verb in verbs if verb.command]

    assert len(lines) >= 13
    for line in lines:
        parser.parse_args(shlex.split(line)[2:])


@pytest.mark.slow
def test_a_connection_that_is_due_at_no_time_says_why(console: Client, acme: Tenant) -> None:
    def said(**changes: Any) -> str:
        with registered(over([], **changes)) as pipeline:
            added = actions.connect(Actor(), acme, pipeline.name)
            page = console.get(reverse("admin:ingestion_connection_change", args=[added.pk])).content.decode()
            assert scheduling.why_on_request(added) in page
            assert scheduling.why_on_request(added) in console.get(LIST).content.decode()
            return scheduling.why_on_request(added)

    paid = actions.connect(Actor(), acme, "app.payments", schedule={"off": True})
    assert scheduling.why_on_request(paid) == "its schedule is switched off"
    assert said(schedule=None) == "neither it nor its pipeline has a schedule"
    assert said(schedule=None, source=Pushed()) == "its records are delivered"
