"""Runs over the rows of another database: late commits, failures, changes meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from ingestion import (
    Context,
    Pipeline,
    Transient,
)
from ingestion.models import Run
from ingestion.testing import registered
from integrations.databases import Rows
from tests.app.oracle import Entry
from tests.ingestion.runs import carry, counts, finish, load, new_tenant, over, queued, rows
from tests.integrations.databases.conftest import Legacy
from tests.integrations.databases.reading import DAY, at, context, keys, orders, pages, source

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


class Order(BaseModel):
    id: int
    amount: Decimal


def loading(reading: Rows, **changes: Any) -> Pipeline:
    def entry(order: Order, ctx: Context) -> Entry:
        return Entry(external_id=str(order.id), amount=order.amount)

    return over([], source=reading, schema=Order, transform=entry, **changes)


def test_a_source_whose_clock_is_off_is_told(legacy: Legacy) -> None:
    from integrations.databases.rows import _skew

    class Clock:
        def __init__(self, ahead: float) -> None:
            self.ahead = lambda: ahead

    assert _skew(Clock(5)) == []  # type: ignore[arg-type]
    assert "90 s behind" in _skew(Clock(-90))[0]  # type: ignore[arg-type]
    assert "90 s ahead" in _skew(Clock(90))[0]  # type: ignore[arg-type]
    orders(legacy, 1)
    assert [page.notes for page in pages(source())] == [[]]


def test_late_commits_and_a_slow_clock_are_covered_by_the_lag(legacy: Legacy) -> None:
    orders(legacy, 1, 2)
    pipeline = loading(source(of=lambda ctx: {"company": "acme"}), lag=timedelta(minutes=5))
    tenant = new_tenant()
    now = datetime.now(UTC)
    load(pipeline, tenant)
    orders(legacy, 3, when=lambda n: now - timedelta(minutes=4))  # committed late, or dated by a slow clock

    second = load(pipeline, tenant)

    assert (second.read, second.ok) == (1, 1)
    assert set(rows(tenant)) == {"1", "2", "3"}


@pytest.mark.slow
def test_a_run_goes_on_from_its_checkpoint_after_a_failure(legacy: Legacy) -> None:
    orders(legacy, *range(1, 30))
    failing = iter([False, False, True])

    class Flaky(Rows):
        def extract(self, ctx: Context, checkpoint: Any) -> Any:
            for page in super().extract(ctx, checkpoint):
                if next(failing, False):
                    raise Transient("The connection broke.")
                yield page

    reading = Flaky(
        using="legacy", of=lambda ctx: {"company": "acme"}, table="orders", watermark="updated_at", page_size=7
    )
    with registered(loading(reading)) as pipeline:
        run = carry(queued(pipeline))
        assert run.state == Run.State.QUEUED
        finish(run)

    assert counts(run) == (29, 29, 0, 0)


def test_a_row_changed_while_it_is_read_is_read_again(legacy: Legacy) -> None:
    orders(legacy, *range(1, 7))
    reading = source(page_size=2).extract(context(), None)

    first = next(reading)
    legacy.say("UPDATE orders SET amount = 99, updated_at = %s WHERE id = 1", [at(legacy, DAY + timedelta(hours=1))])
    found = [first, *reading]

    assert keys(found) == ["1", "2", "3", "4", "5", "6", "1"]


def test_a_preview_and_a_test_read_for_real(legacy: Legacy) -> None:
    orders(legacy, 1, 2)

    assert keys([source().preview(context())]) == ["1", "2"]
    assert "there are rows" in source().test(context())
    assert "there are no rows" in source().test(context(tenant="nobody"))
