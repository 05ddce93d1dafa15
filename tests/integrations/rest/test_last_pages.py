"""What a source leaves out around the records of its last page is no drift, and what it leaves out before is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion.models import Run, Tenant
from ingestion.testing import registered
from integrations.rest import Cursor, NoPages
from integrations.rest.batches import BATCH
from tests.ingestion.drift.sources import batch, notes, watched
from tests.ingestion.runs import carry, new_tenant, queued
from tests.integrations.rest.worlds import World, reply, rest

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]

SIZE = 30


def run(tenant: Tenant, count: int, *, mode: str | None = None, told: Any = None, **values: Any) -> Run:
    """A run over so many records, with the cursor of the next page and what is `told` of each page but the last."""
    records = batch(1, count, **values)

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(dict(request.url.params).get("cursor", 0))
        follows = {"next": str(start + SIZE), "links": {"next": 1}, **(told or {})}
        return reply({"data": records[start : start + SIZE], **(follows if start + SIZE < count else {})})

    source = rest(pagination=Cursor(next="$.next", absent_ends=True)).through(World(answer).connect)
    with registered(watched([], mode=mode, source=source)) as pipeline:  # type: ignore[arg-type]
        return carry(queued(pipeline, tenant))


@pytest.mark.parametrize("mode", [None, "stop"])
@pytest.mark.parametrize(("first", "second"), [(61, 90), (20, 90), (90, 20), (90, 90)])
@pytest.mark.slow
def test_a_last_page_without_the_way_to_a_next_one_is_no_drift(first: int, second: int, mode: str | None) -> None:
    tenant = new_tenant()
    run(tenant, first, mode=mode)

    later = run(tenant, second, mode=mode, label="x")

    assert (later.state, later.error_message) == (Run.State.SUCCEEDED, "")
    assert "drift" not in [name for name, _ in notes(later)]


def test_what_an_earlier_page_lacks_is_drift() -> None:
    tenant = new_tenant()
    run(tenant, 90, mode="stop", told={"version": 2})

    later = run(tenant, 90, mode="stop", label="x")

    assert (later.state, later.error_class) == (Run.State.FAILED, "SchemaDrift")
    assert "$.version is gone" in later.error_message


def test_what_the_only_page_of_a_source_without_pages_lacks_is_drift() -> None:
    tenant = new_tenant()

    def load(first: int, **told: Any) -> Run:
        world = World(lambda request: reply({"data": batch(first, 60), **told}))
        source = rest(pagination=NoPages()).through(world.connect)
        with registered(watched([], source=source)) as pipeline:
            return carry(queued(pipeline, tenant))

    load(1, currency="EUR")

    later = load(101)

    assert (later.state, later.error_class) == (Run.State.FAILED, "SchemaDrift")
    assert "$.currency is gone" in later.error_message


@pytest.mark.slow
def test_a_member_around_the_records_may_change_its_type_and_one_of_the_records_may_not() -> None:
    around, within = new_tenant(), new_tenant()
    run(around, 90, mode="stop", told={"version": 2})
    run(within, 90, mode="stop", label="x")

    later = run(around, 90, mode="stop", told={"version": "three"}, label="x")
    other = run(within, 90, mode="stop", label=5)

    assert (later.state, later.error_message) == (Run.State.SUCCEEDED, "")
    assert (other.state, other.error_class) == (Run.State.FAILED, "SchemaDrift")


@pytest.mark.slow
def test_a_page_of_more_records_than_a_batch_takes_has_its_surroundings_in_each_of_them() -> None:
    tenant = new_tenant()
    made = []
    for count in (30, BATCH + 30):
        body = {"data": batch(1, count, label=str(count)), "version": 2}
        source = rest(pagination={"style": "none"}).through(World(lambda request, body=body: reply(body)).connect)
        with registered(watched([], mode="stop", source=source)) as pipeline:
            made.append(carry(queued(pipeline, tenant)))

    assert [(one.state, one.error_message) for one in made] == [(Run.State.SUCCEEDED, "")] * 2
    assert "drift" not in [name for name, _ in notes(made[1])]
