"""Stripe's integers in major units."""

from decimal import Decimal

import pytest

from integrations.stripe import UnknownCurrency, exponent, major


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (1099, "usd", "10.99"),
        (500, "jpy", "500"),
        (500, "krw", "500"),
        (5120, "kwd", "5.120"),
        (500, "isk", "5.00"),
        (500, "ugx", "5.00"),
        (1045, "huf", "10.45"),
        (80000, "twd", "800.00"),
        (300, "mga", "300"),
        (-1, "EUR", "-0.01"),
        (99_999_999_999_999, "usd", "999999999999.99"),
        (Decimal("0.000000000001"), "usd", "0.00000000000001"),
    ],
)
def test_amounts_have_the_currency_s_own_decimals(amount: int, currency: str, expected: str) -> None:
    assert major(amount, currency) == Decimal(expected)


def test_sixteen_currencies_but_one_have_no_decimals_and_five_have_three() -> None:
    none = ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
    three = ["bhd", "jod", "kwd", "omr", "tnd"]

    assert {exponent(one) for one in none} == {0}
    assert {exponent(one) for one in three} == {3}


@pytest.mark.parametrize("currency", ["", "us", "usdx1", "12$", "ÜSD"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        major(1, currency)
