"""Entries of two cuttings of one history are only ever held to be one where they are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from integrations.bank.standing import Standing, compare

Booked = list[tuple[int, date, Decimal]]
DAYS = [date(2026, 6, day) for day in (10, 11, 12)]


def history(chance: random.Random) -> Booked:
    """Balances that come and go, so that nearly every entry has another of its day, amount and balances."""
    days = sorted(chance.choices(DAYS, k=9))
    return [(at, day, Decimal(chance.choice((-10, 10)))) for at, day in enumerate(days)]


def cut(chance: random.Random, booked: Booked) -> Standing:
    """A part of the history as a bank lists it, from old to new or from new to old; positions are the history's."""
    start, end = sorted(chance.sample(range(len(booked) + 1), 2))
    opening = sum((amount for *_, amount in booked[:start]), Decimal(100))
    part = booked[start:end]
    falls = part[0][1] != part[-1][1] and chance.random() < 0.5
    return Standing(opening, part[::-1] if falls else part, frozenset())


def pairs(first: Standing, second: Standing) -> list[tuple[int, int]]:
    days = [compare(first, second, day).in_step for day in DAYS]
    return [(at, other_at) for steps in days for at, others in steps.items() for other_at in others]


@pytest.mark.slow
def test_cuttings_in_step_never_take_two_entries_for_one() -> None:
    seen = 0
    for seed in range(2000):
        chance = random.Random(seed)
        booked = history(chance)

        of_both = pairs(cut(chance, booked), cut(chance, booked))

        seen += len(of_both)
        assert all(at == other for at, other in of_both), f"seed {seed}"
    assert seen > 2000


def test_cuttings_of_one_day_alone_are_never_in_step() -> None:
    day: Booked = [(0, DAYS[0], Decimal(-10)), (1, DAYS[0], Decimal(10)), (2, DAYS[0], Decimal(-10))]
    first, last = Standing(Decimal(100), day[:1], frozenset()), Standing(Decimal(100), day[2:], frozenset())

    assert pairs(first, last) == []
    both = compare(first, last, DAYS[0])
    assert both.has_same_ends
    assert both.other_at[both.after[0]] == [2]


def test_a_day_of_which_the_order_is_not_known_is_not_in_step() -> None:
    booked: Booked = [(0, DAYS[0], Decimal(-1)), (1, DAYS[1], Decimal(-10))]
    whole = Standing(Decimal(100), booked, frozenset())

    assert pairs(whole, whole) == [(0, 0), (1, 1)]
    assert pairs(whole, Standing(Decimal(100), booked, frozenset(DAYS[:2]))) == []


def test_days_in_no_order_are_not_in_step() -> None:
    def listed(*days: date) -> Sequence[tuple[int, date, Decimal]]:
        return [(at, day, Decimal(-1)) for at, day in enumerate(days)]

    mixed = Standing(Decimal(100), listed(DAYS[0], DAYS[2], DAYS[1], DAYS[2]), frozenset())

    assert pairs(mixed, mixed) == []
