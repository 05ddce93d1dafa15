"""Backfills and live runs of one connection: their letters, their turns, their secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingestion import Window, actions
from ingestion.core.errors import ActionRefused
from ingestion.models import DeadLetter, Run
from ingestion.running import shards
from ingestion.testing import registered
from tests.ingestion.backfills.days import on_day, windowed
from tests.ingestion.runs import OPERATOR, carry, configured, dead_letters, item, new_tenant, over, queued

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.slow
def test_a_live_run_closes_the_letter_that_a_shard_opened_beside_it() -> None:
    tenant = new_tenant(tier="enterprise")
    with registered(windowed([on_day(1)])) as pipeline:
        shard = queued(pipeline, tenant)
        live = queued(pipeline, tenant)
        windows = [Window(START, START + DAY)]
        parent = actions.backfills.start_shards(
            OPERATOR, live.connection, windows, {"shard": "1d", "parallel": 1}, wake=False
        )
        Run.unscoped.filter(pk=shard.pk).update(kind=Run.Kind.BACKFILL, parent=parent, window_start=START)
        shard.refresh_from_db()

    def meanwhile(point: str) -> None:
        if point == "extracted":
            with registered(over([item(1, amount="much")])):
                carry(shard)

    from ingestion.running import Hooks

    with registered(over([item(1)])):
        carry(live, Hooks(at=meanwhile))

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.status, dead_letter.run_id) == (DeadLetter.Status.ABANDONED, shard.pk)
    assert "newer version" in dead_letter.note


def test_a_waiting_live_run_goes_before_the_next_shard() -> None:
    tenant = new_tenant()  # one run at a time
    with registered(windowed([on_day(1)])) as pipeline, configured(BUDGETS={"free": 1}):
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        windows = [Window(START + n * DAY, START + (n + 1) * DAY) for n in range(3)]
        parent = actions.backfills.start_shards(
            OPERATOR, connection, windows, {"shard": "1d", "parallel": 2}, wake=False
        )

        alone = shards.next_shards(parent)
        actions.run_now(OPERATOR, connection, wake=False)
        beside_a_live_run = shards.next_shards(parent)

    assert len(alone) == 1
    assert beside_a_live_run == []


def test_a_backfill_retried_twice_is_one_backfill() -> None:
    with registered(windowed([on_day(1)])) as pipeline:
        connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
        windows = [Window(START, START + DAY)]
        parent = actions.backfills.start_shards(
            OPERATOR, connection, windows, {"shard": "1d", "parallel": 1}, wake=False
        )
        Run.unscoped.filter(parent=parent).update(state=Run.State.FAILED)
        Run.unscoped.filter(pk=parent.pk).update(state=Run.State.FAILED)
        parent.refresh_from_db()

        first = actions.retry(OPERATOR, parent, "mended", wake=False)
        second = actions.retry(OPERATOR, parent, "mended", wake=False)

    assert first.pk == second.pk
    assert Run.unscoped.filter(retry_of=parent).count() == 1


def test_a_backfill_with_a_secret_in_its_config_is_refused() -> None:
    with registered(windowed([on_day(1)], integration="shop")) as pipeline:
        connection = actions.connect(OPERATOR, new_tenant(), pipeline.name)
        actions.set_credential(OPERATOR, connection.tenant, "shop", {"token": "a-long-and-secret-token-0123456789"})

        with pytest.raises(ActionRefused, match="credential"):
            actions.backfill(
                OPERATOR, connection, START, START + DAY, reason="again", wake=False,
                config={"token": "a-long-and-secret-token-0123456789"},
            )  # fmt: skip
