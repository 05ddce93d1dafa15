"""Balances that go away and come back: nothing of a history is lost, in whatever order its files arrive."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from itertools import permutations

import pytest

from ingestion import TenantScopeError
from integrations.bank.models import BankSighting, BankTransaction
from tests.databases import all_on_sqlite, seeds, some
from tests.integrations.bank.test_continued import sta, total
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
LINES = [("D", 10, "COFFEE"), ("C", 10, "REFUND"), ("D", 5, "TEA"), ("C", 5, "CASHBACK")]
History = list[tuple[str, int, str]]


def amount_of(line: tuple[str, int, str]) -> int:
    return -line[1] if line[0] == "D" else line[1]


def statement(number: int, opening: int, lines: History, *, opened: str = "0610") -> bytes:
    entries = [f"0610 {mark}{amount},00 {text}" for mark, amount, text in lines]
    closing = opening + sum(map(amount_of, lines))
    return sta(f"{number}/1", f"{opened} {opening},00", f"0610 {closing},00", *entries)


def cut(pieces: list[History], *, opened: str = "0610") -> list[bytes]:
    """One statement a piece, numbered as they follow each other."""
    files, balance = [], 100
    for number, lines in enumerate(pieces, start=1):
        files.append(statement(number, balance, lines, opened=opened))
        balance += sum(map(amount_of, lines))
    return files


def drawn(seed: int) -> tuple[list[History], random.Random]:
    chance = random.Random(seed)
    pieces = [[chance.choice(LINES) for _ in range(chance.randint(1, 2))] for _ in range(chance.randint(3, 5))]
    return pieces, chance


def stored(name: str) -> Counter[tuple[Decimal, str]]:
    rows = BankTransaction.objects.for_tenant(connection(name).tenant).active()
    return Counter(rows.values_list("amount", "description"))


def true(pieces: list[History]) -> Counter[tuple[Decimal, str]]:
    return Counter((Decimal(amount_of(line)), line[2]) for lines in pieces for line in lines)


@pytest.mark.every_database
@pytest.mark.slow
@pytest.mark.parametrize("opened", ["0610", "0609"])
@pytest.mark.parametrize("order", all_on_sqlite(permutations("ABC")), ids="".join)
def test_there_and_back_ends_in_the_true_ledger_in_every_order(order: tuple[str, ...], opened: str) -> None:
    coffee, refund = LINES[0], LINES[1]
    files = dict(zip("ABC", cut([[coffee], [refund], [coffee]], opened=opened), strict=True))

    assert total(tuple(files[name] for name in order), "order") == (3, Decimal(-10))


@pytest.mark.every_database
@pytest.mark.slow
def test_histories_whose_balances_come_back_lose_and_double_nothing() -> None:
    for seed in seeds(8, elsewhere=3):
        pieces, chance = drawn(seed)
        files = cut(pieces, opened=chance.choice(["0610", "0609"]))
        order = chance.sample(files, len(files))

        total((*order, *chance.sample(files, 2)), f"seed-{seed}")

        assert stored(f"seed-{seed}") == true(pieces), f"seed {seed}"


@pytest.mark.slow
def test_balances_that_change_nothing_are_told_apart_by_numbers_that_follow_each_other() -> None:
    zero, other = [LINES[0], LINES[1]], [LINES[2], LINES[3]]
    files = cut([zero, other, zero])

    for at, order in enumerate(all_on_sqlite(permutations(files))):
        assert total(order, f"order-{at}") == (6, Decimal(0))


@pytest.mark.every_database
@pytest.mark.slow
def test_a_day_of_the_whole_beside_its_pieces_doubles_nothing() -> None:
    coffee, refund = LINES[0], LINES[1]
    pieces = [[coffee], [refund], [coffee]]
    files = [*cut(pieces), statement(99, 100, [coffee, refund, coffee])]

    for at, order in enumerate(some(permutations(files), on_sqlite=6, elsewhere=3)):
        assert total(order, f"order-{at}") == (3, Decimal(-10)), order


@pytest.mark.slow
def test_what_equals_a_stored_statement_but_for_its_number_is_named_and_so_is_its_parting() -> None:
    where = connection()
    coffee, refund = LINES[0], LINES[1]
    first, between, last = cut([[coffee], [refund], [coffee]])
    put(where, "first.sta", first)

    doubted, parted = put(where, "last.sta", last), put(where, "between.sta", between)

    assert "The statement 3/1, STARTUMS (2026-06-10, from 100 to 90, 1 entry) has the day, the balances" in notes(
        doubted
    )
    assert "1 entry that seemed to be sent again is an entry of its own" in notes(parted)


@pytest.mark.every_database
@pytest.mark.slow
def test_sightings_are_of_the_tenants_own_statements() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    coffee, refund = LINES[0], LINES[1]
    first, between, last = cut([[coffee], [refund], [coffee]])
    for at, data in enumerate([first, last]):
        put(ours, f"{at}.sta", data)

    put(theirs, "between.sta", between)

    assert [amount for _, amount in active(ours)] == [Decimal(-10)]
    with pytest.raises(TenantScopeError):
        BankSighting.objects.count()


def contradicting(number: str, opening: str, closing: str, *lines: str) -> bytes:
    return sta(number, f"0610 {opening},00", f"0610 {closing},00", *lines)


RENT = contradicting("5/1", "100", "90", "0610 D10,00 RENT")


@pytest.mark.parametrize(
    "other",
    [
        contradicting("5/1", "100", "80", "0610 D20,00 RENT"),
        contradicting("5/1", "300", "280", "0610 D20,00 RENT"),
    ],
    ids=["other closing", "other balances"],
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_proved_statements_of_one_number_that_contradict_each_other_are_named(other: bytes, turned: bool) -> None:
    where = connection()
    files = [other, RENT] if turned else [RENT, other]
    put(where, "r1.sta", files[0])

    run = put(where, "r2.sta", files[1])

    assert "The statement 5/1, STARTUMS (2026-06-10, from " in notes(run)
    assert " contradicts the stored statement 5/1, STARTUMS (2026-06-10, from " in notes(run)


def test_contradicting_statements_of_one_file_are_named() -> None:
    where = connection()

    run = put(where, "both.sta", RENT + contradicting("5/1", "100", "80", "0610 D20,00 RENT"))

    assert " contradicts the stored statement 5/1" in notes(run)


@pytest.mark.slow
def test_a_statement_that_came_again_with_other_amounts_than_another_one_shows_is_named() -> None:
    where = connection()
    put(where, "r1.sta", contradicting("5/1", "100", "90", "0610 D4,00 RENT", "0610 D6,00 TAX"))
    put(
        where,
        "month.sta",
        sta("90/1", "0601 150,00", "0630 90,00", "0605 D50,00 FOOD", "0610 D4,00 RENT", "0610 D6,00 TAX"),
    )

    run = put(where, "r2.sta", contradicting("5/1", "100", "90", "0610 D3,00 RENT", "0610 D7,00 TAX"))

    assert "came again and contradicts what is stored of it" in notes(run)


@pytest.mark.parametrize(
    "other",
    [
        contradicting("5/1", "100", "85", "0610 D10,00 RENT", "0610 D5,00 TEA"),
        contradicting("5/1", "90", "85", "0610 D5,00 TEA"),
        contradicting("6/1", "100", "80", "0610 D20,00 RENT"),
        sta("5/1", "0710 100,00", "0710 80,00", "0710 D20,00 RENT"),
    ],
    ids=["grown", "goes on", "another number", "another day"],
)
@pytest.mark.slow
def test_a_statement_that_grew_or_goes_on_or_has_another_number_or_day_contradicts_nothing(other: bytes) -> None:
    where = connection()
    put(where, "r1.sta", RENT)

    run = put(where, "r2.sta", other)

    assert "contradicts" not in notes(run)


@pytest.mark.slow
def test_a_day_that_comes_back_without_numbers_is_named() -> None:
    where = connection()
    there = sta("0", "0610 100,00", "0610 90,00", "0610 D10,00 COFFEE")
    back = sta("0", "0610 90,00", "0610 100,00", "0610 C10,00 REFUND")
    put(where, "there.sta", there)

    run = put(where, "back.sta", back)

    assert "The balances of 2026-06-10 go from 90 to 100 and back, in statements without numbers" in notes(run)
    assert "In doubt: 2026-06-10 10 EUR; together 10, by which the ledger may differ" in notes(run)
