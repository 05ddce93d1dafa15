"""Currencies and amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.bank.money import UnknownCurrencyError, exponent, parse_amount, places


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UYW", 4), ("ISK", 0), ("MGA", 2), ("IQD", 3)],
)
def test_current_currencies_have_their_iso_decimals(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("currency", ["DEM", "NLG", "BEF", "FRF", "ATS", "ITL", "ESP", "HRK", "BGN", "ZWL"])
def test_withdrawn_currencies_of_old_statements_are_known(currency: str) -> None:
    assert exponent(currency) in (0, 2)


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "XXX", "950", "E\u00dcR", "EUR "])
def test_anything_else_is_named_as_unknown(currency: str) -> None:
    with pytest.raises(UnknownCurrencyError, match="ISO 4217"):
        exponent(currency)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.234,56", "1234.56"),
        ("1234,56", "1234.56"),
        ("-0,05", "-0.05"),
        ("+7", "7"),
        (",5", "0.5"),
        ("12,", "12"),
        (" 1.000.000 ", "1000000"),
        ("\u22123,50", "-3.50"),
        ("- 3,50", "-3.50"),
    ],
)
def test_amounts_in_the_declared_style_are_read(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            ",",
            "NaN",
            "Infinity",
            "-inf",
            "1e400",
            "1E5",
            "1_000",
            "0x10",
            "1,2,3",
            "1.23,4",
            "12.34",
            "1.2345",
        ),
        *("1234.567", ".123", "1..000", "--1", "-+1", "1-", "(1,00)", "1,00 EUR", "\u20ac1", "\uff11\uff12", "\u0661"),
        *("1 000,00", "1'000", "=1+1", "1\n2", "9" * 41, "1" * 10_000_000, "\u00b2"),
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    assert parse_amount(text) is None


@pytest.mark.parametrize(
    ("text", "thousands"),
    [
        ("1 234 567,5", " "),
        ("1\u00a0234\u00a0567,5", " "),
        ("1\u202f234\u202f567,5", " "),
        ("1'234'567,5", "'"),
        ("1\u2019234\u2019567,5", "'"),
    ],
)
def test_spaces_and_apostrophes_group_where_declared(text: str, thousands: str) -> None:
    assert parse_amount(text, thousands=thousands) == Decimal("1234567.5")


def test_without_declared_grouping_a_mark_that_groups_is_refused() -> None:
    assert parse_amount("1.234,56", thousands="") is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("\u00a31,183.23", "1183.23"),
        ("+ \u00a31,100.00", "1100"),
        ("-\u00a35", "-5"),
        ("\u00a3-5", "-5"),
        ("5.00 \u00a3", "5"),
        ("(\u00a35.00)", "-5"),
    ],
)
def test_symbols_and_parentheses_are_read_where_declared(text: str, amount: str) -> None:
    assert parse_amount(text, ".", ",", symbols=("\u00a3",), parentheses=True) == Decimal(amount)


def test_a_trailing_minus_is_read_where_declared_and_two_signs_never() -> None:
    assert parse_amount("5,00-", trailing_minus=True) == Decimal("-5.00")
    assert parse_amount("-5,00-", trailing_minus=True) is None
    assert parse_amount("(-5,00)", parentheses=True) is None


def test_minus_zero_is_zero() -> None:
    assert str(parse_amount("-0,00")) == "0.00"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20))
def test_every_amount_survives_being_written_with_grouping(amount: Decimal) -> None:
    text = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))

    assert parse_amount(text) == amount


@given(st.text())
@pytest.mark.slow
def test_any_text_is_an_amount_or_none(text: str) -> None:
    amount = parse_amount(text, ".", ",", symbols=("$",), trailing_minus=True, parentheses=True)

    assert amount is None or amount.is_finite()


@pytest.mark.parametrize(
    ("amount", "decimals"),
    [("29.000", 0), ("1.050", 2), ("0.001", 3), ("100", 0), ("1E+2", 0), ("0.00", 0), ("12.5", 1)],
)
def test_places_count_only_decimals_that_carry_a_value(amount: str, decimals: int) -> None:
    assert places(Decimal(amount)) == decimals
