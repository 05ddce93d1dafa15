"""Amounts against MT940's rule: read as the balances say, told, and refused where they do not say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.bank.formats.mt940 import read
from integrations.bank.statements import Statement, imbalance


def statement(*lines: str, opening: str = "C240101EUR100,00", closing: str = "C240131EUR90,00") -> Statement:
    text = "\r\n".join(
        (":20:R", ":25:1", f":60F:{opening}", *(f":61:{line}" for line in lines), f":62F:{closing}", "-")
    )
    (only,) = read(text.encode())
    return only


def amounts(*lines: str, opening: str = "C240101EUR100,00", closing: str = "C240131EUR90,00") -> list[str]:
    """Of a statement that ties without a problem; it must say how it read them."""
    read_so = statement(*lines, opening=opening, closing=closing)
    assert read_so.problems == ()
    assert imbalance(read_so) == 0
    assert len(read_so.notes) == 1
    return [format(entry.amount, "f") for entry in read_so.entries if entry.amount is not None]


@pytest.mark.parametrize(
    ("line", "closing", "amount"),
    [
        ("240131D-10,00NMSCNONREF", "C240131EUR110,00", "10.00"),
        ("240131D-10,00NMSCNONREF", "C240131EUR90,00", "-10.00"),
        ("240131C-10,00NMSCNONREF", "C240131EUR90,00", "-10.00"),
        ("240131C+10,00NMSCNONREF", "C240131EUR110,00", "10.00"),
        ("240131RD-10,00NMSCNONREF", "C240131EUR90,00", "-10.00"),
        ("240131D10,00-NMSCNONREF", "C240131EUR110,00", "10.00"),
    ],
)
def test_a_sign_inside_an_amount_is_read_as_the_balances_say(line: str, closing: str, amount: str) -> None:
    assert amounts(line, closing=closing) == [amount]


def test_the_note_shows_the_line_and_how_it_was_read() -> None:
    (note,) = statement("240131D-10,00NMSCNONREF//1", closing="C240131EUR110,00").notes

    assert "':61:240131D-10,00NMSCNONREF//1'" in note
    assert "a minus inside an amount turns its mark round" in note


def test_a_sign_inside_a_balance_is_read_as_the_entries_say() -> None:
    assert amounts("240131D10,00NMSCNONREF", opening="C240101EUR-100,00", closing="D240131EUR110,00") == ["-10.00"]


def test_a_sign_that_no_reading_makes_tie_is_refused_with_its_line() -> None:
    refused = statement("240131D-10,00NMSCNONREF", closing="C240131EUR105,00")

    assert any("no way of reading it" in problem and "D-10,00" in problem for problem in refused.problems)


def test_signs_that_tie_either_way_are_refused() -> None:
    refused = statement("240131D-10,00NMSC", "240131C-10,00NMSC", closing="C240131EUR100,00")

    assert any("more than one way of reading it" in problem for problem in refused.problems)


@pytest.mark.parametrize(
    ("line", "closing", "amount"),
    [
        ("240131D10NTRFNONREF", "C240131EUR90,00", "-10"),
        ("240131D1000NTRFNONREF", "C240131EUR90,00", "-10.00"),
        ("240131D10N026NONREF", "C240131EUR90", "-10"),
        ("240131D10,00NTRFNONREF", "C240131EUR90", "-10.00"),
    ],
)
def test_an_amount_without_a_comma_is_read_as_the_balances_say(line: str, closing: str, amount: str) -> None:
    assert amounts(line, closing=closing) == [amount]


def test_amounts_that_all_lack_the_comma_could_be_units_or_cents_and_are_refused() -> None:
    refused = statement("240131D10NTRFNONREF", opening="C240101EUR100", closing="C240131EUR90")

    assert any("more than one way" in problem for problem in refused.problems)


def test_a_currency_without_cents_needs_no_comma() -> None:
    assert amounts("240131D10NTRFX", opening="C240101JPY100", closing="C240131JPY90") == ["-10"]


def test_lines_without_comma_that_cancel_out_are_refused() -> None:
    refused = statement("240131D1000NTRFX", "240131C1000NTRFX", closing="C240131EUR100,00")

    assert any("more than one way" in problem for problem in refused.problems)


def test_an_amount_that_is_cut_by_a_blank_is_no_amount_without_a_comma() -> None:
    assert statement("240131D10 000,00NTRFX", closing="C240131EUR90,00").problems


def test_leading_zeros_beyond_fifteen_digits_are_an_amount_and_more_digits_are_not() -> None:
    padded = statement("240131D000000000000000010,00NTRFX", closing="C240131EUR000000000000000090,00")

    assert (padded.problems, imbalance(padded), padded.notes) == ((), Decimal(0), ())
    assert statement("240131D1234567890123456,00NTRFX").entries[0].amount is None


def test_an_interim_report_cannot_say_what_a_sign_means_because_its_totals_have_none() -> None:
    text = ":20:R\r\n:25:1\r\n:34F:EUR0,\r\n:13D:2401311200+0100\r\n:61:240131D-10,00NTRFX\r\n"
    (bare,) = read(f"{text}-\r\n".encode())
    (parsed_statement,) = read(f"{text}:90D:1EUR10,00\r\n-\r\n".encode())

    assert any("no way of reading it" in problem for problem in bare.problems)
    assert any("more than one way of reading it" in problem for problem in parsed_statement.problems)
