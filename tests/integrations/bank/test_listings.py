"""A statement's row keeps what it lists, so that where it stood is known whatever other statements deliver of it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate

import pytest

from ingestion.actions import Selection, replay
from ingestion.core import registry
from ingestion.models import DeadLetter
from ingestion.running import execute
from ingestion.testing import registered
from integrations.bank.formats import read_file
from integrations.bank.listings import compress, listing, parse_listing, read_listing
from integrations.bank.models import BankStatement
from integrations.bank.source import BankFiles
from tests.integrations.bank.test_cuttings import DAY, FORMATS, Booked
from tests.integrations.bank.test_cuttings_within_days import OPENING, cut, history, loaded, true
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import ACTOR, connection, load
from tests.integrations.bank.test_pipeline import mt940 as written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def two_a_page() -> Iterator[None]:
    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=2))):
        yield


def never_the_same_balance(chance: random.Random, days: int, most: int) -> list[Booked]:
    while True:
        booked = history(chance, [-1, -1, -2, -7, 5], days=days, most=most)
        balances = list(accumulate((each.amount for each in booked), initial=OPENING))
        if len(booked) > 4 and len(set(balances)) == len(balances):
            return booked


def pieces(chance: random.Random, booked: list[Booked], count: int) -> tuple[list[tuple[int, int]], set[int]]:
    """Parts that begin and end anywhere, and which entries they show."""
    starts = [chance.randrange(len(booked) - 1) for _ in range(count)]
    spans = [(start, chance.randint(start + 1, len(booked))) for start in starts]
    return spans, {at for span in spans for at in range(*span)}


def ends_in_the_true_ledger(name: str, form: str, *, days: int, most: int, count: int) -> None:
    chance = random.Random(name)
    booked = never_the_same_balance(chance, days, most)
    spans, shown = pieces(chance, booked, count)
    files = [FORMATS[form][0](cut(booked, *span, "0")) for span in spans]

    rows = loaded(name, [*files, *chance.sample(files, 2)])

    assert rows == true(booked[at] for at in shown), name


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.usefixtures("two_a_page")
@pytest.mark.parametrize("form", ["mt940", "camt"])
@pytest.mark.parametrize("seed", [0, 14])
def test_statements_of_many_pages_that_were_cut_within_days_end_in_the_true_ledger(form: str, seed: int) -> None:
    ends_in_the_true_ledger(f"paged-{form}-{seed}", form, days=2, most=5, count=3)


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("form", ["mt940", "camt"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_entry_that_many_pieces_of_a_day_show_is_stored_once(form: str, seed: int) -> None:
    ends_in_the_true_ledger(f"pieces-{form}-{seed}", form, days=1, most=9, count=6)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["mt940", "camt"])
def test_a_part_that_ends_with_a_day_and_one_that_goes_on_after_it_share_the_last_entry_of_the_day(form: str) -> None:
    looks = [(1, -7), (1, -7), (1, -7), (2, -2), (2, -2)]
    booked = [Booked(DAY.replace(day=day), amount, "Tea", "") for day, amount in looks]
    files = [FORMATS[form][0](cut(booked, *span, "0")) for span in [(0, 5), (2, 5), (1, 3), (0, 5)]]

    assert loaded(f"{form}-ends", files) == true(booked)


@pytest.mark.every_database
@pytest.mark.slow
def test_a_statement_keeps_the_days_and_amounts_it_lists_and_what_came_since_does_not_change_them() -> None:
    where = connection()
    booked = [Booked(DAY, -3, "Tea", ""), Booked(DAY.replace(day=2), 5, "Pay", "A1")]
    put(where, "whole.sta", FORMATS["mt940"][0](cut(booked, 0, 2, "1/1")))
    put(where, "part.sta", FORMATS["mt940"][0](cut(booked, 1, 2, "9/1")))

    first = BankStatement.objects.for_tenant(where.tenant).order_by("pk").first()

    assert first is not None
    assert first.listing is not None
    assert read_listing(first.listing) == {0: (DAY, Decimal(-3), ""), 1: (DAY.replace(day=2), Decimal(5), "")}


def test_a_listing_names_the_ids_of_a_day_that_changes_nothing_and_leaves_gaps_for_what_cannot_be_read() -> None:
    booked = [Booked(DAY, -3, "Tea", "A 1=x"), Booked(DAY, 3, "Back", "A2"), Booked(DAY, 4, "Pay", "A3")]
    broken = FORMATS["camt"][0](cut(booked, 0, 3, "1")).replace(b"4.00", b"4,x0").replace(b"1004", b"1000")
    (statement,) = read_file(broken)

    text = listing(statement)

    assert text == "2026-06-01 -3.00=A%201%3Dx 3.00=A2 x"
    assert parse_listing(text) == {0: (DAY, Decimal(-3), "A 1=x"), 1: (DAY, Decimal(3), "A2")}
    assert read_listing(compress(text)) == parse_listing(text)


@pytest.mark.slow
def test_a_refused_statement_that_is_replayed_without_a_listing_is_told_from_the_one_before() -> None:
    where = connection()
    load(where, "first.sta", written("100,00", [("260105", "-10,00")], "90,00"))
    load(where, "second.sta", written("90,00", [("260105", "-10,00")], "85,00", number="2"))
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    mended = bytes(dead_letter.payload).replace(b'"closing": "85.00"', b'"closing": "80.00"')
    DeadLetter.objects.for_tenant(where.tenant).update(payload=mended)

    (run,) = replay(ACTOR, Selection(where.tenant))
    execute(run.pk)

    assert [amount for _, amount in active(where)] == [Decimal(-10)] * 2
