"""Runs in the console."""

import dataclasses
import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.actions import Actor
from ingestion.dead_letters import causes
from ingestion.models import AuditEntry, DeadLetter, Event, Run, Tenant
from ingestion.testing import Records, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff
from tests.ingestion.commands.shell import asked, ingest

LIST = reverse("admin:ingestion_run_changelist")


def page_of(run: Run) -> str:
    return reverse("admin:ingestion_run_change", args=[run.pk])


def failed(tenant: Tenant) -> Run:
    return run_pipeline(dataclasses.replace(payments, source=Records([], error=RuntimeError("<b>boom</b>"))), tenant)


def test_the_list_shows_kind_state_counts_and_duration(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[{"id": "1", "amount": "1"}, {"id": "2", "amount": "much"}])

    page = console.get(LIST).content.decode()

    assert '<td class="field-kind">Manual</td>' in page
    assert '<td class="field-read">2</td><td class="field-ok">1</td>' in page
    assert re.search(r"<td class=\"field-took\">[\d.]+ m?s</td>", page)


@pytest.mark.slow
def test_a_run_is_found_by_its_number(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme)

    assert page_of(run) in console.get(LIST, {"q": str(run.pk)}).content.decode()
    assert page_of(run) not in console.get(LIST, {"q": "not a number"}).content.decode()
    assert page_of(run) not in console.get(LIST, {"q": "9" * 40}).content.decode()


def test_the_page_tells_the_whole_story(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme, file=("may.jsonl", b"x"), records=[{"id": "1", "amount": "much"}])

    page = console.get(page_of(run)).content.decode()

    assert "may.jsonl (1 byte) uploaded by" in page  # the timeline
    assert "Dead letters of this run: 1" in page
    assert reverse("admin:ingestion_artifact_download", args=[run.artifact_links.first().artifact_id]) in page
    assert f"manage.py ingest show run {run.pk}" in page


@pytest.mark.slow
def test_letters_that_another_run_saw_since_are_not_said_to_be_none(console: Client, acme: Tenant) -> None:
    bad = [{"id": "pay-17", "amount": "much"}]
    first, between, _ = (run_pipeline(payments, acme, records=bad) for _ in range(3))

    of_first, of_between = (console.get(page_of(run)).content.decode() for run in (first, between))

    assert "1 record of this run became a dead letter, seen by other runs since: <code>" in of_first
    assert f"manage.py ingest list dead-letters --run {first.pk}" in of_first
    assert asked("list", "dead-letters", "--run", first.pk)["dead_letters"]
    told = "1 record of this run became a dead letter, seen by other runs before and since: look under the last run"
    assert told in of_between
    assert "list dead-letters" not in of_between
    assert told in ingest("list", "dead-letters", "--run", between.pk).out


@pytest.mark.slow
def test_the_link_to_the_dead_letters_of_a_run_finds_them(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme, records=[{"id": "pay-17", "amount": "much"}])
    run_pipeline(payments, acme, records=[{"id": "pay-18", "amount": "much"}])

    page = console.get(
        reverse("admin:ingestion_deadletter_changelist"), {"status": "all", "run": run.pk}
    ).content.decode()

    assert "pay-17" in page
    assert "pay-18" not in page


@pytest.mark.slow
def test_a_running_page_refreshes_itself_without_javascript(console: Client, acme: Tenant) -> None:
    queued = actions.run_now(Actor(), actions.connect(Actor(), acme, "app.payments"))
    done = run_pipeline(payments, acme)

    page = console.get(page_of(queued), {"_changelist_filters": "q=x"}).content.decode()
    refresh = '<meta http-equiv="refresh" content="10; url=?_changelist_filters=q%3Dx&amp;refreshed=1">'
    assert refresh in page, "an idle limit knows by its address what nobody asked for"
    assert '<meta http-equiv="refresh"' not in console.get(page_of(done)).content.decode()


def test_cancelling_needs_a_reason_and_keeps_it(console: Client, acme: Tenant) -> None:
    run = actions.run_now(Actor(), actions.connect(Actor(), acme, "app.payments"))
    cancel = reverse("admin:ingestion_run_cancel", args=[run.pk])

    console.post(cancel, {"reason": ""})
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED

    console.post(cancel, {"reason": "wrong day"})
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert AuditEntry.unscoped.get(action="cancel").reason == "wrong day"


def test_a_failed_run_is_retried_from_its_page(console: Client, acme: Tenant) -> None:
    run = failed(acme)

    answer = console.post(reverse("admin:ingestion_run_retry", args=[run.pk]), {"reason": "the bank is back"})

    again = Run.unscoped.order_by("-pk").first()
    assert again is not None
    assert again.pk != run.pk
    assert answer.headers["Location"] == page_of(again)
    assert AuditEntry.unscoped.get(action="retry").reason == "the bank is back"


@pytest.mark.slow
def test_a_double_click_on_retry_shows_the_one_run_it_made(console: Client, acme: Tenant) -> None:
    run = failed(acme)
    retry = reverse("admin:ingestion_run_retry", args=[run.pk])

    first, second = (console.post(retry, {"reason": "the bank is back"}) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert Run.unscoped.exclude(pk=run.pk).count() == 1
    assert page_of(run) in console.get(first.headers["Location"]).content.decode()


def test_a_run_that_went_well_offers_nothing_to_retry_or_cancel(console: Client, acme: Tenant) -> None:
    page = console.get(page_of(run_pipeline(payments, acme))).content.decode()

    assert "object-tools" not in page


def test_the_traceback_is_shown_to_those_who_may_see_payloads(client: Client, acme: Tenant) -> None:
    run = failed(acme)
    answers = {}
    for name, permissions in (("vera", "view"), ("olga", "all")):
        client.force_login(staff(name, acme, permissions=permissions))
        answers[name] = client.get(page_of(run)).content.decode()

    assert "RuntimeError" in answers["vera"]
    assert "Traceback" not in answers["vera"]
    assert "Traceback" in answers["olga"]
    assert "<b>boom</b>" not in answers["olga"]


def test_a_long_timeline_is_cut(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme)
    Event.unscoped.bulk_create(Event(tenant=acme, run=run, name="beat", text=f"beat {n}") for n in range(500))

    page = console.get(page_of(run)).content.decode()

    assert page.count("<td>beat</td>") == 100
    assert "what happened before these events is left out here" in page
    assert page.index("beat 400") < page.index("beat 499")


def test_the_timeline_tells_what_happened_from_first_to_last(console: Client, acme: Tenant) -> None:
    page = console.get(page_of(run_pipeline(payments, acme))).content.decode()

    places = [page.index(f"<td>{name}</td>") for name in ("queued", "started", "batch", "succeeded")]
    assert places == sorted(places)


def test_a_partial_run_names_its_first_rejected_record_with_the_reason(console: Client, acme: Tenant) -> None:
    bad = [{"id": "odd", "amount": "much"}, {"id": "worse", "amount": "more"}]
    run = run_pipeline(payments, acme, records=[{"id": "fine", "amount": "1"}, *bad])
    first = DeadLetter.objects.for_tenant(acme).get(source_id="odd")

    page = console.get(page_of(run)).content.decode()

    assert "2 of 3 records were rejected" in page
    box = page[page.index("The first:") :].partition("</div>")[0]
    assert reverse("admin:ingestion_deadletter_change", args=[first.pk]) in box
    assert causes.cause(first.errors) in html.unescape(box)


def test_a_run_whose_letters_are_closed_does_not_blame_another_record(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme, records=[{"id": "odd", "amount": "much"}])
    run_pipeline(payments, acme, records=[{"id": "other", "amount": "much"}])
    actions.abandon(Actor(), DeadLetter.objects.for_tenant(acme).get(source_id="odd"), "known")

    page = console.get(page_of(run)).content.decode()

    assert "1 of 1 record was rejected" in page
    assert "None is open under this run" in page
    assert "The first:" not in page


def test_the_list_tells_two_connections_of_a_pipeline_apart(console: Client, acme: Tenant) -> None:
    actions.run_now(Actor(), actions.connect(Actor(), acme, "app.payments", "berlin"), wake=False)

    assert '<td class="field-used">app.payments berlin</td>' in console.get(LIST).content.decode()


def test_nothing_can_be_added_changed_or_deleted_by_hand(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme)

    refused = [
        console.post(page_of(run), {"state": "succeeded"}),
        console.post(reverse("admin:ingestion_run_delete", args=[run.pk]), {"post": "yes"}),
        console.post(reverse("admin:ingestion_run_add"), {"tenant": acme.pk}),
    ]

    assert [answer.status_code for answer in refused] == [403, 403, 403]
