"""Dead-letter review in the console."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.actions import Actor, Selection
from ingestion.models import AuditEntry, DeadLetter, Run, Tenant
from ingestion.testing import make_tenant, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff

LIST = reverse("admin:ingestion_deadletter_changelist")
REPLAY = reverse("admin:ingestion_deadletter_replay_matching")


def bad(name: str, **values: Any) -> dict[str, Any]:
    return {"id": name, "amount": "much", **values}


@pytest.fixture
def dead_letter(acme: Tenant) -> DeadLetter:
    run_pipeline(payments, acme, records=[bad("pay_1")])
    return DeadLetter.unscoped.get()


def page_of(dead_letter: DeadLetter, verb: str = "change") -> str:
    return reverse(f"admin:ingestion_deadletter_{verb}", args=[dead_letter.pk])


def many(tenant: Tenant, count: int) -> None:
    """Letters in bulk, copies of one real one."""
    run_pipeline(payments, tenant, records=[bad("first")])
    one = DeadLetter.unscoped.get(tenant=tenant)
    copies = []
    for number in range(count - 1):
        copy = DeadLetter.unscoped.get(pk=one.pk) if not copies else DeadLetter(**_columns(one))
        copy.pk, copy.identity, copy.source_id = None, f"{number:064x}", f"copy_{number}"
        copies.append(copy)
    DeadLetter.unscoped.bulk_create(copies, batch_size=500)


def _columns(dead_letter: DeadLetter) -> dict[str, Any]:
    return {field.attname: getattr(dead_letter, field.attname) for field in dead_letter._meta.concrete_fields}


def test_the_list_shows_open_letters_with_their_first_error(console: Client, dead_letter: DeadLetter) -> None:
    page = console.get(LIST).content.decode()

    assert "pay_1" in page
    assert "amount: Input should be a valid decimal" in page


@pytest.mark.parametrize("page", [LIST, reverse("admin:ingestion_deadletter_causes")])
def test_no_letter_does_not_say_that_nothing_failed(client: Client, acme: Tenant, page: str) -> None:
    failed = f"{reverse('admin:ingestion_run_changelist')}?state__exact=failed"
    shown = {}

    for name, permissions in {"reader": ["view_deadletter", "view_run"], "clerk": ["view_deadletter"]}.items():
        client.force_login(staff(name, acme, permissions=permissions))
        shown[name] = client.get(page).content.decode()

    assert (
        f'No open dead letter. Files and runs that failed as a whole are under <a href="{failed}">Runs</a>.'
        in shown["reader"]
    )
    assert "No open dead letter. Files and runs that failed as a whole are under Runs." in shown["clerk"]
    assert failed not in shown["clerk"]


def test_letters_that_are_done_leave_the_list_until_asked_for(console: Client, dead_letter: DeadLetter) -> None:
    actions.abandon(Actor(), dead_letter, "not ours")

    assert "pay_1" not in console.get(LIST).content.decode()
    assert "pay_1" in console.get(LIST, {"status": "abandoned"}).content.decode()


def test_a_letter_is_found_by_its_source_id(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("pay_1"), bad("pay_2")])

    page = console.get(LIST, {"q": "pay_2"}).content.decode()

    assert "· pay_2<" in page
    assert "· pay_1<" not in page


def test_payload_and_errors_stand_side_by_side(console: Client, dead_letter: DeadLetter) -> None:
    page = console.get(page_of(dead_letter)).content.decode()

    assert "decimal_parsing" in page
    assert "&quot;amount&quot;: &quot;much&quot;" in page


def test_the_payload_needs_its_own_permission(client: Client, dead_letter: DeadLetter) -> None:
    client.force_login(staff("vera", dead_letter.tenant, permissions="view"))

    page = client.get(page_of(dead_letter)).content.decode()

    assert "decimal_parsing" in page
    assert "much" not in page
    assert client.get(page_of(dead_letter, "payload")).status_code == 403


def test_payloads_cannot_be_searched_by_those_who_may_not_read_them(client: Client, dead_letter: DeadLetter) -> None:
    client.force_login(staff("vera", dead_letter.tenant, permissions="view"))

    assert client.get(LIST, {"payload__contains": "much"}).status_code == 400
    assert client.get(LIST, {"note__startswith": "x"}).status_code == 400


def test_a_payload_is_downloaded_as_it_came_and_that_is_noted(console: Client, dead_letter: DeadLetter) -> None:
    answer = console.get(page_of(dead_letter, "payload"))

    assert answer.content == bytes(dead_letter.payload)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert AuditEntry.unscoped.get(action="download").target == f"payload of dead letter {dead_letter.pk}"


def test_triage_keeps_the_note(console: Client, dead_letter: DeadLetter) -> None:
    console.post(page_of(dead_letter, "triage"), {"note": "asked the shop"})

    dead_letter.refresh_from_db()
    assert (dead_letter.status, dead_letter.note) == ("triaged", "asked the shop")


def test_abandoning_needs_a_reason(console: Client, dead_letter: DeadLetter) -> None:
    console.post(page_of(dead_letter, "abandon"), {"reason": " "})
    dead_letter.refresh_from_db()
    assert dead_letter.status == "new"

    console.post(page_of(dead_letter, "abandon"), {"reason": "test data"})
    dead_letter.refresh_from_db()
    assert dead_letter.status == "abandoned"


def test_a_letter_is_closed_as_arrived_another_way_with_a_reason(console: Client, dead_letter: DeadLetter) -> None:
    console.post(page_of(dead_letter, "settle"), {"reason": " "})
    dead_letter.refresh_from_db()
    assert dead_letter.status == "new"

    console.post(page_of(dead_letter, "settle"), {"reason": "entered by hand"})
    dead_letter.refresh_from_db()
    assert (dead_letter.status, dead_letter.note) == ("settled", "entered by hand")
    assert "pay_1" in console.get(LIST, {"status": "settled"}).content.decode()
    assert "Settled" in console.get(page_of(dead_letter)).content.decode()


def test_one_letter_is_replayed_from_its_page(console: Client, dead_letter: DeadLetter) -> None:
    console.post(page_of(dead_letter, "replay"), {"reason": "mended"})

    run = Run.unscoped.get(kind=Run.Kind.REPLAY)
    dead_letter.refresh_from_db()
    assert dead_letter.replay_run == run
    assert AuditEntry.unscoped.get(action="replay").reason == "mended"


def test_the_other_letters_of_its_connection_stay_when_one_is_replayed_from_its_page(
    console: Client, dead_letter: DeadLetter, acme: Tenant
) -> None:
    run_pipeline(payments, acme, records=[bad("pay_2")])
    other = DeadLetter.unscoped.get(source_id="pay_2")

    console.post(page_of(dead_letter, "replay"), {"reason": "mended"})

    other.refresh_from_db()
    assert other.replay_run is None


def test_letters_of_another_tenant_are_not_counted_by_their_numbers(client: Client, dead_letter: DeadLetter) -> None:
    client.force_login(staff("other", make_tenant("globex")))

    page = client.get(REPLAY, {"ids": str(dead_letter.pk)}).content.decode()

    assert "No open dead letter matches" in page


def test_a_letter_under_replay_is_not_offered_to_a_bulk_replay(console: Client, dead_letter: DeadLetter) -> None:
    actions.replay(Actor(), Selection(dead_letter.tenant))

    page = console.get(REPLAY, {"ids": str(dead_letter.pk)}).content.decode()

    assert "No open dead letter matches" in page


def test_a_letter_under_replay_is_not_replayed_twice(console: Client, dead_letter: DeadLetter) -> None:
    actions.replay(Actor(), Selection(dead_letter.tenant))

    page = console.post(page_of(dead_letter, "replay"), {"reason": "again"}).content.decode()

    assert "under replay by another run" in page
    assert Run.unscoped.filter(kind=Run.Kind.REPLAY).count() == 1


def test_letters_are_grouped_by_cause(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("a"), bad("b"), bad("c", amount="1", updated_at="never")])

    page = console.get(reverse("admin:ingestion_deadletter_causes")).content.decode()

    causes = {dead_letter.fingerprint for dead_letter in DeadLetter.unscoped.all()}
    assert len(causes) == 2
    assert all(f"?fingerprint={cause}" in page for cause in causes)


@pytest.mark.slow
def test_the_confirmation_counts_what_the_lists_filter_leaves_over(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("a"), bad("b")])
    actions.triage(Actor(), DeadLetter.unscoped.get(source_id="a"), "seen")

    assert "<strong>2</strong>" in console.get(REPLAY).content.decode()
    assert "<strong>1</strong>" in console.get(REPLAY, {"status": "triaged"}).content.decode()
    assert "No open dead letter matches" in console.get(REPLAY, {"status": "replayed"}).content.decode()


@pytest.mark.slow
def test_more_letters_than_a_form_could_name_are_replayed_by_filter(console: Client, acme: Tenant) -> None:
    """An action on 1,501 ids fails with HTTP 400 in Django; here the filter is what is posted."""
    many(acme, 1501)
    across = {"action": "replay_chosen", "select_across": "1", "_selected_action": "1"}

    confirm = console.post(f"{LIST}?status=new", across).headers["Location"]
    page = console.get(confirm).content.decode()
    console.post(confirm, {"limit": 1501, "upto": 10**9, "reason": "mended"})

    assert confirm == f"{REPLAY}?status=new"
    assert "<strong>1,501</strong>" in page
    run = Run.unscoped.get(kind=Run.Kind.REPLAY)
    assert DeadLetter.unscoped.filter(replay_run=run).count() == 1501


def test_ticked_letters_go_to_the_same_confirmation(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("a"), bad("b"), bad("c")])
    ticked = list(DeadLetter.unscoped.exclude(source_id="b").order_by("pk").values_list("pk", flat=True))

    confirm = console.post(LIST, {"action": "replay_chosen", "_selected_action": ticked}).headers["Location"]
    console.post(confirm, {"limit": 100, "upto": 10**9, "reason": "mended"})

    assert sorted(DeadLetter.unscoped.filter(replay_run__isnull=False).values_list("pk", flat=True)) == ticked


def test_the_limit_takes_the_oldest_letters(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("a"), bad("b"), bad("c")])

    console.post(REPLAY, {"limit": 2, "upto": 10**9, "reason": "a few first"})

    assert list(DeadLetter.unscoped.filter(replay_run__isnull=True).values_list("source_id", flat=True)) == ["c"]


def test_letters_that_came_after_the_confirmation_was_shown_stay_out(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[bad("a")])
    shown = DeadLetter.unscoped.get()
    run_pipeline(payments, acme, records=[bad("b")])

    console.post(REPLAY, {"limit": 100, "upto": shown.pk, "reason": "what I saw"})

    assert DeadLetter.unscoped.get(replay_run__isnull=False) == shown


def test_a_bulk_replay_needs_a_reason_and_a_sane_limit(console: Client, dead_letter: DeadLetter) -> None:
    for wrong in ({"limit": 10, "reason": ""}, {"limit": 0, "reason": "x"}, {"limit": 10**6, "reason": "x"}):
        console.post(REPLAY, {"upto": 10**9, **wrong})

    assert not Run.unscoped.filter(kind=Run.Kind.REPLAY).exists()


def test_a_filter_over_several_tenants_makes_one_replay_for_each(client: Client, acme: Tenant) -> None:
    globex, hidden = make_tenant("globex"), make_tenant("hidden")
    for tenant in (acme, globex, hidden):
        run_pipeline(payments, tenant, records=[bad("a")])
    client.force_login(staff("both", acme, globex))

    client.post(REPLAY, {"limit": 100, "upto": 10**9, "reason": "mended"})

    assert sorted(run.tenant.key for run in Run.unscoped.filter(kind=Run.Kind.REPLAY)) == ["acme", "globex"]


@pytest.mark.parametrize("query", ["run=abc", "ids=1;2", "fingerprint=%00", "replay_run=1'"])
def test_a_broken_filter_leads_back_to_the_list(console: Client, dead_letter: DeadLetter, query: str) -> None:
    answer = console.get(f"{REPLAY}?{query}")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}?e=1")
    assert console.get(f"{LIST}?{query}").status_code in (302, 400)


@pytest.mark.slow
def test_replaying_needs_its_permission(client: Client, dead_letter: DeadLetter) -> None:
    client.force_login(staff("vera", dead_letter.tenant, permissions="view"))

    answers = [client.get(REPLAY), client.post(REPLAY, {"limit": 1, "upto": 10**9, "reason": "x"})]
    answers += [
        client.post(page_of(dead_letter, verb), {"reason": "x", "note": "x"})
        for verb in ("replay", "triage", "abandon", "settle", "reopen")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert "Replay all that match" not in client.get(LIST).content.decode()
