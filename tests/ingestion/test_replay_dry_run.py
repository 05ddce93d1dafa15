"""`replay` tried first: what would become of each letter, with nothing written but the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from ingestion import Context, ErrorBudget, Page, Record, Upsert, actions
from ingestion.actions import Actor, Selection
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, DeadLetter, Run, Tenant
from ingestion.running.replay_dry_run import LetterOutcome
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.admin.staff import staff
from tests.ingestion.received import Letterbox, connected, delivered_to, webhook_runs
from tests.ingestion.runs import OPERATOR, body, carry, dead_letters, item, load, new_tenant, over, replayed, rows

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]

PLAIN = Upsert(Entry, key=["external_id"])
VERSIONED = Upsert(Entry, key=["external_id"], version="revision")
STRICT = {"error_budget": ErrorBudget(1)}


def buried(tenant: Tenant, *records: dict[str, Any], destination: Upsert = VERSIONED) -> None:
    """Dead letters of `records` that only a schema of yesterday refused."""

    def refuse(counting: Any, ctx: Any) -> Any:
        raise AssertionError("not yet")

    load(over(records, destination=destination, transform=refuse, **STRICT), tenant)
    assert len(dead_letters(tenant)) >= len(records)


def rehearsed(tenant: Tenant, destination: Upsert = VERSIONED, **selected: Any) -> dict[str, LetterOutcome]:
    with registered(over([], destination=destination)):
        found = actions.dry_run_replay(OPERATOR, Selection(tenant, **selected))
    return {fate.dead_letter.source_id: fate for one in found for fate in one.letters}


@pytest.mark.slow
def test_each_letter_is_told_its_own_fate() -> None:
    tenant = new_tenant()
    load(over([item(2, revision=1), item(3, revision=9)], destination=VERSIONED), tenant)
    before = rows(tenant)
    buried(tenant, item(1), item(2, revision=2), item(3, revision=5), item(4, amount="-1.00"))

    fates = rehearsed(tenant)

    assert {key: fate.would for key, fate in fates.items()} == {
        "rec_0001": "insert", "rec_0002": "update", "rec_0003": "leave", "rec_0004": "fail"
    }  # fmt: skip
    assert fates["rec_0003"].reason == "the stored row is newer and would not be overwritten"
    assert "app_entry_not_negative" in fates["rec_0004"].reason
    assert rows(tenant) == before
    assert {dead_letter.status for dead_letter in dead_letters(tenant)} == {DeadLetter.Status.NEW}
    assert {(dead_letter.replay_attempts, dead_letter.replay_run_id) for dead_letter in dead_letters(tenant)} == {
        (0, None)
    }
    assert not Run.objects.for_tenant(tenant).filter(kind=Run.Kind.REPLAY).exists()


@pytest.mark.slow
def test_the_replay_does_what_was_told() -> None:
    tenant = new_tenant()
    load(over([item(2, revision=1), item(3, revision=9)], destination=VERSIONED), tenant)
    buried(tenant, item(1), item(2, revision=2), item(3, revision=5), item(4, amount="-1.00"))
    would = [fate.would for fate in rehearsed(tenant).values()]

    run = replayed(tenant, over([], destination=VERSIONED))

    assert (run.ok, run.skipped, run.dead) == (would.count("insert") + would.count("update"), 1, 1)


def test_without_a_version_it_is_said_that_the_stored_row_would_be_overwritten() -> None:
    tenant = new_tenant()
    load(over([item(1)], destination=PLAIN), tenant)
    buried(tenant, item(1, amount="7.00"), destination=PLAIN)

    (fate,) = rehearsed(tenant, PLAIN).values()

    assert (fate.would, "no version column" in fate.reason) == ("update", True)


def test_letters_of_one_record_find_what_the_earlier_ones_would_have_left() -> None:
    tenant = new_tenant()
    buried(tenant, item(1, revision=1, amount="7.00"))
    buried(tenant, item(1, revision=2, amount="8.00"))

    with registered(over([], destination=VERSIONED)):
        (one,) = actions.dry_run_replay(OPERATOR, Selection(tenant))

    assert sorted(fate.would for fate in one.letters) == ["insert", "leave"]


@dataclass(frozen=True)
class Mended(Letterbox):
    """Makes three records of a delivery that Letterbox cannot take apart."""

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        made = [item(1), item(2, revision=2), item(3, amount="-1.00")]
        return Page([Record(one["id"], body(one), "part") for one in made], None)


def test_a_letter_that_its_source_takes_apart_is_told_the_fates_of_all_its_records() -> None:
    tenant = new_tenant()
    with registered(delivered_to(destination=VERSIONED)) as pipeline:
        connection = connected(pipeline, tenant)
        actions.deliver(connection, "d1", b"not JSON", wake=False)
        carry(webhook_runs(connection)[0])
    load(over([item(2, revision=1)], destination=VERSIONED), tenant)

    with registered(over([], source=Mended(), destination=VERSIONED)):
        (one,) = actions.dry_run_replay(OPERATOR, Selection(tenant))

    (fate,) = one.letters
    assert (fate.outcomes, fate.would) == (
        {"insert": 1, "update": 1, "fail": 1},
        "insert 1, update 1, fail 1",
    )
    assert "app_entry_not_negative" in fate.reason


def test_what_would_end_the_run_is_told() -> None:
    tenant = new_tenant()
    buried(tenant, item(1))

    def gone(counting: Any, ctx: Any) -> Any:
        raise ActionRefused("a table is not there")

    with registered(over([], destination=VERSIONED, transform=gone)):
        (one,) = actions.dry_run_replay(OPERATOR, Selection(tenant))

    assert one.failure == "ActionRefused: a table is not there"
    assert [fate.would for fate in one.letters] == ["stay open"]


def test_another_tenants_letters_are_not_rehearsed() -> None:
    mine, other = new_tenant(), new_tenant()
    buried(other, item(1))

    with pytest.raises(ActionRefused, match="is not there"):
        rehearsed(mine, ids=[dead_letter.pk for dead_letter in dead_letters(other)])


def test_who_may_not_replay_may_not_rehearse() -> None:
    tenant = new_tenant()
    buried(tenant, item(1))
    user = get_user_model().objects.create_user("nobody")

    with pytest.raises(PermissionDenied):
        actions.dry_run_replay(Actor(user), Selection(tenant))


@pytest.mark.slow
def test_the_console_tries_a_replay_first(client: Client) -> None:
    tenant = new_tenant()
    load(over([item(3, revision=9)], destination=VERSIONED), tenant)
    buried(tenant, item(1), item(3, revision=5))
    client.force_login(staff("olga", tenant))

    with registered(over([], destination=VERSIONED)):
        page = client.post(
            reverse("admin:ingestion_deadletter_replay_matching"), {"limit": 100, "upto": 10**9, "try": "Try it first"}
        ).content.decode()

    assert "<td>insert</td>" in page
    assert "the stored row is newer and would not be overwritten" in page
    assert not Run.objects.for_tenant(tenant).filter(kind=Run.Kind.REPLAY).exists()
    assert AuditEntry.objects.for_tenant(tenant).filter(action="dry-run replay").count() == 1
