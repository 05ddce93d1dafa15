"""Currencies and amounts as banks write them.

Decimal places are ISO 4217's "minor unit" column (list one, current codes; maintained by SIX for ISO). Withdrawn codes
are ISO 4217 list three, which gives no minor unit: they get 2, or 0 if CLDR's supplemental currency data gives none.
Left out on purpose: codes without a minor unit (gold, SDR, test codes, XXX).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache

MAX_AMOUNT_CHARS = 40
"""Longest text that is read; a real amount with sign, symbol and grouping is under 30."""

_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
        YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_WITHDRAWN = {
    0: "ADP BYR ESP ITL LUF MGF TMM TPE TRL",
    2: """
        AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK
        BYB CHC CSD CSJ CSK CUC CYP DDM DEM ECS ECV EEK ESA ESB FIM FRF GEK GHC GHP GNE GNS GQE GRD GWE GWP HRD HRK
        IEP ILP ILR ISJ LAJ LSM LTL LTT LUC LUL LVL LVR MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ PTE
        RHD ROK ROL RUR SDD SDP SIT SKK SLL SRG STD SUR TJR UAK UGS UGW USS UYN UYP VEB VEF VNC XEU YDD YUD YUM YUN
        ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR""",
}
_EXPONENTS = {
    code: places for table in (_CODES, _WITHDRAWN) for places, codes in table.items() for code in codes.split()
}

_GROUPS = {" ": "[ \u00a0\u202f]", "'": "['\u2019]"}
"""A layout writes ' ' and "'"; files also hold the no-break spaces and the typographic apostrophe."""
_MINUS = "-\u2212"
_EITHER = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2})[.,]([0-9]{3})(?![0-9.,])")


class UnknownCurrencyError(ValueError):
    """The text is no ISO 4217 code, current or withdrawn. A ValueError, so that a schema rejects just that record."""


def exponent(currency: str) -> int:
    """How many decimal places amounts in this currency have. Raises UnknownCurrencyError."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrencyError(f"{currency[:20]!r} is not an ISO 4217 currency code.") from None


def places(amount: Decimal) -> int:
    """Decimal places that carry a value: 29.000 has none, 1.050 has two."""
    _, digits, power = amount.as_tuple()
    if not isinstance(power, int) or power >= 0:
        return 0
    text = "".join(map(str, digits)).rjust(-power, "0")[power:]
    return len(text.rstrip("0"))


def two_readings(text: str) -> tuple[str, str] | None:
    """('12.5', '12500') of 12.500 or 12,500, which mean either unless the writer's way of grouping is known."""
    match = _EITHER.search(text)
    if match is None or len(text) > MAX_AMOUNT_CHARS:
        return None
    return format(Decimal(f"{match[1]}.{match[2]}").normalize(), "f"), match[1] + match[2]


def parse_amount(
    text: str,
    decimal: str = ",",
    thousands: str = ".",
    *,
    symbols: Sequence[str] = (),
    trailing_minus: bool = False,
    parentheses: bool = False,
    lakhs: bool = False,
) -> Decimal | None:
    """The signed amount, or None when the text is not exactly one amount in the declared style.

    Only ASCII digits count; groups must have three digits each, or with `lakhs` two but for the last one;
    `thousands=""` allows no grouping. Symbols, a minus behind the number and (5,00) for a debit are read only where
    they are declared.
    """
    text = text.strip()
    if len(text) > MAX_AMOUNT_CHARS:
        return None
    negatives = 0
    if parentheses and text.startswith("(") and text.endswith(")"):
        text, negatives = text[1:-1].strip(), 1
    signs, text = _signs_and_number(text, symbols, trailing_minus)
    negatives += sum(sign in _MINUS for sign in signs)
    if negatives > 1 or len(signs) > 1 or not _number(decimal, thousands, lakhs).fullmatch(text):
        return None
    digits = "".join("." if c == decimal else c for c in text if c == decimal or c in "0123456789")
    value = Decimal(digits)
    return value.copy_negate() if negatives and value else value


def _signs_and_number(text: str, symbols: Sequence[str], trailing_minus: bool) -> tuple[str, str]:
    """The signs and the number without its symbol, in any of the orders banks use: -5 EUR, EUR -5, - £5, 5-."""
    signs = ""
    if text[:1] and text[0] in _MINUS + "+":
        signs, text = text[0], text[1:].lstrip()
    for symbol in sorted(symbols, key=len, reverse=True):
        if text.startswith(symbol) or text.endswith(symbol):
            text = text.removeprefix(symbol) if text.startswith(symbol) else text.removesuffix(symbol)
            text = text.strip()
            break
    if not signs and text[:1] and text[0] in _MINUS + "+":
        signs, text = text[0], text[1:].lstrip()
    if trailing_minus and text[-1:] and text[-1] in _MINUS + "+":
        signs, text = signs + text[-1], text[:-1].rstrip()
    return signs, text


@cache
def _number(decimal: str, thousands: str, lakhs: bool) -> re.Pattern[str]:
    mark = re.escape(decimal)
    whole = "[0-9]+"
    if thousands:
        group = _GROUPS.get(thousands, re.escape(thousands))
        groups = (
            rf"[0-9]{{1,2}}(?:{group}[0-9]{{2}})*{group}[0-9]{{3}}" if lakhs else rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+"
        )
        whole = rf"(?:{groups}|[0-9]+)"
    return re.compile(rf"{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+")
