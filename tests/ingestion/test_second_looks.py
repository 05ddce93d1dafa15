"""What a second look at the engine found; each was wrong once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from ingestion import (
    Context,
    Json,
    JsonPages,
    Page,
    Record,
    SourceChanged,
    SumAgrees,
    TenantRef,
    TenantScopeError,
    Transient,
)
from ingestion.core.stages import prepare
from ingestion.models import DeadLetter, Run
from ingestion.testing import Records, registered
from tests.app.oracle import Entry
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    counts,
    due,
    events,
    item,
    letters,
    load,
    new_tenant,
    over,
    queued,
    replayed,
    rows,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def keyless(*values: dict[str, Any]) -> Records:
    return Records(values, key="none")


def test_two_versions_without_ids_on_one_page_end_as_the_last_one_in_every_run() -> None:
    tenant = new_tenant()
    pipeline = over([], source=keyless(item(1), {"id": "rec_0001", "amount": "7.00"}))

    seen = []
    for _ in range(3):
        run = load(pipeline, tenant)
        seen.append((run.state, rows(tenant)))

    assert seen == [(Run.State.SUCCEEDED, {"rec_0001": "7.00"})] * 3


def test_sums_agree_again_when_unchanged_records_have_no_ids_of_their_own() -> None:
    tenant = new_tenant()
    source = Records([item(1), item(2)], key="none", declares={"amount": Decimal(3)})
    pipeline = over([], source=source, reconciliations=(SumAgrees("amount"),))

    first, second = load(pipeline, tenant), load(pipeline, tenant)

    assert (first.state, second.state) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED)
    assert counts(second) == (2, 0, 2, 0)


def test_progress_pays_back_failed_attempts() -> None:
    class Throttled(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            for page in super().extract(ctx, checkpoint):
                yield page
                raise Transient("429")

    tenant = new_tenant()
    with registered(over([], source=Throttled([item(n) for n in range(1, 13)], page_size=1))) as pipeline:
        run = queued(pipeline, tenant)
        for _ in range(13):
            due(run)
            carry(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (12, 12, 0, 0))


def test_a_validator_that_raises_what_it_should_not_costs_its_record_only() -> None:
    class Fussy(BaseModel):
        id: str
        amount: Decimal

        @field_validator("amount")
        @classmethod
        def look_up(cls, value: Decimal) -> Decimal:
            return {Decimal("1.00"): value}[value]

    tenant = new_tenant()

    run = load(
        over([item(1), item(2)], schema=Fussy, transform=lambda v, ctx: Entry(external_id=v.id, amount=1)), tenant
    )

    assert counts(run) == (2, 1, 0, 1)
    assert [(one.stage, one.error_class) for one in letters(tenant)] == [("validate", "KeyError")]


def test_a_letter_of_this_run_is_not_superseded_by_another_version_in_it() -> None:
    tenant = new_tenant()
    newest_first = [{"id": "rec_0001", "amount": "much"}, {"id": "rec_0001", "amount": "1.00"}]

    load(over(newest_first, page=1), tenant)

    assert [one.status for one in letters(tenant)] == [DeadLetter.Status.NEW]


def test_a_superseded_letter_opens_again_when_its_record_comes_back_bad() -> None:
    tenant = new_tenant()
    bad = {"id": "rec_0001", "amount": "much"}
    load(over([bad]), tenant)
    load(over([item(1)]), tenant)

    load(over([bad]), tenant)

    assert [(one.status, one.times_seen) for one in letters(tenant)] == [(DeadLetter.Status.NEW, 2)]


def test_a_name_that_cannot_be_resolved_is_tried_again() -> None:
    with registered(over([], source=Records([], error=socket.gaierror("no such host")))) as pipeline:
        run = carry(queued(pipeline))

    assert (run.state, run.error_class) == (Run.State.QUEUED, "Transient")


def test_cancelling_a_run_that_meets_a_transient_error_ends_it() -> None:
    class Busy(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            Run.unscoped.filter(pk=ctx.run_id).update(cancel_requested=True)
            raise Transient("503")
            yield

    with registered(over([], source=Busy([]))) as pipeline:
        run = carry(queued(pipeline))

    assert run.state == Run.State.CANCELLED


def test_an_unexpected_error_keeps_its_text_out_of_events_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    secret = RuntimeError("GET https://bank.example/?token=CANARY")

    with (
        caplog.at_level("INFO", logger="ingestion"),
        registered(over([], source=Records([], error=secret))) as pipeline,
    ):
        run = carry(queued(pipeline))

    assert run.state == Run.State.FAILED
    assert "failed" in events(run)
    assert "CANARY" not in caplog.text
    assert not any("CANARY" in event.text for event in run.events.all())


def test_a_waiting_replay_keeps_its_letters_while_a_live_run_sees_them_again() -> None:
    from ingestion import actions

    tenant = new_tenant()
    bad = {"id": "rec_0001", "amount": "much"}
    load(over([bad]), tenant)
    pipeline = over([bad])
    with registered(pipeline):
        (waiting,) = actions.replay(OPERATOR, actions.Selection(tenant, pipeline.name), hint=False)
        carry(queued(pipeline, tenant))
        carry(waiting)

    assert waiting.read == 1


def test_one_damaged_payload_does_not_stop_the_replay_of_the_others() -> None:
    from ingestion import artifacts
    from ingestion import letters as dead_letters

    tenant = new_tenant()
    large = {"id": "rec_0001", "amount": "much", "note": "x" * (dead_letters._INLINE_BYTES + 1)}
    load(over([large, {"id": "rec_0002", "amount": "much"}]), tenant)
    (damaged,) = [one for one in letters(tenant) if one.artifact is not None]
    artifacts.storage().delete(damaged.artifact.path)

    run = replayed(tenant, over([], transform=lambda v, ctx: Entry(external_id=v.id, amount=1)))

    assert run.read == 1
    assert any(f"Dead letter {damaged.pk} was left out" in event.text for event in run.events.all())


def test_a_cursor_that_names_its_own_page_stops_the_run() -> None:
    source = JsonPages(lambda ctx, cursor: (b'{"data": []}', "same"))
    ctx = Context(TenantRef(1, "t"), "p", 1, now=None)  # type: ignore[arg-type]

    with pytest.raises(SourceChanged, match="never end"):
        list(source.extract(ctx, None))


def test_combining_a_scoped_query_with_an_unscoped_one_is_refused() -> None:
    ours = Run.objects.for_tenant(new_tenant())

    for combine in (
        lambda: ours | Run.objects.all(),
        lambda: Run.objects.all() | ours,
        lambda: ours & Run.objects.all(),
        lambda: ours.union(Run.objects.all()),
    ):
        with pytest.raises(TenantScopeError):
            list(combine())
    assert list(ours | ours) == []


def test_every_record_renews_the_lease_when_it_is_time() -> None:
    beats: list[int] = []
    ctx = Context(TenantRef(1, "t"), "p", 1, now=None, beat=lambda: beats.append(1))  # type: ignore[arg-type]
    page = Page([Record(str(n), b"{}") for n in range(3)], None)

    prepare(over([]), ctx, page, lambda keys: {})

    assert len(beats) == 3
