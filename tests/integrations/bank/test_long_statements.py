"""Statements longer than a page: whole, again, retried, killed between two pages, and in time linear in entries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from ingestion.core import registry
from ingestion.models import Connection, Run
from ingestion.running import Hooks, execute
from ingestion.testing import registered
from integrations.bank.models import BankTransaction
from integrations.bank.source import BankFiles
from tests.databases import all_on_sqlite
from tests.integrations.bank.test_overlap import active, notes, put, sample
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def three_a_page() -> Iterator[None]:
    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=3))):
        yield


def long(entries: int, *, ids: str = "Q", first: int = 0) -> bytes:
    """An MT940 of one day; all entries have one amount."""
    lines = [":20:R", ":25:20010020/0012345678", ":28C:1/1", f":60F:C260601EUR{first},00"]
    for at in range(first, first + entries):
        lines += [f":61:2606020602C1,00NTRFNONREF//{ids}{at}", f":86:A{at}"]
    return "\r\n".join([*lines, f":62F:C260630EUR{first + entries},00", "-", ""]).encode()


@pytest.mark.every_database
@pytest.mark.slow
def test_a_statement_of_more_entries_than_a_page_holds_loads_whole() -> None:
    where = connection()

    run = load(where, "long.sta", long(2001))

    assert (run.state, run.read, run.ok, run.batches) == (Run.State.SUCCEEDED, 2001, 2001, 2)
    assert run.proofs == {"long.sta": {"balances proved": 1}}
    assert BankTransaction.objects.for_tenant(where.tenant).count() == 2001


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.usefixtures("three_a_page")
@pytest.mark.parametrize("entries", all_on_sqlite([0, 1, 2, 3, 4, 7]))
def test_any_number_of_pages_loads_whole_and_again(entries: int) -> None:
    where = connection()

    run = load(where, "long.sta", long(entries))
    again = put(where, "long.sta", long(entries))

    assert (run.state, run.ok) == (Run.State.SUCCEEDED, entries)
    assert (again.state, again.ok, again.skipped) == (Run.State.SUCCEEDED, 0, entries)
    assert len(active(where)) == entries


@pytest.mark.every_database
@pytest.mark.usefixtures("three_a_page")
@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.slow
def test_a_run_killed_between_two_pages_goes_on_where_it_was(page: int) -> None:
    where = connection()
    run_id = _killed(where, long(7), after=page)

    execute(run_id)

    run = Run.objects.for_tenant(where.tenant).get(pk=run_id)
    assert (run.state, run.read, run.ok) == (Run.State.SUCCEEDED, 7, 7)
    assert len(active(where)) == 7


def _killed(where: Connection, data: bytes, after: int) -> int:
    from ingestion.actions import Actor, upload

    run = upload(Actor(), where, "long.sta", data).run
    left = [after]

    def at(point: str) -> None:
        if point == "committed":
            left[0] -= 1
            if not left[0]:
                raise Killed

    with pytest.raises(Killed):
        execute(run.pk, dataclasses.replace(Hooks(), at=at))
    Run.objects.for_tenant(where.tenant).filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00+00:00")
    return int(run.pk)


@pytest.mark.slow
@pytest.mark.usefixtures("three_a_page")
def test_corrections_and_overlaps_reach_across_pages() -> None:
    where = connection()

    load(where, "02.qfx", sample("02_collated_overlap.qfx"))
    load(where, "a.sta", long(5))
    run = put(where, "b.sta", long(8))

    assert len(active(where)) == 3 + 8
    assert "resemble" not in notes(run)


@pytest.mark.slow
@pytest.mark.usefixtures("three_a_page")
def test_ids_that_change_are_named_on_every_page() -> None:
    where = connection()
    load(where, "a.sta", long(7))

    run = put(where, "b.sta", long(7, ids="Z").replace(b":28C:1/1", b":28C:2/1"))

    assert notes(run).count("resemble") == 3
    assert sum(amount for _, amount in active(where)) == Decimal(14)


@pytest.mark.slow
def test_the_statements_of_a_page_do_not_depend_on_its_entries() -> None:
    counts = []
    for at, entries in enumerate((10, 400)):
        where = connection(f"size-{at}")
        load(where, "first.sta", long(entries))
        with CaptureQueriesContext(
            database,
        ) as queries:
            load(where, "second.sta", long(entries, first=entries))
        counts.append(len(queries))

    assert counts[1] <= counts[0] + 2
