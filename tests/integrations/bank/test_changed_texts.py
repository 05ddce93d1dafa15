"""An entry whose text the bank changed, in files without ids and balances: the run names it beside the stored one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_cuttings import DAY, Booked, Cutting, Write, csv, mt940, ofx
from tests.integrations.bank.test_cuttings_within_days import stored, true
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)


def qif(cutting: Cutting) -> bytes:
    listed = (f"D{each.day:%d/%m/%Y}\nT{each.amount}.00\nM{each.text}\n^\n" for each in cutting.entries)
    return ("!Type:Bank\n" + "".join(listed)).encode()


FORMATS: dict[str, Write] = {"ofx": ofx, "qif": qif, "csv": csv}
LOOKS = [(-40, "Rent"), (-3, "COFFEE SHOP 123"), (9, "Refund"), (-7, "Tea")]
JUNE = [Booked(DAY + timedelta(days=at), *look, "") for at, look in enumerate(LOOKS)]
CLEANED = [JUNE[0], JUNE[1]._replace(text="Coffee Shop"), *JUNE[2:]]


def load_and_note(write: Write, *files: list[Booked], name: str = "acme") -> str:
    """What the runs of the files, one after the other, say."""
    cuttings = (Cutting("", 0, listed, listed[0].day, listed[-1].day) for listed in files)
    settings = {"currency": "EUR", "dates": "dmy", "account": "42"}
    return "\n".join(notes(put(connection(name), "a.txt", write(each), **settings)) for each in cuttings)


def numbers(text: str) -> tuple[int, int]:
    rows = BankTransaction.objects.for_tenant(connection().tenant)
    newer, older = rows.filter(amount=-3).order_by("-pk").values_list("pk", flat=True)
    assert text in {rows.get(pk=newer).description, rows.get(pk=newer).counterparty}
    return newer, older


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.slow
def test_an_entry_of_another_text_in_the_place_of_a_stored_one_is_named_with_both_rows(form: str) -> None:
    run_notes = load_and_note(FORMATS[form], JUNE, CLEANED)

    newer, older = numbers("Coffee Shop")
    assert "1 entry resembles a stored one, with the same day and amount and another text" in run_notes
    assert f"transaction {newer} beside {older} (2026-06-02 -3 EUR)" in run_notes
    assert "the ledger is -3 away from the bank's balance" in run_notes


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.slow
def test_it_is_named_once_whichever_file_comes_again(form: str) -> None:
    load_and_note(FORMATS[form], JUNE, CLEANED)

    assert "resemble" not in load_and_note(FORMATS[form], JUNE, CLEANED, CLEANED[1:], JUNE[:2])


@pytest.mark.slow
def test_an_id_decides_whatever_became_of_the_text() -> None:
    first, second = ([each._replace(name=f"F{at}") for at, each in enumerate(listed)] for listed in (JUNE, CLEANED))

    assert "resemble" not in load_and_note(ofx, first, second)
    rows = BankTransaction.objects.for_tenant(connection().tenant).active()
    assert sorted(rows.values_list("amount", "counterparty"))[1:3] == [(-7, "Tea"), (-3, "Coffee Shop")]


ANOTHER = JUNE[1]._replace(text="Bakery")


@pytest.mark.parametrize(
    "files",
    [
        [JUNE, [*JUNE[:2], ANOTHER, *JUNE[2:]]],
        [[*JUNE[:2], ANOTHER, *JUNE[2:]], JUNE],
        [JUNE[:2], JUNE[2:]],
        [JUNE, [each._replace(day=each.day + timedelta(days=30)) for each in CLEANED]],
    ],
    ids=["beside it", "without it", "the days after", "a month later"],
)
@pytest.mark.slow
def test_an_entry_beside_the_stored_one_is_another_one(files: list[list[Booked]]) -> None:
    assert "resemble" not in load_and_note(csv, *files)
    assert sum(stored("acme").values()) == len({each for listed in files for each in listed})


@pytest.mark.slow
def test_of_more_entries_of_a_day_and_amount_than_are_stored_only_the_surplus_is_named() -> None:
    run_notes = load_and_note(csv, JUNE, [CLEANED[0], CLEANED[1], ANOTHER, *CLEANED[2:]])

    assert "1 entry resembles a stored one" in run_notes


@pytest.mark.slow
def test_a_file_with_ids_beside_one_without_them_is_named() -> None:
    named = [each._replace(name=f"F{at}") for at, each in enumerate(CLEANED)]

    assert "1 entry resembles a stored one, with the same day and amount and another text" in load_and_note(
        ofx, JUNE, named
    )


@pytest.mark.slow
def test_statements_with_balances_are_judged_by_these() -> None:
    opening = Cutting("1", 100, JUNE[:2], DAY, JUNE[1].day), Cutting("2", 60, [ANOTHER, *JUNE[2:]], JUNE[1].day, DAY)

    run_notes = [notes(put(connection(), "a.sta", mt940(each))) for each in opening]

    assert "no balances tell apart" not in "".join(run_notes)
    assert stored("acme") == true([*JUNE, ANOTHER])


@pytest.mark.slow
def test_a_row_that_another_entry_of_the_file_takes_is_not_named() -> None:
    where, coffee = connection(), JUNE[1]._replace(name="F1")
    put(where, "first.ofx", ofx(Cutting("", 0, [coffee], DAY, DAY)))

    both = [coffee._replace(name="F8"), ANOTHER._replace(name="F9")]
    run = put(where, "second.ofx", ofx(Cutting("", 0, both, DAY, DAY)), ids="ignore")

    assert "resemble" not in notes(run)
    assert sum(stored("acme").values()) == 2
