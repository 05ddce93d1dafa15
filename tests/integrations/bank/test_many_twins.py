"""Entries that share day, amount and texts: as much work for each, however many there are of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest

from ingestion.core import registry
from ingestion.models import Connection
from ingestion.testing import registered
from integrations.bank.alignment import Runs
from integrations.bank.courses import Course, course, runs_in_common
from integrations.bank.source import BankFiles
from tests.calls import calls_of
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
FEW, MANY = 60, 240


@contextmanager
def pages_of(size: int) -> Iterator[None]:
    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=size))):
        yield


def twins(count: int, *, number: str = "7/1", opening: int = 0, text: str = "Coffee", ids: str = "") -> bytes:
    lines = [":20:R", ":25:20010020/0012345678", f":28C:{number}", f":60F:C260602EUR{opening},00"]
    for at in range(count):
        lines += [f":61:2606020602C1,00NMSCNONREF{f'//{ids}{at}' if ids else ''}", f":86:{text}"]
    return "\r\n".join([*lines, f":62F:C260602EUR{opening + count},00", "-", ""]).encode()


def one_statement(where: Connection, count: int) -> None:
    put(where, "all.sta", twins(count))


def sent_again_with_other_texts(where: Connection, count: int) -> None:
    put(where, "first.sta", twins(count))
    put(where, "second.sta", twins(count, text="Coffee to go"))


def pages_in_files(where: Connection, count: int) -> None:
    put(where, "first.sta", twins(count // 2))
    put(where, "second.sta", twins(count // 2, number="7/2", opening=count // 2))


def with_ids_to_ignore(where: Connection, count: int) -> None:
    put(where, "first.sta", twins(count, ids="A"))
    put(where, "second.sta", twins(count, number="9/1", ids="B"), ids="ignore")


SHAPES = {
    one_statement: 40,
    sent_again_with_other_texts: 40,
    pages_in_files: 40,
    with_ids_to_ignore: 2000,  # each page reads the rows of other statements that have its days and amounts
}


def work(load: Callable[[Connection, int], None], count: int) -> tuple[int, list[tuple[str, Decimal]]]:
    """Calls made while loading, which do not depend on how quick the machine is; and what is in the ledger then."""
    where = connection(f"of-{count}")
    calls = calls_of(lambda: load(where, count))
    return calls, active(where)


@pytest.mark.slow
@pytest.mark.parametrize("load", SHAPES, ids=lambda load: load.__name__)
def test_four_times_the_twins_are_four_times_the_work(load: Callable[[Connection, int], None]) -> None:
    with pages_of(SHAPES[load]):
        (few, _), (many, entries) = work(load, FEW), work(load, MANY)

    assert many <= 4.5 * few
    assert entries == [("2026-06-02", Decimal(1))] * MANY


def came_and_went(count: int) -> Course:
    """A statement whose balances let nearly every entry be nearly every other."""
    amounts = [Decimal(-1), Decimal(1)] * (count // 2)
    day_course = course(
        Decimal(100), Decimal(100), [(date(2026, 6, 2), amount) for amount in amounts], "7/1", [""] * count
    )
    assert day_course is not None
    return day_course


def looks(count: int) -> int:
    """Calls made to ask of one pair of places whether they may hold one entry."""
    runs = Runs(runs_in_common(came_and_went(count), came_and_went(count // 2)))
    assert len(list(runs.partners(count // 2))) >= count // 5
    answers: list[bool] = []

    calls = calls_of(lambda: answers.extend((runs.pair(count // 2, 0), runs.pair(count // 2, 1))))

    assert answers == [True, False]
    return calls


def test_whether_two_places_may_hold_one_entry_costs_the_same_however_many_runs_there_are() -> None:
    assert looks(MANY) == looks(FEW)
