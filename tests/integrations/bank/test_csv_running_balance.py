"""A column with the balance after each row: what it proves, what it betrays, and what it cannot show."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from integrations.bank.formats import read_file
from integrations.bank.layouts import LAYOUTS, CsvLayout
from integrations.bank.layouts.header import name_columns
from integrations.bank.statements import Statement, imbalance

AMOUNTS = tuple(map(Decimal, ("-12.00", "250.00", "-7.00", "-31.00", "18.00", "-4.00")))
NAMES = (
    *("ing-de", "first-direct", "us-date-description-amount-balance", "date-description-amount-balance", "kbc"),
    *("rabobank", "erste-hu", "revolut", "paypal-dmy", "paypal-mdy", "ing-nl", "ing-nl-en"),
)
Row = tuple[int, Decimal, Decimal]
"""Day of the month, amount, balance after it."""


def layout_of(name: str) -> CsvLayout:
    return next(layout for layout in LAYOUTS if layout.name == name)


def chained(amounts: Sequence[Decimal] = AMOUNTS, opening: Decimal = Decimal(1000)) -> list[Row]:
    """Rows from old to new, each on its own day."""
    return [(day, amount, opening + sum(amounts[:day], Decimal())) for day, amount in enumerate(amounts, 1)]


def read(layout: CsvLayout, rows: Sequence[Row]) -> Statement:
    columns = layout.columns
    header = (*layout.header, *(name for name in layout.optional if name == columns.balance))
    names, lines = name_columns(header), [header]
    for number, amount, balance in rows:
        day = layout.date_formats[0].replace("%-", "%")
        for token, text in {"%d": f"{number + 12}", "%m": "03", "%Y": "2024", "%H:%M:%S": "00:00:00"}.items():
            day = day.replace(token, text)
        moved = abs(amount) if columns.sign else amount
        values = {columns.booked: day, columns.amount: f"{moved}", columns.balance: f"{balance}"}
        values |= {columns.sign: next(iter(layout.debit_flags if amount < 0 else layout.credit_flags), "")}
        values = {
            key: text.replace(".", layout.decimal) if key != columns.booked else text for key, text in values.items()
        }
        values |= {columns.net: values[columns.amount], columns.status: next(iter(layout.booked), "")}
        values |= dict.fromkeys((columns.currency, columns.balance_currency), "EUR")
        lines.append(tuple(values.get(name, "") for name in names))
    text = "\n".join(layout.delimiter[0].join(f'"{cell}"' for cell in line) for line in lines)
    (statement,) = read_file(text.encode(), layout=layout.name)
    return statement


def is_noticed(statement: Statement) -> bool:
    return bool(statement.problems) or bool(imbalance(statement))


def test_every_layout_with_a_running_balance_is_mutated_here() -> None:
    assert {layout.name for layout in LAYOUTS if layout.columns.balance} == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("backwards", [False, True], ids=["oldest-first", "newest-first"])
@pytest.mark.parametrize("name", NAMES)
def test_altered_amount_or_deleted_middle_row_never_loads_unnoticed(name: str, backwards: bool) -> None:
    layout, rows = layout_of(name), chained()
    whole = read(layout, rows[::-1] if backwards else rows)
    # The oldest amount only moves the opening balance, and a row lost at an end leaves a shorter file that ties.
    altered = [
        [*rows[:at], (day, amount + by, balance), *rows[at + 1 :]]
        for at, (day, amount, balance) in list(enumerate(rows))[1:]
        for by in (Decimal("0.01"), Decimal(-100), -2 * amount, Decimal("18.00"))
    ]
    deleted = [rows[:at] + rows[at + 1 :] for at in range(1, len(rows) - 1)]

    unnoticed = [each for each in altered + deleted if not is_noticed(read(layout, each[::-1] if backwards else each))]

    assert not is_noticed(whole)
    assert whole.opening is not None
    assert whole.closing is not None
    assert (whole.opening.amount, whole.closing.amount) == (Decimal(1000), Decimal(1214))
    assert unnoticed == []


def test_problem_names_the_row_and_the_difference() -> None:
    rows = chained()
    rows[3] = (4, Decimal("-30.00"), rows[3][2])

    (problem,) = read(layout_of("kbc"), rows).problems

    assert "entry 4 of 16/03/2024 takes 1231.00 by -30.00 to 1200.00, a difference of -1.00" in problem


def test_other_amount_in_the_oldest_row_shows_only_in_the_opening_balance() -> None:
    rows = chained()
    rows[0] = (1, Decimal("-13.00"), rows[0][2])

    statement = read(layout_of("kbc"), rows)

    assert not is_noticed(statement)
    assert statement.opening is not None
    assert statement.opening.amount == 1001


@pytest.mark.parametrize(
    "order",
    [
        pytest.param((1, 4, 0, 5, 3, 2), id="sorted-by-amount"),
        pytest.param((3, 4, 5, 0, 1, 2), id="newest-day-first-but-oldest-first-within"),
        pytest.param((0, 1, 2, 3, 5, 4), id="two-rows-swapped"),
    ],
)
def test_rows_in_another_order_are_proved_by_the_one_walk_through_their_balances(order: tuple[int, ...]) -> None:
    rows = chained()

    statement = read(layout_of("kbc"), [rows[at] for at in order])

    assert statement.opening is not None
    assert statement.closing is not None
    assert (statement.opening.amount, statement.closing.amount) == (Decimal(1000), Decimal(1214))
    assert statement.problems == ()


@pytest.mark.parametrize("size", [2, 3])
def test_altered_amount_is_noticed_however_few_rows_there_are(size: int) -> None:
    rows = chained()[:size]
    rows[-1] = (size, Decimal(1), rows[-1][2])

    (problem,) = read(layout_of("kbc"), rows).problems

    assert f"entry {size} of {size + 12}/03/2024" in problem
