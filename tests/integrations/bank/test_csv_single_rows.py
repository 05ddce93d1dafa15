"""CSV rows that move nothing or stand alone: only what comes beside them tells what they are."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from ingestion.models import DeadLetter
from integrations.bank.formats import csv_file, read_file
from integrations.bank.models import BankTransaction
from integrations.bank.proofs import find_fault, list_proofs
from integrations.bank.statements import Statement
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
    run_notes = take(*[row("2026-06-10,Info,0.00,100.00")] * 2)

    assert entries() == [(0, "Info")]
    assert run_notes.strip() == ""


@pytest.mark.parametrize("carry", [list, archived], ids=["files", "archive"])
def test_two_rows_that_move_nothing_are_two_and_the_run_says_what_speaks_against_it(carry: type[list[bytes]]) -> None:
    files = [row("2026-06-10,Info,0.00,100.00"), row("2026-06-10,Fee waived,0.00,100.00")]

    run_notes = take(*carry(files))

    assert entries() == [(0, "Fee waived"), (0, "Info")]
    assert UNMOVED in run_notes
    assert "contradicts" not in run_notes


@pytest.mark.slow
def test_a_row_of_another_text_between_the_same_balances_was_sent_again() -> None:
    run_notes = take(row(BAR), row(BAR.replace("BAR", "Bar & Grill")))

    assert entries() == [(-10, "Bar & Grill")]
    assert "1 entry came again in the same statement with other texts" in run_notes


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("text", ["BAR", "CAFE"])
@pytest.mark.slow
def test_a_balance_that_comes_back_between_single_rows_is_told_in_every_order(text: str, order: tuple[int]) -> None:
    files = [row(BAR), row(BACK), row(BAR.replace("BAR", text))]

    run_notes = take(*(files[at] for at in order))

    assert [amount for amount, _ in entries()] == [-10, 10]
    assert "and back, in statements without numbers. One that goes the same way again on that day" in run_notes


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

    why = find_fault(statement)
    assert ("a difference of -5.00" in str(why)) if not verdict else why is None
    assert why or [proof.verdict for proof in list_proofs("june.csv", statement)] == [verdict]


def listed(*rows: str) -> Statement:
    (statement,) = read_file("\n".join([HEADER, *rows, ""]).encode(), currency="EUR")
    return statement


A, B = "2026-06-10,A,-5.00,95.00", "2026-06-12,B,-5.00,90.00"


@pytest.mark.parametrize(
    "rows",
    [
        ["2026-06-09,Opening balance,,100.00", A, B],
        [A, "2026-06-11,Notice,,95.00", B],
        [A, "2026-06-11,Notice,,95.00", "2026-06-11,Another,,95.00", B],
        [B, "2026-06-11,Notice,,95.00", A],
        [A, B, "2026-06-13,Closing balance,,90.00"],
        ["2026-06-13,Closing balance,,90.00", B, A, "2026-06-09,Opening balance,,100.00"],
        ["2026-06-10,A,0.00,95.00", "2026-06-10,Notice,,95.00", "2026-06-10,B,0.00,95.00"],
    ],
    ids=["opening", "between", "two", "newest first", "closing", "both, newest first", "one day either way"],
)
def test_a_row_without_amount_that_moves_nothing_is_left_out_and_counted(rows: list[str]) -> None:
    statement = listed(*rows)

    assert [each.position for each in statement.entries] == [0, 1]
    assert {each.counterparty for each in statement.entries} == {"A", "B"}
    assert statement.left_out == {"rows that state a balance": len(rows) - 2}
    assert statement.opening is not None


@pytest.mark.parametrize(
    "rows",
    [
        [A, "2026-06-11,Lost,,94.00", "2026-06-12,B,-5.00,89.00"],
        ["2026-06-09,Lost,,99.00", A, B],
        [A, "2026-06-13,Lost,,100.00"],
        [A, "2026-06-10,Either way,,100.00"],
        [A, "2026-06-11,No balance,,", B],
        [A, "2026-06-11,Text,n/a,95.00", B],
        [A, "2026-06-11,There,,99.00", "2026-06-11,And back,,95.00", B],
        ["2026-06-08,Lost,,99.00", "2026-06-09,Lost too,,100.00", A, B],
    ],
    ids=[
        *("another balance", "at the beginning", "at the end", "one day", "no balance", "no number"),
        *("there and back", "two at the beginning"),
    ],
)
def test_a_row_that_may_have_lost_its_amount_is_kept_for_a_dead_letter(rows: list[str]) -> None:
    statement = listed(*rows)

    assert len(statement.entries) == len(rows)
    assert statement.left_out == {}


def test_a_row_that_is_left_out_is_counted_on_its_run() -> None:
    where = connection()

    run = put(where, "june.csv", row(f"{A}\n2026-06-11,Notice,,95.00\n{B}"), account="77", currency="EUR")

    assert (run.state, run.ok, run.dead, run.left_out) == ("succeeded", 2, 0, {"rows that state a balance": 1})


SALARY = "2026-06-09,Salary,,100.00"


@pytest.mark.parametrize(
    "rows",
    [[SALARY, A, B], [B, A, SALARY], [SALARY, "2026-06-09,Notice,,100.00", A, B], ["2026-06-10,Salary,,100.00", A]],
    ids=["oldest first", "newest first", "two", "one day"],
)
def test_the_oldest_row_without_amount_may_be_money_and_is_asked_about(rows: list[str]) -> None:
    where = connection()

    run = put(where, "june.csv", row("\n".join(rows)), account="77", currency="EUR")

    assert (run.state, run.dead) == ("partial", 1)
    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert "the row 'Salary' without an amount may state a balance" in dead_letter.errors[0]["message"]
    assert 'balance_rows="leave out"' in dead_letter.errors[0]["message"]


def test_the_oldest_row_without_amount_is_left_out_and_counted_where_the_config_says_so() -> None:
    config = {"account": "77", "currency": "EUR", "balance_rows": "leave out"}

    run = put(connection(), "june.csv", row("\n".join([SALARY, A, B])), **config)

    assert (run.state, run.ok, run.dead, run.left_out) == ("succeeded", 2, 0, {"rows that state a balance": 1})


def test_what_may_be_money_is_not_asked_about_where_the_config_says_that_it_is() -> None:
    where = connection()

    put(where, "june.csv", row("\n".join([SALARY, A, B])), account="77", currency="EUR", balance_rows="post")

    dead_letter = DeadLetter.objects.for_tenant(where.tenant).get()
    assert "'' is not an amount" in dead_letter.errors[0]["message"]


@pytest.mark.parametrize(("before", "left_out"), [("105.00", 1), ("100.00", 0)])
def test_the_oldest_row_without_amount_is_left_out_where_the_file_states_its_balance(
    before: str, left_out: int
) -> None:
    rows = "2026-06-01;;105.00\n2026-06-02;-5.00;100.00\n"
    text = f"Before;{before}\nAfter;100.00\nDay;Sum;Balance\n{rows}"

    (statement,) = csv_file.read(text.encode(), STATED)

    assert sum(statement.left_out.values()) == left_out
