"""Guards that have an "unless": each once in force, and once with its exception turned on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingestion import Context, CredentialError, ErrorBudget, Pipeline, RecordError, actions
from ingestion.models import Connection, DeadLetter, Run, RunArtifact
from ingestion.running.closing import pause_connection
from ingestion.testing import registered
from ingestion.vault import expiry
from tests.ingestion.drift.sources import batch, known, watched
from tests.ingestion.drift.sources import run as run_watched
from tests.ingestion.inbox import Inbox
from tests.ingestion.received import connected, delivered_to, push, webhook_runs
from tests.ingestion.runs import OPERATOR, body, carry, configured, dead_letters, item, load, new_tenant, over, queued

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]

STRICT = ErrorBudget(0.1, at_least=1)
BAD = [item(number, amount="much") for number in range(1, 5)]


def test_the_error_budget_holds_of_a_run_and_not_of_deliveries_which_nobody_sends_again() -> None:
    live = load(over(BAD, error_budget=STRICT))
    with registered(delivered_to(error_budget=STRICT)) as pipeline:
        connection = connected(pipeline)
        push(connection, "d1", *BAD)
        delivered = carry(webhook_runs(connection)[0])

    assert (live.state, live.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert (delivered.state, delivered.dead) == (Run.State.PARTIAL, len(BAD))


def test_a_run_of_rejects_alone_fails_and_an_upload_of_them_is_partial() -> None:
    lenient = ErrorBudget(0.99, 100)
    live = load(over(BAD, error_budget=lenient))
    with registered(over([], source=Inbox(), error_budget=lenient)) as pipeline:
        connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
        data = b"\n".join(map(body, BAD))
        uploaded = carry(actions.upload(OPERATOR, connection, "bad.jsonl", data, wake=False).run)

    assert (live.state, live.error_class) == (Run.State.FAILED, "ErrorBudgetExceeded")
    assert (uploaded.state, uploaded.dead) == (Run.State.PARTIAL, len(BAD))


def raw_pages(run: Run) -> int:
    return RunArtifact.objects.for_tenant(run.tenant_id).filter(run=run, role=RunArtifact.Role.RAW).count()


def test_raw_pages_are_kept() -> None:
    assert raw_pages(load(over([item(1)]))) == 1


def test_raw_pages_are_not_kept_when_the_settings_say_so() -> None:
    with configured(KEEP_RAW_PAGES=False):
        assert raw_pages(load(over([item(1)]))) == 0


def test_raw_pages_are_not_kept_of_files_which_are_kept_themselves() -> None:
    with registered(over([], source=Inbox())) as pipeline:
        connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
        run = carry(actions.upload(OPERATOR, connection, "a.jsonl", body(item(1)), wake=False).run)

    assert (run.ok, raw_pages(run)) == (1, 0)


def test_raw_pages_are_not_kept_of_letters_which_hold_them() -> None:
    tenant = new_tenant()
    load(over([item(1)], transform=_not_yet, error_budget=ErrorBudget(1)), tenant)
    with registered(over([])):
        (run,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False)
        carry(run)

    assert (run.ok, raw_pages(run)) == (1, 0)


def test_raw_pages_are_not_kept_of_records_that_did_not_change() -> None:
    tenant = new_tenant()
    load(over([item(1)]), tenant)

    assert raw_pages(load(over([item(1)]), tenant)) == 0


def test_a_refused_credential_pauses_a_connection_unless_somebody_did() -> None:
    with registered(over([])) as pipeline:
        going, resting = (actions.connect(OPERATOR, new_tenant(), pipeline.name) for _ in range(2))
        actions.pause(OPERATOR, resting, "bank holiday")

        paused = [pause_connection(one.pk, CredentialError("401")) for one in (going, resting)]

    assert paused == [True, False]
    reasons = [Connection.unscoped.get(pk=one.pk).paused_reason for one in (going, resting)]
    assert reasons == ["The source refused the credential.", "bank holiday"]


@pytest.mark.slow
def test_a_good_version_supersedes_the_letters_of_other_runs_and_not_those_of_its_own() -> None:
    other, own = new_tenant(), new_tenant()
    bad, good = item(1, label="bad"), item(1, amount="2.00")
    judged = {"transform": _judge, "error_budget": ErrorBudget(1)}
    load(over([bad], **judged), other)
    load(over([good], **judged), other)
    load(over([bad, item(2), good], page=1, **judged), own)

    assert [dead_letter.status for dead_letter in dead_letters(other)] == [DeadLetter.Status.ABANDONED]
    assert [dead_letter.status for dead_letter in dead_letters(own)] == [DeadLetter.Status.NEW]


@pytest.mark.slow
def test_drift_stops_a_run_and_not_a_replay_whose_letters_say_nothing_of_the_source_today() -> None:
    tenant = new_tenant()
    run_watched(batch(1, extra=1), tenant)
    changed = batch(101, extra="x")

    def pipeline(**changes: Any) -> Pipeline:
        return watched(changed, **changes)

    with registered(pipeline()):
        stopped = carry(queued(pipeline(), tenant))
    load(over(changed, transform=_not_yet, error_budget=ErrorBudget(1)), tenant)
    with registered(pipeline()):
        (tried,) = actions.dry_run_replay(OPERATOR, actions.Selection(tenant), limit=1000)
        (replay,) = actions.replay(OPERATOR, actions.Selection(tenant), wake=False, limit=1000)
        carry(replay)

    assert (stopped.state, stopped.error_class) == (Run.State.FAILED, "SchemaDrift")
    assert (tried.failure, {fate.would for fate in tried.letters}) == ("", {"insert"})
    assert (replay.state, replay.ok) == (Run.State.SUCCEEDED, len(changed))
    assert known(tenant).pending is not None


def test_a_credential_is_told_to_expire_unless_it_lasts_long() -> None:
    soon, late = new_tenant(), new_tenant()
    for tenant, days in ((soon, 3), (late, 300)):
        ends = timezone.now() + timedelta(days=days)
        actions.set_credential(OPERATOR, tenant, "stripe", {"api_key": "sk-first"}, expires_at=ends)

    assert [row.tenant for row in expiry.expiring()] == [soon]


def _not_yet(counting: Any, ctx: Context) -> Any:
    raise AssertionError("not yet")


def _judge(counting: Any, ctx: Context) -> Any:
    if counting.label == "bad":
        raise RecordError("bad")
    return {"external_id": counting.id, "amount": counting.amount}
