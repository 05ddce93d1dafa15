"""CSV exports that are known. A new one is a `CsvLayout` value added to this tuple, or handed to the reader."""

from __future__ import annotations

from integrations.bank.layouts import (
    bunq,
    cards,
    commerzbank,
    dkb,
    erste,
    four_columns,
    ing,
    kbc,
    monzo,
    n26,
    paypal,
    rabobank,
    raiffeisen,
    revolut,
    singapore,
    sparkasse,
)
from integrations.bank.layouts.declared import layout_from_mapping
from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble

__all__ = ["LAYOUTS", "Columns", "CsvLayout", "Preamble", "layout_from_mapping"]

LAYOUTS: tuple[CsvLayout, ...] = (
    bunq.DUTCH,
    bunq.ENGLISH,
    cards.BARCLAYCARD,
    cards.JOHN_LEWIS,
    cards.VISECA,
    commerzbank.GIRO,
    dkb.CREDIT,
    dkb.CREDIT_2018,
    dkb.GIRO,
    dkb.GIRO_2018,
    erste.HUNGARY,
    four_columns.FIRST_DIRECT,
    four_columns.UNITED_STATES,
    four_columns.WITHOUT_BALANCE,
    four_columns.DAY_FIRST_WITHOUT_BALANCE,
    four_columns.MONTH_FIRST_WITHOUT_BALANCE,
    four_columns.YEAR_FIRST,
    ing.GERMANY,
    ing.NETHERLANDS,
    ing.NETHERLANDS_ENGLISH,
    kbc.ACCOUNT,
    monzo.CURRENT_ACCOUNT,
    n26.CURRENT,
    n26.ENGLISH_2019,
    n26.GERMAN_2017,
    paypal.DAY_FIRST,
    paypal.MONTH_FIRST,
    rabobank.ACCOUNT,
    raiffeisen.AUSTRIA,
    raiffeisen.AUSTRIA_RCM,
    raiffeisen.AUSTRIA_TWO_COLUMNS,
    raiffeisen.CZECHIA,
    revolut.ACCOUNT,
    singapore.DBS,
    singapore.DBS_BARE,
    singapore.OCBC,
    sparkasse.CREDIT,
    sparkasse.GIRO,
)
