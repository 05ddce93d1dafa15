"""Statements of one day in files of their own: what their balances prove holds in every order."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from tests.databases import all_on_sqlite, some
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)


def sta(number: str, opening: str, closing: str, *entries: str) -> bytes:
    """An MT940 statement; balances are "0610 100,00", entries "0610 D10,00 COFFEE"."""
    lines = [":20:STARTUMS", ":25:20010020/0012345678", f":28C:{number}"]
    lines.append(":60F:C26{}EUR{}".format(*opening.split()))
    for entry in entries:
        day, amount, text = entry.split(" ", 2)
        lines += [f":61:26{day}{day}{amount}NTRFNONREF", f":86:{text}"]
    return "\r\n".join([*lines, ":62F:C26{}EUR{}".format(*closing.split()), "-", ""]).encode()


def total(files: tuple[bytes, ...], name: str) -> tuple[int, Decimal]:
    where = connection(name)
    for at, data in enumerate(files):
        put(where, f"{at}.sta", data)
    rows = active(where)
    return len(rows), sum((amount for _, amount in rows), Decimal())


def orders(files: list[bytes]) -> list[tuple[bytes, ...]]:
    """All of up to three files, every fifth of more."""
    return list(permutations(files))[:: 5 if len(files) > 3 else 1]


COFFEE = "0610 D10,00 COFFEE"
HOURS = [sta(f"{n}/1", f"0610 {100 - 10 * n},00", f"0610 {90 - 10 * n},00", COFFEE) for n in range(3)]
CASES = {
    "hours of a day": (HOURS, 3, -30),
    "a booking of the day before": (
        [
            sta("6/1", "0601 100,00", "0630 94,50", "0605 D3,00 X", "0630 D2,50 METRO"),
            sta("7/1", "0701 94,50", "0731 88,00", "0630 D2,50 METRO", "0703 D4,00 Y"),
        ],
        4,
        -12,
    ),
    "another entry between": (
        [
            sta("1/1", "0610 100,00", "0610 90,00", COFFEE),
            sta("2/1", "0610 90,00", "0610 83,00", "0610 D7,00 LUNCH"),
            sta("3/1", "0610 83,00", "0610 73,00", COFFEE),
        ],
        3,
        -27,
    ),
    "numbers that follow each other": (
        [
            sta("7/1", "0609 150,00", "0610 100,00", "0609 D50,00 RENT", COFFEE, "0610 C10,00 REFUND"),
            sta("8/1", "0610 100,00", "0610 90,00", COFFEE),
        ],
        4,
        -60,
    ),
    "numbers that follow each other and nothing changed": (
        [sta(f"{n}/1", "0610 100,00", "0610 100,00", COFFEE, "0610 C10,00 REFUND") for n in (7, 8)],
        4,
        0,
    ),
    "one that begins earlier": (
        [
            sta("1/1", "0610 100,00", "0610 90,00", COFFEE),
            sta("2/1", "0609 90,00", "0610 90,00", "0609 C10,00 REFUND", COFFEE),
        ],
        2,
        0,
    ),
    "the hours and the whole day": (
        [*HOURS, sta("99/1", "0610 100,00", "0610 70,00", COFFEE, COFFEE, COFFEE)],
        3,
        -30,
    ),
    "a day that grows": (
        [sta("5/1", "0610 100,00", f"0610 {100 - 10 * n},00", *[COFFEE] * n) for n in (1, 2, 3)],
        3,
        -30,
    ),
}


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("name", all_on_sqlite(CASES))
def test_the_true_history_wins_in_every_order_and_again(name: str) -> None:
    files, rows, amount = CASES[name]

    ledgers = {
        total((*order, *again), f"order-{at}")
        for at, order in enumerate(some(orders(files), on_sqlite=4))
        for again in [order[: at % 3]]
    }

    assert ledgers == {(rows, Decimal(amount))}


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("name", all_on_sqlite(CASES))
def test_the_true_history_wins_in_one_file_in_every_order(name: str) -> None:
    files, rows, amount = CASES[name]

    ledgers = {total((b"".join(order),), f"file-{at}") for at, order in enumerate(orders(files))}

    assert ledgers == {(rows, Decimal(amount))}


@pytest.mark.slow
@pytest.mark.parametrize("order", all_on_sqlite(["ABC", "BAC", "BCA", "CBA"]))
def test_there_and_back_is_told_from_one_sent_again_by_the_statement_between(order: str) -> None:
    files = {
        "A": sta("1/1", "0610 100,00", "0610 90,00", COFFEE),
        "B": sta("2/1", "0610 90,00", "0610 100,00", "0610 C10,00 REFUND"),
        "C": sta("3/1", "0610 100,00", "0610 90,00", COFFEE),
    }

    assert total(tuple(files[name] for name in order), order) == (3, Decimal(-10))


@pytest.mark.slow
def test_twins_that_balances_prove_resemble_nothing_and_are_not_withdrawn_when_ids_are_ignored() -> None:
    where = connection()
    first, second = put(where, "1.sta", HOURS[0]), put(where, "2.sta", HOURS[1])

    run = put(where, "later.sta", sta("5/1", "0615 80,00", "0615 79,00", "0615 D1,00 X"), ids="ignore")

    assert "resemble" not in notes(first) + notes(second) + notes(run)
    assert sum(amount for _, amount in active(where)) == -21


@pytest.mark.slow
def test_ids_to_ignore_withdraw_no_twin_with_ids_that_balances_prove() -> None:
    where = connection()
    for at, data in enumerate(HOURS[:2]):
        put(where, f"{at}.sta", data.replace(b"NTRFNONREF", b"NTRFNONREF//ID%d" % at))

    for at, data in enumerate(HOURS[:2]):
        put(where, f"{at}.sta", data.replace(b"NTRFNONREF", b"NTRFNONREF//NEW%d" % at), ids="ignore")

    assert [amount for _, amount in active(where)] == [-10, -10]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.slow
def test_a_statement_sent_again_in_another_order_with_a_word_corrected_keeps_its_rows(order: tuple[int, int]) -> None:
    coffee, other = "0610 D10,00 ", "0611 D3,00 X"
    files = [
        sta("1/1", "0601 100,00", "0630 87,00", f"{coffee}COFFEE", other),
        sta("1/1", "0601 100,00", "0630 87,00", other, f"{coffee}COFFE"),
    ]

    assert total(tuple(files[at] for at in order), "reordered") == (2, Decimal(-13))


@pytest.mark.slow
def test_a_bank_that_numbers_all_statements_alike_loses_none_that_changes_no_balance() -> None:
    files = tuple(
        sta("0/1", "0610 100,00", "0610 100,00", f"0610 D10,00 {paid}", f"0610 C10,00 {received}")
        for paid, received in (("RENT", "SALARY"), ("TAX", "REFUND"))
    )

    assert total(files, "alike") == (4, Decimal(0))


def test_balances_that_hold_say_how_many_entries_became_dead_letters() -> None:
    where = connection()

    run = put(where, "day.sta", sta("1/1", "0610 100,00", "0610 89,999", COFFEE, "0610 D0,001 FEE"))

    assert (run.ok, run.dead) == (1, 1)
    assert run.proofs == {"day.sta": {"balances proved; 1 entry not loaded, see the dead letters": 1}}
