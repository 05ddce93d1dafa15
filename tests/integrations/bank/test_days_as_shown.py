"""What a file shows of a day, held against what is stored of it: a day that a file has whole is not named as in parts."""

from __future__ import annotations

import pytest

from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_cuttings import DAY, Booked
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_parts_of_days import BACK, PARTS, RENT, TEA, export, load_and_note
from tests.integrations.bank.test_pipeline import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
BUS = Booked(DAY, -7, "Bus", "")
SECOND, THIRD = (DAY.replace(day=DAY.day + days) for days in (1, 2))


def test_an_entry_that_was_withdrawn_is_no_part_of_a_day() -> None:
    where = connection()
    put(where, "1.csv", export(RENT, TEA), currency="EUR")
    rows = BankTransaction.objects.for_tenant(where.tenant)
    rows.filter(amount=TEA.amount).update(withdrawn=BankTransaction.Withdrawn.COPY)

    run = put(where, "2.csv", export(RENT, BUS), currency="EUR")

    assert PARTS not in notes(run)


def test_of_a_day_between_its_ends_a_file_shows_what_came_with_it() -> None:
    begin, end = Booked(DAY, -20, "Food", ""), Booked(THIRD, -21, "Food", "")
    rent, tea = RENT._replace(day=SECOND), TEA._replace(day=SECOND)

    assert load_and_note(export(begin, rent, tea, end), export(begin, rent)) == ["", ""]


def test_what_was_named_before_is_not_named_again() -> None:
    told_of = load_and_note(export(RENT, TEA), export(RENT, BACK), export(BUS))

    assert [PARTS in words for words in told_of] == [False, True, False]


def test_an_entry_is_named_for_one_pair_of_files() -> None:
    *_, words = load_and_note(export(RENT, TEA), export(RENT, TEA, BACK), export(RENT, BUS))

    assert [words.count(f"{DAY} {amount} EUR") for amount in (RENT.amount, TEA.amount)] == [1, 1]
