"""Which balances of a CAMT statement are its ends, and what makes them useless."""

from __future__ import annotations

import pytest

from integrations.bank.statements import imbalance
from tests.integrations.bank.camt_messages import balance, entry, message, only


@pytest.mark.parametrize(
    ("codes", "opening", "closing"),
    [
        (("OPBD", "CLBD"), 1, 2),
        (("PRCD", "CLBD"), 1, 2),
        (("PRCD", "OPBD", "CLBD"), 2, 3),
        (("OPBD", "ITBD"), 1, 2),
        (("ITBD", "CLBD"), 1, 2),
        (("ITBD", "ITBD"), 1, 2),
        (("ITBD",), None, 1),
        (("OPAV", "CLAV"), None, None),
        ((), None, None),
    ],
)
def test_ends_of_a_statement_or_page_are_its_booked_balances(
    codes: tuple[str, ...], opening: int | None, closing: int | None
) -> None:
    statement = only(message(*(balance(code, str(number)) for number, code in enumerate(codes, 1))))

    assert (statement.opening and statement.opening.amount, statement.closing and statement.closing.amount) == (
        opening,
        closing,
    )


def test_interim_balance_of_an_intraday_report_is_no_end() -> None:
    statement = only(message(balance("OPBD", "1"), balance("ITBD", "9"), kind="BkToCstmrAcctRpt", part="Rpt"))

    assert (statement.format, statement.closing, imbalance(statement)) == ("camt.052", None, None)


def test_statement_over_several_days_runs_from_the_first_to_the_last_balance() -> None:
    days = [balance("CLBD", "3", "2024-01-02"), balance("OPBD", "2", "2024-01-02")]
    statement = only(message(*days, balance("OPBD", "1"), balance("CLBD", "2"), entry("2")))

    assert imbalance(statement) == 0


def test_balance_that_is_no_amount_is_a_problem() -> None:
    assert "opening balance" in only(message(balance("OPBD", "x"), balance("CLBD", "1"))).problems[0]


def test_several_currencies_in_one_balance_check_are_a_problem() -> None:
    statement = only(message(balance("OPBD", "1", currency="SEK"), balance("CLBD", "11"), entry()))

    assert "EUR, SEK" in statement.problems[0]
