"""Letters that were seen at one moment, or taken in several replays, end in the order in which their records came."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion import Context, actions
from ingestion.actions import Selection
from ingestion.dead_letters.writing import CHUNK
from ingestion.models import DeadLetter, Run, Tenant
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.runs import OPERATOR, carry, dead_letters, item, items, load, new_tenant, replayed, rows
from tests.ingestion.test_replay_order import FIRST, SECOND, reading, refuse, rejected
from tests.ingestion.test_replay_statements import Batches

pytestmark = [pytest.mark.django_db, pytest.mark.every_database]


def replay_some(tenant: Tenant, *, keyed: bool = True, limit: int | None = None, ids: tuple[int, ...] = ()) -> Run:
    with registered(reading(keyed=keyed)):
        (run,) = actions.replay(OPERATOR, Selection(tenant, ids=ids), limit=limit, wake=False)
        return carry(run)


def test_of_two_versions_of_one_page_a_replay_of_the_later_one_closes_the_earlier_one() -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST, SECOND)
    first, second = dead_letters(tenant)

    replay_some(tenant, ids=(second.pk,))

    first.refresh_from_db()
    assert (first.last_seen, first.status) == (second.last_seen, DeadLetter.Status.ABANDONED)
    assert first.note.startswith("Superseded")


@pytest.mark.slow
def test_of_two_versions_of_one_page_a_replay_of_the_earlier_one_leaves_the_later_one_open() -> None:
    tenant = new_tenant()
    rejected(tenant, FIRST, SECOND)
    first, _ = dead_letters(tenant)

    replay_some(tenant, ids=(first.pk,))
    replay_some(tenant)

    assert rows(tenant) == {"rec_0001": "2.00"}


@pytest.mark.slow
def test_of_two_versions_without_an_id_the_earlier_one_does_not_overwrite_what_a_replay_of_the_later_one_wrote() -> (
    None
):
    tenant = new_tenant()
    rejected(tenant, FIRST, SECOND, keyed=False)
    _, second = dead_letters(tenant)
    replay_some(tenant, keyed=False, ids=(second.pk,))

    run = replay_some(tenant, keyed=False)

    assert (rows(tenant), run.skip_reasons) == ({"rec_0001": "2.00"}, {"overtaken": 1})


@pytest.mark.parametrize("keyed", [True, False])
def test_a_bad_version_behind_a_good_one_of_its_page_is_replayed_over_it(keyed: bool) -> None:
    tenant = new_tenant()

    def only_first(value: Any, ctx: Context) -> Entry:
        assert value.amount == Decimal("1.00"), "not yet"
        return Entry(external_id=value.id, amount=value.amount)

    load(reading(FIRST, SECOND, keyed=keyed, transform=only_first), tenant)

    replay_some(tenant, keyed=keyed)

    assert rows(tenant) == {"rec_0001": "2.00"}


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.slow
def test_replays_of_some_letters_at_a_time_take_first_what_was_seen_first(keyed: bool) -> None:
    tenant = new_tenant()
    for version in (FIRST, SECOND, FIRST):
        rejected(tenant, version, keyed=keyed)

    for _ in range(2):
        replay_some(tenant, keyed=keyed, limit=1)

    assert rows(tenant) == {"rec_0001": "1.00"}
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.REPLAYED] * 2


@pytest.mark.slow
def test_more_parts_of_a_letter_than_one_statement_writes_keep_their_order() -> None:
    tenant, buried = new_tenant(), item(2000)
    rejected(tenant, buried)
    first, *more = ({**one, "id": f"part_{one['id']}"} for one in items(CHUNK))
    parts = [first, buried, FIRST, *more, SECOND]
    load(reading(source=Batches(({"name": "may", "sum": "9.99", "entries": parts},))), tenant)

    replayed(tenant, reading(source=Batches((), trusting=True), transform=refuse))

    versions = [
        (dead_letter.last_seen, dead_letter.pk)
        for dead_letter in dead_letters(tenant)
        if dead_letter.source_id == FIRST["id"]
    ]
    assert (len(versions), versions) == (2, sorted(versions))
