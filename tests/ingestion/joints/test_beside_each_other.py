"""Runs, connections and deliveries that stand beside each other do not take what is the other's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connections

from ingestion import Context, CountsAgree, actions, deliveries, dispatch, meter
from ingestion.core import meters
from ingestion.core.errors import Fenced
from ingestion.models import Delivery, Run, Spending
from ingestion.running import shards
from ingestion.running.claims import claim
from ingestion.testing import Records, registered
from tests.ingestion.backfills.days import TEN_DAYS, backfill, shards_of, windowed
from tests.ingestion.backfills.days import connected as connected_to_days
from tests.ingestion.readers import Watched
from tests.ingestion.received import connected, delivered_to, push
from tests.ingestion.runs import OPERATOR, carry, dead_letters, item, items, load, new_tenant, over, queued, replayed

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

PAGES = "joints.pages"


@pytest.fixture
def _metered() -> Iterator[None]:
    meter(PAGES, "Pages")
    yield
    meters.unregister(PAGES)


def test_the_same_bad_record_of_two_connections_has_two_letters() -> None:
    tenant = new_tenant()
    with registered(over([item(1, amount="much")])) as pipeline:
        for name in ("first", "second"):
            connection = actions.connect(OPERATOR, tenant, pipeline.name, name)
            carry(actions.run_now(OPERATOR, connection, wake=False))

    assert [dead_letter.times_seen for dead_letter in dead_letters(tenant)] == [1, 1]
    assert len({dead_letter.connection_id for dead_letter in dead_letters(tenant)}) == 2


def test_a_record_loaded_by_one_connection_closes_no_letter_of_another() -> None:
    tenant = new_tenant()
    with registered(over([item(1, amount="much")])) as pipeline:
        bad = actions.connect(OPERATOR, tenant, pipeline.name, "bad")
        carry(actions.run_now(OPERATOR, bad, wake=False))
    with registered(over(items(1))) as pipeline:
        good = actions.connect(OPERATOR, tenant, pipeline.name, "good")
        carry(actions.run_now(OPERATOR, good, wake=False))

    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == ["new"]


@pytest.mark.slow
def test_a_replay_judges_no_control_totals() -> None:
    tenant, checks = new_tenant(), (CountsAgree(),)
    source = Records([item(1, amount="much")], declares={"count": Decimal(1)})
    load(over([], source=source, reconciliations=checks), tenant)

    run = replayed(tenant, over([], reconciliations=checks))

    assert run.tally == {}
    assert (
        run.events.filter(name=run.state).get().text
        == "count: not checked, because a replay takes a selection of the records that the total is about"
    )


def test_a_delivery_that_another_run_took_in_rolls_the_whole_batch_back() -> None:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline)
        push(connection, "a", item(1))
        push(connection, "b", item(2))
        run = Run.unscoped.get(connection=connection)
        taken, open_one = Delivery.unscoped.filter(connection=connection).order_by("pk").values_list("pk", flat=True)
        Delivery.unscoped.filter(pk=taken).update(state=Delivery.State.DONE)

        with pytest.raises(Fenced):
            deliveries.mark_done(run, [taken, open_one], datetime.now(UTC))


@pytest.mark.usefixtures("_metered")
def test_a_source_that_is_read_ahead_spends_without_a_database_of_its_own() -> None:
    used: list[str] = []

    def step(number: int, ctx: Context) -> None:
        ctx.spend(PAGES, 2)
        used.extend(one.alias for one in connections.all(initialized_only=True))

    run = load(over([], source=Watched(4, step)))

    assert (run.state, used) == (Run.State.SUCCEEDED, [])
    assert Spending.unscoped.get(run=run, meter=PAGES).total == 8


def test_no_more_shards_are_named_than_slots_are_free() -> None:
    with registered(windowed(TEN_DAYS)) as pipeline:
        parent = backfill(connected_to_days(pipeline), parallel=2)
        first, second, *_ = shards_of(parent)
        assert claim(first.pk) is not None

        assert shards.next_shards(parent) == [second]


def test_a_run_whose_connection_is_at_work_is_not_among_those_whose_turn_it_is() -> None:
    with registered(over(items(1))) as pipeline:
        running = queued(pipeline, new_tenant(tier="enterprise"))  # with room beside the running one
        assert claim(running.pk) is not None
        waits = actions.run_now(OPERATOR, running.connection, wake=False)

        assert waits.pk not in {run.pk for run in dispatch.startable(10_000, [waits.tenant_id])}


def test_a_tenant_at_its_budget_has_no_turn() -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        runs = [
            actions.run_now(OPERATOR, actions.connect(OPERATOR, tenant, pipeline.name, f"c{number}"), wake=False)
            for number in range(dispatch.allowed(tenant.tier) + 1)
        ]
        for run in runs[:-1]:
            assert claim(run.pk) is not None

        assert runs[-1].pk not in {run.pk for run in dispatch.startable(10_000, [tenant.pk])}
