"""`ingest replay`, `triage`, `abandon`, `settle`, and dead letters in `list` and `show`."""

import dataclasses
from contextlib import AbstractContextManager

import pytest

from ingestion import Pipeline
from ingestion.models import AuditEntry, DeadLetter, Run, Tenant
from ingestion.testing import Records, make_tenant, registered, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.commands.shell import asked, ingest

pytestmark = pytest.mark.django_db


def charge(number: int, **values: object) -> dict[str, object]:
    return {"id": f"pay_{number}", "amount": "1.00", **values}


def bad(tenant: Tenant, *numbers: int) -> list[DeadLetter]:
    """Open letters that today's pipeline still rejects; `mended` makes them load."""
    run_pipeline(payments, tenant, records=[charge(number, currency="EURO") for number in numbers])
    return list(DeadLetter.objects.for_tenant(tenant).order_by("pk"))


def mended() -> AbstractContextManager[Pipeline]:
    return registered(dataclasses.replace(payments, transform=_in_euro))


def _in_euro(paid: object, ctx: object) -> object:
    return payments.transform(paid.model_copy(update={"currency": "EUR"}), ctx)  # type: ignore[attr-defined, arg-type]


def statuses(tenant: Tenant) -> list[str]:
    return list(DeadLetter.objects.for_tenant(tenant).order_by("pk").values_list("status", flat=True))


def test_replay_takes_open_letters_through_the_pipeline_again() -> None:
    tenant = make_tenant()
    bad(tenant, 1, 2)

    with mended():
        (run,) = asked("replay", "--tenant", "acme")["runs"]

    assert (run["kind"], run["state"], run["ok"]) == ("replay", "succeeded", 2)
    assert statuses(tenant) == ["replayed", "replayed"]


def test_replay_that_fails_again_exits_with_3_and_keeps_the_letters_open() -> None:
    tenant = make_tenant()
    bad(tenant, 1)

    answer = ingest("replay", "--tenant", "acme")

    assert (answer.code, statuses(tenant)) == (3, ["new"])


def test_replay_with_dry_run_says_what_would_become_of_each_letter_and_changes_nothing() -> None:
    tenant = make_tenant()
    dead_letters = bad(tenant, 1, 2)

    with mended():
        document = asked("replay", "--tenant", "acme", "--dry-run", "--limit", 1)

    assert [(dead_letter["id"], dead_letter["would"]) for dead_letter in document["dead_letters"]] == [
        (dead_letters[0].pk, "insert")
    ]
    assert statuses(tenant) == ["new", "new"]
    assert not Run.objects.for_tenant(tenant).filter(kind=Run.Kind.REPLAY).exists()


def test_replay_with_dry_run_exits_with_3_and_the_reason_when_letters_would_fail_again() -> None:
    bad(make_tenant(), 1)

    answer = ingest("replay", "--tenant", "acme", "--dry-run")

    assert answer.code == 3
    assert "fail" in answer.out
    assert "currency" in answer.out
    assert "1 of 1 dead letters would fail again" in answer.error


@pytest.mark.parametrize("outcome", ["replayed", "failed again", "settled"])
def test_the_letters_of_a_run_are_listed_whatever_became_of_them(outcome: str) -> None:
    tenant = make_tenant()
    dead_letters = bad(tenant, 1, 2)
    run = dead_letters[0].run_id
    if outcome == "replayed":
        with mended():
            ingest("replay", "--tenant", "acme")
    elif outcome == "failed again":
        ingest("replay", "--tenant", "acme")
    else:
        ingest("settle", *(dead_letter.pk for dead_letter in dead_letters), "--reason", "by hand")

    document = asked("list", "dead-letters", "--run", run)

    assert sorted(dead_letter["id"] for dead_letter in document["dead_letters"]) == sorted(
        dead_letter.pk for dead_letter in dead_letters
    )


def test_the_letters_of_a_run_are_listed_by_status_when_asked() -> None:
    dead_letters = bad(make_tenant(), 1, 2)
    ingest("settle", dead_letters[0].pk, "--reason", "by hand")

    document = asked("list", "dead-letters", "--run", dead_letters[0].run_id, "--status", "new")

    assert [dead_letter["id"] for dead_letter in document["dead_letters"]] == [dead_letters[1].pk]


def test_letters_of_another_tenants_run_are_not_listed() -> None:
    dead_letters = bad(make_tenant(), 1)
    make_tenant("globex")

    assert ingest("list", "dead-letters", "--tenant", "globex", "--run", dead_letters[0].run_id).code == 2


def test_replay_takes_the_oldest_letters_up_to_the_limit() -> None:
    tenant = make_tenant()
    bad(tenant, 1, 2, 3)

    with mended():
        ingest("replay", "--tenant", "acme", "--limit", 2)

    assert statuses(tenant) == ["replayed", "replayed", "new"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--pipeline", "app.other"), 0),
        (("--pipeline", "app.payments"), 2),
        (("--status", "triaged"), 1),
        (("--since", "1h"), 2),
        (("--since", "2999-01-01"), 0),
        (("--fingerprint", "nothing"), 0),
    ],
)
def test_replay_filters(words: tuple[str, ...], expected: int) -> None:
    dead_letters = bad(make_tenant(), 1, 2)
    ingest("triage", dead_letters[0].pk, "--note", "seen")

    with mended():
        answer = ingest("replay", "--tenant", "acme", "--dry-run", *words, "--json")

    assert answer.code == (0 if expected else 1)
    assert len(answer.document.get("dead_letters", [])) == expected


def test_replay_of_single_letters_by_id() -> None:
    tenant = make_tenant()
    dead_letters = bad(tenant, 1, 2)

    with mended():
        ingest("replay", "--tenant", "acme", "--id", dead_letters[1].pk)

    assert statuses(tenant) == ["new", "replayed"]


def test_replay_never_reaches_another_tenant() -> None:
    dead_letters = bad(make_tenant("globex"), 1)
    make_tenant("acme")

    answer = ingest("replay", "--tenant", "acme", "--id", dead_letters[0].pk)

    assert (answer.code, statuses(dead_letters[0].tenant)) == (2, ["new"])
    assert "There is no dead letter" in answer.error


def test_replay_with_queue_leaves_it_to_the_workers() -> None:
    bad(make_tenant(), 1)

    (run,) = asked("replay", "--tenant", "acme", "--queue")["runs"]

    assert run["state"] == "queued"


def test_triage_marks_letters_with_a_note() -> None:
    tenant = make_tenant()
    dead_letters = bad(tenant, 1, 2)

    shown = asked("triage", dead_letters[0].pk, dead_letters[1].pk, "--note", "asked the bank")["dead_letters"]

    assert [(dead_letter["status"], dead_letter["note"]) for dead_letter in shown] == [
        ("triaged", "asked the bank")
    ] * 2


def test_abandon_keeps_the_reason_and_is_audited() -> None:
    tenant = make_tenant()
    (dead_letter,) = bad(tenant, 1)

    ingest("abandon", dead_letter.pk, "--tenant", "acme", "--reason", "test data")

    assert statuses(tenant) == ["abandoned"]
    assert AuditEntry.objects.for_tenant(tenant).filter(action="abandon", reason="test data").exists()


def test_abandon_of_several_letters_is_all_or_nothing() -> None:
    tenant = make_tenant()
    dead_letters = bad(tenant, 1, 2)
    ingest("abandon", dead_letters[1].pk, "--reason", "first")

    answer = ingest("abandon", dead_letters[0].pk, dead_letters[1].pk, "--reason", "again")

    assert (answer.code, statuses(tenant)) == (1, ["new", "abandoned"])


def test_a_letter_of_another_tenant_is_not_there() -> None:
    (dead_letter,) = bad(make_tenant("globex"), 1)
    make_tenant("acme")

    for words in (("abandon", dead_letter.pk, "--reason", "x"), ("triage", dead_letter.pk, "--note", "x")):
        assert ingest(*words, "--tenant", "acme").code == 2
    assert ingest("show", "dead-letter", dead_letter.pk, "--tenant", "acme").code == 2


def test_list_dead_letters_shows_open_ones_without_their_payload() -> None:
    dead_letters = bad(make_tenant(), 1, 2)
    ingest("abandon", dead_letters[0].pk, "--reason", "x")

    document = asked("list", "dead-letters", "--tenant", "acme")

    assert [dead_letter["id"] for dead_letter in document["dead_letters"]] == [dead_letters[1].pk]
    assert "payload" not in document["dead_letters"][0]


def test_list_dead_letters_of_one_run() -> None:
    first, second = make_tenant("acme"), make_tenant("globex")
    (dead_letter,) = bad(first, 1)
    bad(second, 2)

    document = asked("list", "dead-letters", "--run", dead_letter.run_id)

    assert [found["id"] for found in document["dead_letters"]] == [dead_letter.pk]


def test_show_dead_letter_names_every_field_and_hides_the_payload_until_asked() -> None:
    tenant = make_tenant()
    run_pipeline(payments, tenant, records=[{"id": "pay_1", "amount": "x", "status": 5}])
    dead_letter = DeadLetter.objects.for_tenant(tenant).get()

    shown = asked("show", "dead-letter", dead_letter.pk)
    with_payload = asked("show", "dead-letter", dead_letter.pk, "--payload")

    assert [error["path"] for error in shown["errors"]] == ["amount", "status"]
    assert "payload" not in shown["dead_letter"]
    assert '"pay_1"' in with_payload["dead_letter"]["payload"]


def test_what_came_from_outside_cannot_drive_the_terminal() -> None:
    tenant = make_tenant()
    source = Records([{"id": "\x1b[2Jpay", "amount": "x"}])
    run_pipeline(dataclasses.replace(payments, source=source), tenant)

    assert "\x1b" not in ingest("list", "dead-letters").out


def test_settle_keeps_how_the_record_arrived_and_is_audited() -> None:
    tenant = make_tenant()
    (dead_letter,) = bad(tenant, 1)

    (row,) = asked("settle", str(dead_letter.pk), "--tenant", "acme", "--reason", "entered by hand")["dead_letters"]

    assert (row["status"], statuses(tenant)) == ("settled", ["settled"])
    assert AuditEntry.unscoped.get(action="settle").reason == "entered by hand"
    assert (
        asked("list", "dead-letters", "--tenant", "acme", "--status", "settled")["dead_letters"][0]["id"]
        == dead_letter.pk
    )


def test_a_letter_that_a_load_superseded_is_opened_again_and_replayed() -> None:
    tenant = make_tenant()
    (dead_letter,) = bad(tenant, 1)
    DeadLetter.unscoped.filter(pk=dead_letter.pk).update(status="abandoned", note="Superseded: …")
    refused = ingest("replay", "--tenant", "acme", "--id", str(dead_letter.pk))

    (row,) = asked("reopen", str(dead_letter.pk), "--tenant", "acme", "--reason", "it is newer")["dead_letters"]

    assert f"`manage.py ingest reopen {dead_letter.pk} --reason …`" in refused.error
    assert (row["status"], statuses(tenant)) == ("new", ["new"])
    assert AuditEntry.unscoped.get(action="reopen").reason == "it is newer"


def test_letters_of_another_tenant_are_not_opened_again() -> None:
    tenant = make_tenant()
    (dead_letter,) = bad(tenant, 1)
    make_tenant("globex")
    ingest("abandon", str(dead_letter.pk), "--reason", "test data")

    answer = ingest("reopen", str(dead_letter.pk), "--tenant", "globex", "--reason", "theirs")

    assert (answer.code != 0, statuses(tenant)) == (True, ["abandoned"])
