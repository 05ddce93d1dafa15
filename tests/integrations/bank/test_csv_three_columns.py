"""`Date,Description,Amount`, which says nothing of the order of day and month: read where it is told or seen."""

from __future__ import annotations

from datetime import date

import pytest

from ingestion.core.errors import AmbiguousFormat, UnknownFormat
from integrations.bank.formats import read_file


def days(*texts: str, dates: str = "") -> list[date | None]:
    rows = "".join(f"{text},a,-1.00\n" for text in texts)
    (statement,) = read_file(f"Date,Description,Amount\n{rows}".encode(), currency="EUR", dates=dates)
    return [entry.booked_on for entry in statement.entries]


def test_order_of_day_and_month_is_what_the_config_says() -> None:
    assert days("03/04/2026", dates="dmy") == [date(2026, 4, 3)]
    assert days("03/04/2026", dates="mdy") == [date(2026, 3, 4)]


def test_order_is_seen_where_one_day_is_above_twelve() -> None:
    assert days("03/04/2026", "25/06/2026") == [date(2026, 4, 3), date(2026, 6, 25)]
    assert days("03/24/2026", "05/06/2026") == [date(2026, 3, 24), date(2026, 5, 6)]


def test_order_that_nobody_says_is_asked_for() -> None:
    with pytest.raises(AmbiguousFormat, match="dates=dmy"):
        days("03/04/2026")


@pytest.mark.parametrize(
    "text",
    [
        "Date;Description;Amount\n13.04.2026;A;-1.010,50\n14.04.2026;B;5,00\n",
        "Date,Description,Amount\n2026-06-10 23:59:00,A,-10.00\n2026-06-11T00:10:00Z,B,-5.00\n",
    ],
)
def test_file_of_which_no_row_can_be_read_is_refused_with_what_was_looked_for(text: str) -> None:
    with pytest.raises(UnknownFormat, match=r"decimal mark \. and a date as %Y-%m-%d"):
        read_file(text.encode(), currency="EUR")


def test_file_of_which_a_row_can_be_read_loads_and_leaves_the_others_to_dead_letters() -> None:
    assert days("2026-06-10", "someday") == [date(2026, 6, 10), None]
