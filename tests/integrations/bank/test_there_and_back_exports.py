"""Exports with a balance in each row, of a day on which the balance goes there and back between a few equal amounts.

Nothing is lost or doubled in silence: the ledger is right, or the run names the entries in doubt and the difference.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, permutations

import pytest

from integrations.bank.formats import read_file
from integrations.bank.listings import Order, compress, listing, parse_listing, read_order
from integrations.bank.statements import Direction
from tests.databases import seeds
from tests.integrations.bank.test_balanced_twins import export, sums, take
from tests.integrations.bank.test_cuttings import DAY, Booked, mt940
from tests.integrations.bank.test_cuttings_within_days import cut
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
Span = Sequence[int]


def part(amounts: Sequence[int], span: Span, *, falling: bool = False) -> bytes:
    start, end = span
    opening = 1000 + sum(amounts[:start])
    return export([(10, amount, "Shop") for amount in amounts[start:end]], opening, falling=falling)


def shown(amounts: Sequence[int], spans: Sequence[Span]) -> list[Decimal]:
    return sorted(Decimal(amounts[at]) for at in {at for span in spans for at in range(*span)})


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_an_export_that_reads_alike_from_both_ends_counts_equal_entries_once_and_names_them(turned: bool) -> None:
    where, amounts = connection(), [5, 5, -5, 5, -5]
    files = [part(amounts, (2, 3)), part(amounts, (3, 5))]

    run_notes = take(where, *(files[::-1] if turned else files))

    assert sums(where) == [-5, 5]
    assert "one of them goes there and back between two balances, so that it reads alike from both ends" in run_notes
    assert "In doubt: 2024-04-10 -5 EUR; together -5, by which the ledger may differ" in run_notes


@pytest.mark.slow
def test_an_entry_that_takes_the_row_of_a_third_export_is_named_beside_that_one() -> None:
    where, amounts = connection(), [5, -5, 5, 5, 5]

    run_notes = take(where, *(part(amounts, span, falling=True) for span in [(4, 5), (2, 4), (0, 2)]))

    assert sums(where) == [-5, 5, 5, 5]
    assert "In doubt: 2024-04-10 5 EUR; together 5, by which the ledger may differ" in run_notes


@pytest.mark.slow
def test_an_entry_between_other_balances_is_none_of_an_export_that_reads_alike_from_both_ends() -> None:
    where, amounts, spans = connection(), [5, -5, 5, -5, 5, 5, -5], [(1, 2), (5, 7)]

    run_notes = take(where, *(part(amounts, span) for span in spans))

    assert sums(where) == shown(amounts, spans)
    assert "In doubt" not in run_notes


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_exports_that_go_there_and_back_between_other_balances_share_no_entry(turned: bool) -> None:
    where = connection()
    files = [export([(10, 5, "Shop"), (10, -5, "Shop")], opening) for opening in (1000, 1005)]

    run_notes = take(where, *(files[::-1] if turned else files), files[0])

    assert sums(where) == [-5, -5, 5, 5]
    assert "In doubt" not in run_notes


@pytest.mark.slow
def test_a_day_that_another_export_shows_whole_is_no_doubt() -> None:
    where, day = connection(), [(10, 5, "Shop"), (10, -5, "Shop")]

    run_notes = take(where, export(day, 100), export([(9, -1, "Tea"), *day, (11, -2, "Tea")], 101))

    assert sums(where) == [-5, -2, -1, 5]
    assert "In doubt" not in run_notes


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.slow
def test_a_single_entry_stands_where_the_balances_of_the_listed_direction_show_it(
    order: tuple[int, ...], falling: bool
) -> None:
    where, amounts, spans = connection(), [-5, -5, 5, -5, -5, -5, -5], [(0, 6), (3, 4), (0, 7)]

    take(where, *(part(amounts, spans[at], falling=falling) for at in order))

    assert sums(where) == shown(amounts, spans)


HISTORIES = {
    "an overlap of parts that read otherwise from the other end": (
        [-5, -5, -5, -5, -5, -5, 5, -5, -5, 5],
        [(0, 1), (2, 8), (0, 5), (0, 10)],
    ),
    "a third shows that the one does not continue the other": ([5, 5, -5, 5, 5], [(0, 1), (0, 3), (0, 5), (1, 5)]),
    "what was taken for one stands at two places of a third": (
        [5, -5, -5, 5, -5, -5, -5, 5],
        [(7, 8), (4, 8), (0, 3), (0, 5)],
    ),
}


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.slow
def test_parts_of_a_day_of_equal_amounts_end_in_the_true_ledger(history: str, falling: bool) -> None:
    where, (amounts, spans) = connection(), HISTORIES[history]

    take(where, *(part(amounts, span, falling=falling) for span in spans))

    assert sums(where) == shown(amounts, spans)


DOUBTED = {
    "another part between the same balances": (
        [-5, -5, 5, 5, 5, 5, 5, -5, -5],
        [(4, 9), (0, 5)],
        "came again and lists entries of a day in another order",
    ),
    "a part that may continue two": (
        [5, 5, 5, 5, 5, 5, 5, -5, -5, -5],
        [(0, 4), (0, 6), (4, 7), (6, 10)],
        "the entries may as well be the same, sent again, or be two. All of them count",
    ),
}


@pytest.mark.parametrize("history", DOUBTED)
@pytest.mark.slow
def test_what_the_balances_leave_open_is_named(history: str) -> None:
    amounts, spans, doubt = DOUBTED[history]

    run_notes = take(connection(), *(part(amounts, span) for span in spans))

    assert doubt in run_notes
    assert "In doubt: 2024-04-10 " in run_notes
    assert "by which the ledger may differ from the bank's balance" in run_notes


def test_a_listing_says_in_which_direction_balances_show_it_or_that_it_reads_alike_from_both_ends() -> None:
    files = [
        part([5, 5, -5], (0, 3)),
        part([5, 5, -5], (0, 3), falling=True),
        part([5, -5], (0, 2)),
        part([5], (0, 1)),
    ]
    statements = [read_file(data, layout="first-direct")[0] for data in files]

    texts = [listing(statement) for statement in statements]

    assert [each.direction for each in statements] == [Direction.RISING, Direction.FALLING, "", ""]
    between = (Decimal(1000), Decimal(1005))
    assert [read_order(compress(text)) for text in texts] == [
        Order(False),
        Order(True),
        Order(between=between),
        Order(),
    ]
    assert [[int(amount) for _, amount, _ in parse_listing(text).values()] for text in texts] == [
        [5, 5, -5],
        [-5, 5, 5],
        [5, -5],
        [5],
    ]


def drawn(chance: random.Random) -> tuple[list[int], list[Span]]:
    """A day of +5 and -5, and four parts of it, from its first entry to its last, that overlap."""
    amounts = [chance.choice([-5, 5]) for _ in range(chance.randint(4, 10))]
    while True:
        spans = sorted(sorted(chance.sample(range(len(amounts) + 1), 2)) for _ in range(4))
        ends = list(accumulate((end for _, end in spans), max))
        overlap = all(start < end for (start, _), end in zip(spans[1:], ends, strict=False))
        if overlap and spans[0][0] == 0 and ends[-1] == len(amounts):
            return amounts, chance.sample(spans, len(spans))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "csv from new to old", "mt940"])
def test_no_part_of_a_day_is_lost_or_doubled_in_silence(form: str) -> None:
    silent = []
    for seed in seeds(4):
        amounts, spans = drawn(random.Random(f"there and back {seed}"))
        where = connection(f"seed-{seed}")
        if form == "mt940":
            booked = [Booked(DAY, amount, "Shop", "") for amount in amounts]
            run_notes = "".join(notes(put(where, "a.sta", mt940(cut(booked, span[0], span[1], "0")))) for span in spans)
        else:
            run_notes = take(where, *(part(amounts, span, falling=form != "csv") for span in spans))

        if Counter(sums(where)) != Counter(shown(amounts, spans)) and "In doubt" not in run_notes:
            silent.append(seed)
    assert silent == []
