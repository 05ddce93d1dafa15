"""Stripe's integers as exact decimals.

Stripe counts in "the currency's minor unit", which is not always ISO 4217's (docs.stripe.com/currencies): ISK and UGX
have no decimals but are still written with two, so that 500 is 5 ISK; HUF and TWD are whole only when paid out, and
their amounts have two decimals everywhere; MGA, which ISO divides by five, has none.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

_NONE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_CODE = re.compile(r"[A-Za-z]{3}\Z")
_EXACT = Context(prec=60)
"""Enough digits for unit prices, which have twelve more decimals. Created once, as creation takes as long as use."""


class UnknownCurrency(ValueError):
    """This is no currency code, so the number of decimals of its amounts is unknown."""


@lru_cache(maxsize=1024)
def exponent(currency: str) -> int:
    """The number of decimals in Stripe's integer amounts of `currency`. Raises UnknownCurrency."""
    if not _CODE.match(currency):
        raise UnknownCurrency(f"{currency!r} is not a currency code.")
    code = currency.upper()
    return 0 if code in _NONE else 3 if code in _THREE else 2


def major(amount: int | Decimal, currency: str) -> Decimal:
    """`amount` in major units, exactly: 1099 usd is 10.99, 500 jpy is 500. Raises UnknownCurrency."""
    return Decimal(amount).scaleb(-exponent(currency), _EXACT)
