"""Where nothing tells an entry sent again from a twin the run says so, and what it made of it."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from integrations.bank.courses import course, overlap_in_another_direction, runs_in_common
from tests.databases import some
from tests.integrations.bank.test_cuttings import DAY, Booked, Cutting, archived, csv, mt940, ofx
from tests.integrations.bank.test_cuttings_within_days import cut, stored, true
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
RENT, TEA, BACK = Booked(DAY, -5, "Rent", ""), Booked(DAY, -1, "Tea", ""), Booked(DAY, 1, "Refund", "")


def load_and_note(first: bytes, second: bytes, **config: str) -> str:
    where = connection()
    put(where, "first.txt", first, **config)
    return notes(put(where, "second.txt", second, **config))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("numbers", [("156", "157"), ("156/1", "157/1"), ("0", "0")], ids=" ".join)
@pytest.mark.slow
def test_the_next_statement_that_may_as_well_begin_with_the_end_of_the_last_one_is_named(
    numbers: tuple[str, str], turned: bool
) -> None:
    booked = [RENT, TEA, BACK, TEA, BACK]
    files = [mt940(cut(booked, *span, number)) for span, number in zip([(0, 3), (1, 5)], numbers, strict=True)]

    run_notes = load_and_note(*(files[::-1] if turned else files))

    assert "a balance comes back in it: entries of both may as well be the same, sent again, or be two" in run_notes
    assert "All of them count" in run_notes


@pytest.mark.slow
def test_statements_without_numbers_of_which_one_changes_no_balance_are_named() -> None:
    booked = [RENT, TEA, BACK, TEA, BACK]

    run_notes = load_and_note(*(mt940(cut(booked, *span, "0")) for span in [(0, 3), (3, 5)]))

    assert "one of them changes no balance and has no number" in run_notes


@pytest.mark.parametrize("turned", [False, True])
def test_statements_that_overlap_only_where_a_day_is_listed_from_new_to_old_are_named(turned: bool) -> None:
    booked = shops(5, -1, -2, 5, -2, -2)
    files = [mt940(cut(booked, *span, "0")) for span in [(1, 3), (5, 6)]]

    run_notes = load_and_note(*(files[::-1] if turned else files))

    assert "only if their bank lists a day in the less likely direction" in run_notes
    assert "In doubt: 2026-06-01 -2 EUR; together -2" in run_notes


@pytest.mark.parametrize("order", ["SPW", "PWS"])
def test_statements_that_others_lead_apart_though_one_holds_the_other_are_named(order: str) -> None:
    booked = [RENT, TEA._replace(day=DAY + timedelta(days=1)), BACK._replace(day=DAY + timedelta(days=1))]
    spans = {"W": ((0, 2), "90/1"), "P": ((1, 2), "20/1"), "S": ((2, 3), "30/1")}
    files = {name: mt940(cut(booked, *span, number)) for name, (span, number) in spans.items()}

    run_notes = "".join(notes(put(connection(), f"{name}.sta", files[name])) for name in order)

    assert "the entries may as well be the same, sent again, or be two. All of them count" in run_notes
    assert "In doubt: 2026-06-02 -1 EUR; together -1" in run_notes


def test_exports_that_show_that_they_list_the_newest_entry_first_overlap_in_that_direction() -> None:
    earlier = course(Decimal(100), Decimal(94), [(DAY, Decimal(-2)), (DAY, Decimal(-4))], "", falls=True)
    later = course(Decimal(96), Decimal(93), [(DAY, Decimal(-1)), (DAY, Decimal(-2))], "", falls=True)
    assert earlier is not None
    assert later is not None

    assert runs_in_common(earlier, later)
    assert not overlap_in_another_direction(earlier, later)


def by_amount(cutting: Cutting) -> bytes:
    return mt940(cutting._replace(entries=sorted(cutting.entries, key=lambda each: each.amount)))


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.slow
def test_statements_that_list_their_entries_by_amount_overlap_where_their_balances_say_so(order: tuple[int]) -> None:
    amounts = [-2, -9, -1, -7, -3]
    booked = [Booked(DAY, amount, f"Shop {amount}", "") for amount in amounts]
    files = [by_amount(cut(booked, *span, "0")) for span in [(0, 4), (2, 5)]]

    run_notes = load_and_note(*(files[at] for at in order))

    assert "fit together in another order than the one in which they list their entries" in run_notes
    assert stored("acme") == true(booked)


def test_a_part_of_a_day_that_lies_within_another_listed_by_amount_is_stored_once_and_named() -> None:
    booked = [Booked(DAY, amount, "Shop", "") for amount in (-2, -7, -1, -4)]

    run_notes = load_and_note(by_amount(cut(booked, 0, 4, "0")), by_amount(cut(booked, 1, 3, "0")))

    assert "fit together in another order than the one in which they list their entries" in run_notes
    assert "In doubt: 2026-06-01 -7 EUR; 2026-06-01 -1 EUR; together -8, by which" in run_notes
    assert stored("acme") == true(booked)


def test_equal_entries_that_may_be_one_where_a_bank_may_list_by_amount_all_count_and_are_named() -> None:
    booked = [Booked(DAY, amount, "Shop", "") for amount in (-2, -7, -1, -2)]

    run_notes = load_and_note(by_amount(cut(booked, 0, 4, "0")), by_amount(cut(booked, 1, 3, "0")))

    assert "all of them count. Where their bank lists entries by amount, some may have been sent again" in run_notes
    assert "In doubt: 2026-06-01 -7 EUR; 2026-06-01 -1 EUR" in run_notes


WORDS = "may as well|fit together in another order|have been sent again|do not tell how|changes no balance"


def cut_anywhere(seed: int) -> tuple[list[Booked], list[tuple[int, int]]]:
    """A few days of which nearly every entry has twins, in statements that overlap within days."""
    chance = random.Random(f"by amount {seed}")
    booked = sorted(
        [
            Booked(DAY.replace(day=chance.randint(1, 2)), chance.choice([-1, -1, -2, -3, 5]), "Shop", "")
            for _ in range(9)
        ]
    )
    booked = sorted(chance.sample(booked, len(booked)), key=lambda each: each.day)
    starts = [chance.randrange(len(booked) - 2) for _ in range(3)]
    return booked, [(start, min(start + chance.randint(2, 6), len(booked))) for start in starts]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(10, 20), range(41, 53)], ids=str)
def test_no_entry_of_a_bank_that_lists_by_amount_is_doubled_or_lost_in_silence(seeds: range) -> None:
    silent = []
    for seed in some(seeds, on_sqlite=6):
        booked, spans = cut_anywhere(seed)
        where = connection(f"seed-{seed}")

        runs = [put(where, "a.sta", by_amount(cut(booked, *span, "0"))) for span in spans]

        shown = {at for span in spans for at in range(*span)}
        if stored(f"seed-{seed}") != true(booked[at] for at in shown) and not re.search(
            WORDS, "".join(map(notes, runs))
        ):
            silent.append(seed)
    assert silent == []


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.parametrize(
    ("looks", "spans"),
    [
        ([(-1, "Tea"), (5, "Tea"), (5, "Coffee"), (-1, "Coffee")], [(2, 4), (1, 4)]),
        ([(-5, "Coffee"), (-4, "Tea"), (-5, "Tea"), (12, "Pay"), (5, "Tea"), (5, "Tea")], [(2, 6), (0, 3)]),
    ],
    ids=["a part", "an overlap"],
)
@pytest.mark.slow
def test_entries_of_one_amount_stand_in_any_order_where_a_bank_lists_by_amount(
    looks: list[tuple[int, str]], spans: list[tuple[int, int]], order: tuple[int]
) -> None:
    booked = [Booked(DAY, *look, "") for look in looks]
    files = [by_amount(cut(booked, *span, "0")) for span in spans]

    load_and_note(*(files[at] for at in order))

    assert stored("acme") == true(booked[min(start for start, _ in spans) :])


@pytest.mark.slow
def test_of_two_entries_of_one_amount_no_more_are_one_than_the_balances_say() -> None:
    looks = [(5, "Coffee"), (5, "Tea"), (5, "Coffee"), (-3, "Tea"), (5, "Tea"), (-3, "Coffee")]
    booked = [Booked(DAY, *look, "") for look in looks]

    load_and_note(*(by_amount(cut(booked, *span, "0")) for span in [(2, 6), (0, 3)]))

    assert stored("acme") == true(booked)


@pytest.mark.parametrize(
    ("morning", "evening", "is_named"),
    [
        ([RENT, TEA], [TEA, BACK], True),
        ([RENT, TEA], [RENT, TEA, BACK], False),
        ([RENT, TEA, BACK], [TEA, BACK], False),
        ([RENT], [TEA, BACK], False),
        ([TEA, RENT], [TEA, BACK], True),
        ([TEA, RENT], [TEA, BACK, RENT._replace(amount=-9)], True),
        ([TEA, RENT], [TEA, RENT._replace(text="The rent")], False),
        ([TEA, RENT], [RENT._replace(day=DAY + timedelta(days=1)), TEA], False),
        ([RENT, TEA], [BACK, RENT._replace(amount=-9)], False),
    ],
    ids=[
        "different parts",
        "the day grew",
        "a part of it",
        "nothing equal",
        "an equal entry in its place",
        "more entries",
        "another text",
        "another day",
        "as many others",
    ],
)
@pytest.mark.slow
def test_different_parts_of_a_day_without_ids_and_balances_are_named(
    morning: list[Booked], evening: list[Booked], is_named: bool
) -> None:
    files = [csv(Cutting("", 0, entries, DAY, DAY)) for entries in (morning, evening)]

    run_notes = load_and_note(*files, currency="EUR")

    assert ("show different parts of 2026-06-01 and have no balances" in run_notes) is is_named


def test_statements_without_balances_are_named_by_what_is_known_of_them() -> None:
    cuttings = [Cutting("", 0, entries, DAY, DAY) for entries in ([RENT, TEA], [TEA, BACK, RENT._replace(amount=-9)])]
    dated, undated = (load_and_note(*map(write, cuttings), currency="EUR") for write in (ofx, csv))

    assert "The statements without a number (2 entries) and without a number (3 entries) show different" in undated
    assert "without a number (2026-06-01, 2 entries) and without a number (2026-06-01, 3 entries) show" in dated


def shops(*amounts: int) -> list[Booked]:
    return [Booked(DAY, amount, "Shop", "") for amount in amounts]


COMES_BACK = [RENT, TEA, BACK, TEA, BACK]
LEFT_OPEN = {
    "a balance comes back": [mt940(cut(COMES_BACK, *span, "0")) for span in [(0, 3), (1, 5)]],
    "the numbers follow each other": [
        mt940(cut(COMES_BACK, *span, number)) for span, number in [((0, 3), "156"), ((1, 5), "157")]
    ],
    "one changes nothing": [mt940(cut(COMES_BACK, *span, "0")) for span in [(0, 3), (3, 5)]],
    "another order": [by_amount(cut(shops(-2, -7, -1, -4), *span, "0")) for span in [(0, 4), (1, 3)]],
    "too few to tell the order": [by_amount(cut(shops(-2, -7, -1, -2), *span, "0")) for span in [(0, 4), (1, 3)]],
    "no balances": [csv(Cutting("", 0, entries, DAY, DAY)) for entries in ([RENT, TEA], [TEA, BACK])],
    "another text": [csv(Cutting("", 0, [RENT, tea], DAY, DAY)) for tea in (TEA, TEA._replace(text="Green tea"))],
    "another text between equal balances": [
        mt940(cut([RENT, tea, RENT], 0, 2 + at, f"{at}"))
        for at, tea in enumerate([TEA, TEA._replace(text="Green tea")])
    ],
}
NUMBERS = re.compile(r"transaction [0-9]+ beside [0-9]+")


def all_told(name: str, files: list[bytes]) -> str:
    run_notes = "".join(notes(put(connection(name), "a.txt", data, currency="EUR")) for data in files)
    return NUMBERS.sub("transaction 2 beside 1", run_notes)


@pytest.mark.parametrize("name", LEFT_OPEN)
@pytest.mark.slow
def test_what_the_files_of_one_archive_leave_open_is_told_as_of_files_of_their_own(name: str) -> None:
    files = LEFT_OPEN[name]

    run_notes = all_told("alone", files)

    assert "ompare" in run_notes
    assert all_told("archived", archived(files)) == run_notes
    assert stored("archived") == stored("alone")


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_a_numbered_statement_that_changes_no_balance_and_may_lie_within_another_is_named(turned: bool) -> None:
    booked = [RENT, TEA, BACK, RENT]
    files = [mt940(cut(booked, *span, number)) for span, number in [((0, 4), "10/1"), ((1, 3), "20/1")]]

    run_notes = load_and_note(*(files[::-1] if turned else files))

    assert "one of them changes no balance" in run_notes
    assert "In doubt: 2026-06-01 1 EUR; 2026-06-01 -1 EUR; together 0" in run_notes


@pytest.mark.slow
def test_a_numbered_day_that_changes_no_balance_of_a_statement_that_shows_it_whole_is_not_named() -> None:
    days = [DAY + timedelta(days=at) for at in range(3)]
    booked = [RENT, *(each._replace(day=days[1]) for each in (TEA, BACK)), RENT._replace(day=days[2])]

    run_notes = load_and_note(
        *(mt940(cut(booked, *span, number)) for span, number in [((0, 4), "10/1"), ((1, 3), "20/1")])
    )

    assert "changes no balance" not in run_notes
    assert stored("acme") == true(booked)
