"""Dead letters of records that come again, better or worse, and while they are replayed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import BaseModel, field_validator

from ingestion.models import DeadLetter
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    counts,
    dead_letters,
    item,
    load,
    new_tenant,
    over,
    queued,
    replayed,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


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
    assert [(one.stage, one.error_class) for one in dead_letters(tenant)] == [("validate", "KeyError")]


def test_a_letter_of_this_run_is_not_superseded_by_another_version_in_it() -> None:
    tenant = new_tenant()
    newest_first = [{"id": "rec_0001", "amount": "much"}, {"id": "rec_0001", "amount": "1.00"}]

    load(over(newest_first, page=1), tenant)

    assert [one.status for one in dead_letters(tenant)] == [DeadLetter.Status.NEW]


@pytest.mark.slow
def test_a_superseded_letter_opens_again_when_its_record_comes_back_bad() -> None:
    tenant = new_tenant()
    bad = {"id": "rec_0001", "amount": "much"}
    load(over([bad]), tenant)
    load(over([item(1)]), tenant)

    load(over([bad]), tenant)

    assert [(one.status, one.times_seen) for one in dead_letters(tenant)] == [(DeadLetter.Status.NEW, 2)]


@pytest.mark.slow
def test_a_waiting_replay_keeps_its_letters_while_a_live_run_sees_them_again() -> None:
    from ingestion import actions

    tenant = new_tenant()
    bad = {"id": "rec_0001", "amount": "much"}
    load(over([bad]), tenant)
    pipeline = over([bad])
    with registered(pipeline):
        (waiting,) = actions.replay(OPERATOR, actions.Selection(tenant, pipeline.name), wake=False)
        carry(queued(pipeline, tenant))
        carry(waiting)

    assert waiting.read == 1


@pytest.mark.slow
def test_one_damaged_payload_does_not_stop_the_replay_of_the_others() -> None:
    from ingestion import artifacts
    from ingestion.dead_letters import writing

    tenant = new_tenant()
    large = {"id": "rec_0001", "amount": "much", "note": "x" * (writing._INLINE_BYTES + 1)}
    load(over([large, {"id": "rec_0002", "amount": "much"}]), tenant)
    (damaged,) = [one for one in dead_letters(tenant) if one.artifact is not None]
    artifacts.storage().delete(damaged.artifact.path)

    run = replayed(tenant, over([], transform=lambda v, ctx: Entry(external_id=v.id, amount=1)))

    assert run.read == 1
    assert any(f"Dead letter {damaged.pk} was left out" in event.text for event in run.events.all())
