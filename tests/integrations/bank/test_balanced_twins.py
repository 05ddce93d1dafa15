"""Entries whose text the bank changed: known by the balances around them, or named, and never lost by a guess."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

import pytest

from ingestion.models import Connection
from integrations.bank.models import BankTransaction
from tests.databases import all_on_sqlite
from tests.integrations.bank.camt_messages import balance, entry, message
from tests.integrations.bank.test_continued import sta
from tests.integrations.bank.test_overlap import active, notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)

Line = tuple[int, int, str]
"""Day of the month, amount, text."""
LINES: list[Line] = [(13, -5, "CARD 1234 TESCO"), (14, 10, "SALARY & CO"), (15, -1, "x")]


def export(lines: Sequence[Line], opening: int = 100, *, falling: bool = False) -> bytes:
    balances = list(accumulate((amount for _, amount, _ in lines), initial=opening))[1:]
    rows = [
        f"{day:02}/04/2024,{text},{amount}.00,{at}.00" for (day, amount, text), at in zip(lines, balances, strict=True)
    ]
    return "\n".join(["Date,Description,Amount,Balance", *(rows[::-1] if falling else rows), ""]).encode()


def take(where: Connection, *files: bytes) -> str:
    """Load the files; what their runs note."""
    run_notes = [
        notes(put(where, f"{at}.csv", data, account="77", currency="EUR", layout="first-direct"))
        for at, data in enumerate(files)
    ]
    return "\n".join(run_notes)


def sums(where: Connection) -> list[Decimal]:
    return sorted(amount for _, amount in active(where))


def texts(where: Connection) -> list[str]:
    return list(BankTransaction.objects.for_tenant(where.tenant).active().values_list("counterparty", flat=True))


CHANGES = {
    "another text": "TESCO STORES 3021 DUBLIN",
    "case": "Card 1234 Tesco",
    "truncation": "CARD 1234",
    "a suffix": "CARD 1234 TESCO 13APR",
    "a slash": "CARD/1234/TESCO",
    "an entity": "CARD 1234 &amp; TESCO",
}


@pytest.mark.every_database
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("text", all_on_sqlite(CHANGES.values(), elsewhere=1), ids=all_on_sqlite(CHANGES, elsewhere=1))
def test_an_entry_of_another_text_between_the_same_balances_keeps_its_row(text: str, *, turned: bool) -> None:
    where = connection()
    files = [export(LINES[:2]), export([(13, -5, text), *LINES[1:]])]

    run_notes = take(where, *(files[::-1] if turned else files))

    assert sums(where) == [-5, -1, 10]
    assert "1 entry came with another text between the same balances" in run_notes
    assert (text in texts(where)) is not turned


@pytest.mark.every_database
@pytest.mark.slow
def test_an_entry_of_two_texts_keeps_its_row_whatever_comes_again() -> None:
    where = connection()
    files = [export(LINES[:2]), export([(13, -5, "TESCO"), *LINES[1:]])]

    take(where, *(files[at] for at in (0, 1, 0, 0, 1, 1, 0)))

    assert sums(where) == [-5, -1, 10]


@pytest.mark.every_database
@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.slow
def test_the_newest_entry_of_an_export_keeps_its_row_where_the_next_one_calls_it_otherwise(falling: bool) -> None:
    where = connection()

    take(
        where,
        export(LINES[:2], falling=falling),
        export([LINES[0], (14, 10, "Salary and Co"), LINES[2]], falling=falling),
    )

    assert sums(where) == [-5, -1, 10]


def test_two_exports_in_one_archive_are_held_against_each_other() -> None:
    where, kept = connection(), io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("1.csv", export(LINES[:2]))
        archive.writestr("2.csv", export([(13, -5, "TESCO"), *LINES[1:]]))

    take(where, kept.getvalue())

    assert sums(where) == [-5, -1, 10]


@pytest.mark.slow
def test_the_next_export_meets_the_new_text() -> None:
    where = connection()
    renamed = [(13, -5, "TESCO"), *LINES[1:]]

    take(where, export(LINES[:2]), export(renamed), export([*renamed, (16, -3, "y")]))

    assert sums(where) == [-5, -3, -1, 10]


@pytest.mark.parametrize("order", all_on_sqlite(["ABC", "ACB", "CAB"]))
@pytest.mark.slow
def test_balances_that_come_back_make_no_entry_of_two(order: str) -> None:
    where = connection()
    files = {
        "A": export([(9, -1, "x"), (10, -10, "BAR")], 101),
        "B": export([(10, 10, "REFUND")], 90),
        "C": export([(10, -10, "CAFE"), (11, -2, "y")]),
    }

    run_notes = take(where, *(files[name] for name in order))

    assert sums(where) == [-10, -10, -2, -1, 10]
    assert ("1 entry resembles a stored one, with the same day, amount and balances" in run_notes) == (order[-1] == "B")


def mt940(number: str, *entries: str, closing: str) -> bytes:
    return sta(number, "0301 100,00", closing, *entries)


def camt(name: str, *entries: tuple[str, str, str], closing: str) -> bytes:
    ends = balance("OPBD", "100.00", "2026-03-01"), balance("CLBD", closing, f"2026-{entries[-1][0]}")
    booked = "<BookgDt><Dt>2026-{}</Dt></BookgDt><AddtlNtryInf>{}</AddtlNtryInf>".format
    return message(*ends, *(entry(amount, "CRDT", rest=booked(day, text)) for day, amount, text in entries)).replace(
        b"<Id>1</Id>", f"<Id>{name}</Id>".encode(), 1
    )


CONTRADICTING = {
    "mt940": [
        mt940("1/1", "0302 C5,00 OLD", closing="0302 105,00"),
        mt940("2/1", "0302 C5,00 NEW", "0303 C1,00 Z", closing="0303 106,00"),
    ],
    "camt": [
        camt("S1", ("03-02", "5.00", "OLD"), closing="105.00"),
        camt("S2", ("03-02", "5.00", "NEW"), ("03-03", "1.00", "Z"), closing="106.00"),
    ],
}


@pytest.mark.every_database
@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("form", CONTRADICTING)
def test_two_statements_that_prove_one_entry_of_two_texts_are_named_with_both_rows(form: str, turn: int) -> None:
    where = connection()

    *_, run = [put(where, f"{at}.txt", data) for at, data in enumerate(CONTRADICTING[form][::turn])]

    assert sums(where) == [1, 5, 5]
    rows = (
        BankTransaction.objects.for_tenant(where.tenant).filter(amount=5).order_by("-pk").values_list("pk", flat=True)
    )
    newer, older = rows
    assert f"transaction {newer} beside {older} (2026-03-02 5 EUR). Both count." in notes(run)
    assert "the ledger is 5 away from the bank's balance" in notes(run)


@pytest.mark.slow
def test_a_copy_that_was_taken_out_stays_out_when_its_file_comes_again() -> None:
    where, files = connection(), CONTRADICTING["mt940"]
    for data in files:
        put(where, "a.sta", data)
    copy = BankTransaction.objects.for_tenant(where.tenant).filter(description="NEW")
    original = BankTransaction.objects.for_tenant(where.tenant).get(description="OLD")
    copy.update(withdrawn="copy", replaced_by=original.pk)

    for data in files:
        put(where, "a.sta", data)
    put(where, "b.sta", mt940("3/1", "0302 C5,00 NEW", "0303 C1,00 Z", "0304 C2,00 Y", closing="0304 108,00"))

    assert sums(where) == [1, 2, 5]


def test_statements_of_other_days_or_amounts_are_not_named() -> None:
    where = connection()

    run_notes = take(where, export(LINES[:2]), export([(15, -5, "TESCO"), (16, 10, "SALARY")], 105))

    assert "resemble" not in run_notes
    assert sums(where) == [-5, -5, 10, 10]


@pytest.mark.every_database
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_whatever_is_cut_from_a_history_of_entries_that_come_and_go_none_is_lost(seed: int) -> None:
    chance, where = random.Random(seed), connection()
    lines = history(chance)
    parts = [cut(chance, lines) for _ in range(3)]

    take(
        where, *(export(lines[start:end], 100 + sum(amount for _, amount, _ in lines[:start])) for start, end in parts)
    )

    shown = {lines[at][2] for start, end in parts for at in range(start, end)}
    assert shown == set(texts(where))


@pytest.mark.slow
def test_where_texts_change_with_every_export_the_entries_count_once() -> None:
    chance, where = random.Random(7), connection()
    lines = [(9, -1, "first"), *history(chance), (13, -2, "last")]

    take(where, *(export([(day, amount, f"{text} {at}") for day, amount, text in lines]) for at in range(3)))

    assert sums(where) == sorted(amount for _, amount, _ in lines)


def history(chance: random.Random) -> list[Line]:
    days = sorted(chance.choices((10, 11, 12), k=7))
    return [(day, chance.choice([-10, 10]), f"entry {at}") for at, day in enumerate(days)]


def cut(chance: random.Random, lines: Sequence[Line]) -> tuple[int, int]:
    start, end = sorted(chance.sample(range(len(lines) + 1), 2))
    return start, end


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_an_export_with_its_account_and_balance_above_the_rows_is_no_other(*, turned: bool) -> None:
    where, whole = connection(), (Path(__file__).parent / "samples" / "ing-de.csv").read_bytes()
    newest = whole.index(b"28.03.2024;28.03.2024")
    older = whole[:newest] + whole[whole.index(b"27.03.2024;27.03.2024") :]
    files = [older.replace(b"Saldo;1.050,00", b"Saldo;1.005,50"), whole.replace(b"Firma Muster", b"FIRMA MUSTER GMBH")]

    for at, data in enumerate(files[::-1] if turned else files):
        put(where, f"{at}.csv", data)

    assert sums(where) == [Decimal("-5.5"), Decimal("-5.5"), 911]


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("turn", [1, -1])
def test_an_export_of_one_day_is_held_against_others_in_the_order_that_its_bank_lists(
    turn: int, *, falling: bool
) -> None:
    where = connection()
    files = [
        export([(12, -3, "b"), (12, -5, "c"), (13, -5, "e")], 128, falling=falling),
        export([(12, 8, "d"), (12, -3, "B")], 120, falling=falling),
    ]

    run_notes = take(where, *files[::turn])

    assert sums(where) == [-5, -5, -3, -3, 8]
    assert "1 entry resembles a stored one, with the same day, amount and balances" in run_notes


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.slow
def test_of_two_exports_of_one_day_each_order_is_tried(falling: bool) -> None:
    where = connection()
    files = [
        export([(12, 8, "d"), (12, -3, "b")], 120, falling=falling),
        export([(12, -3, "B"), (12, -6, "c")], 128, falling=falling),
    ]

    assert "1 entry resembles a stored one, with the same day, amount and balances" in take(where, *files)


@pytest.mark.parametrize("falling", [False, True])
def test_a_twin_of_an_unchanged_entry_keeps_its_row_whatever_comes_again(*, falling: bool) -> None:
    where = connection()
    days = [(12, 4, "Tea"), (13, 4, "Coffee"), (13, 4, "Coffee"), (13, 4, "Coffee"), (14, -4, "Tea")]
    changed = [(13, 4, "COFFEE BAR"), (13, 4, "COFFEE BAR"), *days[3:]]
    files = [export(days, falling=falling), export(changed, 104, falling=falling)]

    run_notes = take(where, files[0], files[1], files[1], files[0])

    assert sums(where) == [-4, 4, 4, 4, 4]
    assert texts(where).count("Coffee") == 3
    assert "2 entries came with another text between the same balances" in run_notes
