"""CSV exports of a single row: it names one balance, so only what comes beside it tells what it is."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from integrations.bank.formats import csv_file
from integrations.bank.models import BankTransaction
from integrations.bank.proofs import fault, proofs
from tests.integrations.bank.test_csv_unproved import STATED
from tests.integrations.bank.test_cuttings import archived
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = "Date,Description,Amount,Balance"
BAR, BACK = "2026-06-10,BAR,-10.00,90.00", "2026-06-10,BACK,10.00,100.00"
UNMOVED = "changes no balance and has none of the entries that are stored of it"


def row(text: str) -> bytes:
    return f"{HEADER}\n{text}\n".encode()


def take(*files: bytes, name: str = "acme") -> str:
    return "\n".join(notes(put(connection(name), "a.csv", each, account="77", currency="EUR")) for each in files)


def entries(name: str = "acme") -> list[tuple[Decimal, str]]:
    rows = BankTransaction.objects.for_tenant(connection(name).tenant).active()
    return sorted(rows.values_list("amount", "counterparty"))


def test_a_row_that_moves_nothing_is_an_entry_and_is_stored_once() -> None:
    said = take(*[row("2026-06-10,Info,0.00,100.00")] * 2)

    assert entries() == [(0, "Info")]
    assert said.strip() == ""


@pytest.mark.parametrize("carry", [list, archived], ids=["files", "archive"])
def test_two_rows_that_move_nothing_are_two_and_the_run_says_what_speaks_against_it(carry: type[list[bytes]]) -> None:
    files = [row("2026-06-10,Info,0.00,100.00"), row("2026-06-10,Fee waived,0.00,100.00")]

    said = take(*carry(files))

    assert entries() == [(0, "Fee waived"), (0, "Info")]
    assert UNMOVED in said
    assert "contradicts" not in said


def test_a_row_of_another_text_between_the_same_balances_was_sent_again() -> None:
    said = take(row(BAR), row(BAR.replace("BAR", "Bar & Grill")))

    assert entries() == [(-10, "Bar & Grill")]
    assert "1 entry came again in the same statement with other texts" in said


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("text", ["BAR", "CAFE"])
def test_a_balance_that_comes_back_between_single_rows_is_told_in_every_order(text: str, order: tuple[int]) -> None:
    files = [row(BAR), row(BACK), row(BAR.replace("BAR", text))]

    said = take(*(files[at] for at in order))

    assert [amount for amount, _ in entries()] == [-10, 10]
    assert "and back, in statements without numbers. One that goes the same way again on that day" in said


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ("", "balances proved"),
        ("2026-06-01;0.00;100.00\n", "balances proved"),
        ("2026-06-01;;100.00\n", "not checked: the balances tie, but amounts of booked entries cannot be read"),
        ("2026-06-01;-5.00;100.00\n", ""),
        ("2026-06-01;-5.00;95.00\n", ""),
    ],
    ids=["no row", "a row of nothing", "a row without amount", "a row that moves", "a row that moves and says so"],
)
def test_where_the_file_states_one_balance_before_and_after_a_row_that_moves_is_refused(
    rows: str, verdict: str
) -> None:
    text = f"Before;100.00\nAfter;100.00\nDay;Sum;Balance\n{rows}"

    (statement,) = csv_file.read(text.encode(), STATED)

    why = fault(statement)
    assert ("a difference of -5.00" in str(why)) if not verdict else why is None
    assert why or [proof.verdict for proof in proofs("june.csv", statement)] == [verdict]
