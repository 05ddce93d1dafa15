"""What two statements of one history have in common is never more than days, amounts and balances allow."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

import pytest

from integrations.bank.courses import Course, course
from integrations.bank.unordered import are_by_amount, entries_in_both, most_in_common

DAYS = [date(2026, 6, day) for day in (1, 2, 3)]
Booked = list[tuple[date, Decimal]]


def course_of(opening: int, booked: Booked) -> Course:
    closing = opening + sum((amount for _, amount in booked), Decimal())
    whole = course(Decimal(opening), closing, booked, "")
    assert whole is not None
    return whole


def day(*amounts: int) -> Booked:
    return [(DAYS[0], Decimal(amount)) for amount in amounts]


def test_what_two_cuttings_share_is_never_more_than_they_may_have_in_common() -> None:
    for seed in range(400):
        chance = random.Random(seed)
        booked = [(on, Decimal(chance.choice([-1, -2, -3, 5]))) for on in sorted(chance.choices(DAYS, k=9))]
        (start, end), (other_start, other_end) = (sorted(chance.sample(range(10), 2)) for _ in range(2))
        opening, other_opening = (100 + int(sum(amount for _, amount in booked[:at])) for at in (start, other_start))
        cutting, other = course_of(opening, booked[start:end]), course_of(other_opening, booked[other_start:other_end])

        shared = min(end, other_end) - max(start, other_start)

        if max(cutting.first, other.first) <= min(cutting.last, other.last):
            assert shared <= most_in_common(cutting, other) <= entries_in_both(cutting, other).total(), f"seed {seed}"


@pytest.mark.parametrize(
    ("opening", "amounts", "most"),
    [(986, [-7, -1], 0), (998, [-7, -1], 2), (990, [-4, -9], 1), (1009, [-9, -2], 1), (950, [-7, -1], 0)],
    ids=["afterwards", "a part", "its end", "its beginning", "elsewhere"],
)
def test_equal_entries_may_be_one_only_where_the_balances_allow_it(opening: int, amounts: list[int], most: int) -> None:
    whole = course_of(1000, day(-7, -4, -2, -1))

    assert most_in_common(whole, course_of(opening, day(*amounts))) == most
    assert most_in_common(course_of(opening, day(*amounts)), whole) == most


@pytest.mark.parametrize(
    ("amounts", "are"),
    [
        ([-7, -4, -2, -1], True),
        ([9, 3, 2, -1], True),
        ([-4, -7, -2, -1], False),
        ([-7, -2, -1], False),
        ([-1] * 9, False),
    ],
    ids=["rising", "falling", "neither", "too few", "all alike"],
)
def test_a_few_entries_in_order_are_chance(amounts: list[int], are: bool) -> None:
    assert are_by_amount(course_of(0, day(*amounts)), course_of(0, day(-1))) is are


def test_a_statement_listed_by_amount_across_its_days_is_listed_by_amount() -> None:
    booked = [(DAYS[1], Decimal(-9)), (DAYS[0], Decimal(-5)), (DAYS[2], Decimal(-2)), (DAYS[0], Decimal(3))]

    assert are_by_amount(course_of(0, booked), course_of(0, booked))
    assert not are_by_amount(course_of(0, booked), course_of(0, [booked[1], booked[0], booked[3]]))


def test_too_many_different_sums_may_be_anything() -> None:
    many = [2**at for at in range(12)]

    assert most_in_common(course_of(0, day(*many)), course_of(2_000, day(*many, -77))) == 12


def test_entries_of_one_amount_are_not_too_many_where_the_balances_deny_it() -> None:
    teas = day(*[-1] * 2000)

    assert most_in_common(course_of(4000, teas), course_of(2000, teas)) == 0
