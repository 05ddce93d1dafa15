"""What two statements of an account have in common stays known when a third one delivers some of it as well."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.integrations.bank.test_cuttings import DAY, FORMATS, Booked, few_a_page
from tests.integrations.bank.test_cuttings_within_days import cut, loaded, true

__all__ = ["few_a_page"]
pytestmark = pytest.mark.django_db(transaction=True)


def booked(*looks: tuple[int, int, str]) -> list[Booked]:
    """Entries as (day of the month, amount, text)."""
    return [Booked(DAY.replace(day=day), amount, text, "") for day, amount, text in looks]


@pytest.mark.parametrize("form", ["mt940", "camt"])
@pytest.mark.slow
def test_days_that_a_shorter_statement_delivered_since_do_not_hide_where_the_longer_one_ended(form: str) -> None:
    history = booked((2, -1, "Parking"), (3, -2, "Tea"), (3, -4, "Cake"), (7, -1, "Coffee"), (7, -86, "Rent"))
    history += booked((7, -1, "Coffee"))
    week, day, evening, rent = (cut(history, *span, "0") for span in [(0, 4), (1, 3), (5, 6), (4, 5)])

    files = [FORMATS[form][0](part) for part in (week, day, evening, rent)]

    assert loaded(f"{form}-week", files) == true(history)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.slow
def test_an_entry_takes_the_row_of_its_twin_where_another_statement_has_its_own(order: tuple[int, ...]) -> None:
    history = booked((2, -13, "Coffee"), (2, -13, "Coffee"), (3, -2, "Tea"))
    files = [FORMATS["mt940"][0](cut(history, *span, "0")) for span in [(0, 2), (1, 3), (0, 1)]]

    assert loaded("twins", [*(files[at] for at in order), *files]) == true(history)


@pytest.mark.slow
def test_a_statement_that_comes_again_finds_its_entry_behind_its_twin() -> None:
    history = booked((5, -3, "Parking"), (6, -13, "Coffee"), (6, -13, "Coffee"))
    files = [FORMATS["mt940"][0](cut(history, *span, "1")) for span in [(2, 3), (1, 3), (0, 2), (2, 3)]]

    assert loaded("again", files) == true(history)


@pytest.mark.slow
def test_the_morning_of_a_day_and_its_whole_come_again_in_any_order() -> None:
    history = booked((2, -1, "Coffee"), (3, -2, "Parking"), (3, -2, "Parking"))
    turned = history[::-1]  # newest first, as many banks list it
    whole, morning = (cut(history, *span, "0") for span in [(0, 3), (0, 2)])
    whole, morning = whole._replace(entries=turned), morning._replace(entries=turned[1:])
    whole, morning = (FORMATS["mt940"][0](part) for part in (whole, morning))

    assert loaded("again", [whole, morning, morning, whole, morning]) == true(history)


@pytest.mark.slow
def test_a_statement_does_not_seem_whole_where_what_it_lost_changed_no_balance() -> None:
    history = booked((2, -124, "Rent"), (2, 1, "Coffee"), (6, -3, "Tea"), (6, 3, "Refund"), (7, 2, "Tip"))
    history += booked((7, -82, "Power"))
    files = [FORMATS["mt940"][0](cut(history, *span, "0")) for span in [(0, 6), (2, 4), (1, 5)]]

    assert loaded("lost", files) == true(history)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.slow
def test_what_closes_where_an_earlier_statement_opened_does_not_come_before_it(turned: bool) -> None:
    """The balance is 100 before the first entry and after the last one."""
    history = booked((1, 2, "Refund"), (3, -1, "Coffee"), (4, -1, "Coffee"))
    files = [FORMATS["mt940"][0](cut(history, *span, "0")) for span in [(0, 2), (1, 3)]]

    assert loaded("back", files[::-1] if turned else files) == true(history)


@pytest.mark.slow
def test_an_entry_keeps_its_own_row_where_its_statement_comes_again_beside_its_twins() -> None:
    history = booked((1, 2, "Coffee"), (1, -1, "Coffee"), (1, 2, "Coffee"), (1, -1, "Tea"))
    evening, middle, morning = (FORMATS["mt940"][0](cut(history, *span, "0")) for span in [(2, 4), (2, 3), (0, 1)])

    files = [evening, middle, morning, middle, morning, evening, evening, morning]

    assert loaded("again", files) == true([history[0], *history[2:]])


@pytest.mark.usefixtures("few_a_page")
def test_twins_on_a_later_page_keep_their_rows_when_their_statement_comes_again() -> None:
    history = booked(*((1, amount, "Shop") for amount in (-1, -1, -2, -2, -1)))
    files = [FORMATS["mt940"][0](cut(history, *span, "0")) for span in [(3, 5), (0, 5), (0, 5)]]

    assert loaded("later", files) == true(history)


@pytest.mark.usefixtures("few_a_page")
def test_an_entry_that_moved_to_a_later_page_of_its_statement_keeps_its_row() -> None:
    history = booked(*((1, amount, "Shop") for amount in (-1, -2, -3, -4)))
    turned = [history[3], *history[1:3], history[0]]
    files = [FORMATS["mt940"][0](cut(listed, 0, 4, "7/1")) for listed in (history, turned)]

    assert loaded("moved", files) == true(history)
