"""`Date,Description,Amount,Balance`, shared by many banks, and the same without a balance.

Two are told apart only by the order of day and month. A file in which no day is above 12 fits both: it is refused as
ambiguous until the connection names the layout, or the order of day and month. Nothing in such a file names the
currency: the connection does, or it names the layout and with it the bank. A file with a further column does not fit,
since that might be a fee, a sign, an account or a currency. Without a balance there is one layout for each order of day
and month.
"""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout

FIRST_DIRECT = CsvLayout(
    name="first-direct",
    bank="first direct",
    delimiter=",",
    header=("Date", "Description", "Amount", "Balance"),
    columns=Columns(booked="Date", counterparty=("Description",), amount="Amount", balance="Balance"),
    date_formats=("%d/%m/%Y",),
    decimal=".",
    thousands=",",
    exact=True,
    currency_if_named="GBP",
)

UNITED_STATES = replace(
    FIRST_DIRECT,
    name="us-date-description-amount-balance",
    bank="banks in the United States",
    date_formats=("%-m/%-d/%Y",),
    symbols=("$",),
    parentheses=True,
    currency_if_named="USD",
)

YEAR_FIRST = replace(
    FIRST_DIRECT,
    name="date-description-amount-balance",
    bank="",
    delimiter=",;\t",
    date_formats=("%Y-%m-%d",),
    currency_if_named="",
)

WITHOUT_BALANCE = replace(
    YEAR_FIRST,
    name="date-description-amount",
    header=("Date", "Description", "Amount"),
    columns=Columns(booked="Date", counterparty=("Description",), amount="Amount"),
)

DAY_FIRST_WITHOUT_BALANCE = replace(
    WITHOUT_BALANCE, name="date-description-amount-dmy", date_formats=("%-d/%-m/%Y", "%-d.%-m.%Y", "%-d-%-m-%Y")
)

MONTH_FIRST_WITHOUT_BALANCE = replace(
    WITHOUT_BALANCE, name="date-description-amount-mdy", date_formats=("%-m/%-d/%Y", "%-m-%-d-%Y")
)

_PAYEE = Columns(booked="Date", counterparty=("Payee",), amount="Amount")
"""The same with the name that budget programs give the column."""

PAYEE_YEAR_FIRST = replace(
    WITHOUT_BALANCE, name="date-payee-amount", header=("Date", "Payee", "Amount"), columns=_PAYEE
)

PAYEE_DAY_FIRST = replace(
    PAYEE_YEAR_FIRST, name="date-payee-amount-dmy", date_formats=DAY_FIRST_WITHOUT_BALANCE.date_formats
)

PAYEE_MONTH_FIRST = replace(
    PAYEE_YEAR_FIRST, name="date-payee-amount-mdy", date_formats=MONTH_FIRST_WITHOUT_BALANCE.date_formats
)
