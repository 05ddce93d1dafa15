"""N26 (DE): the German and the English export, and the header in use since 2024."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout

CURRENT = CsvLayout(
    name="n26",
    bank="N26",
    delimiter=",",
    header=(
        "Booking Date",
        "Value Date",
        "Partner Name",
        "Partner Iban",
        "Type",
        "Payment Reference",
        "Account Name",
        "Amount (EUR)",
        "Original Amount",
        "Original Currency",
        "Exchange Rate",
    ),
    columns=Columns(
        booked="Booking Date",
        value="Value Date",
        amount="Amount (EUR)",
        counterparty=("Partner Name",),
        counterparty_account="Partner Iban",
        kind="Type",
        description=("Payment Reference",),
    ),
    date_formats=("%Y-%m-%d",),
    decimal=".",
    thousands="",
    currency="EUR",
)

ENGLISH_2019 = replace(
    CURRENT,
    name="n26-2019-en",
    header=(
        "Date",
        "Payee",
        "Account number",
        "Transaction type",
        "Payment reference",
        "Amount (EUR)",
        "Amount (Foreign Currency)",
        "Type Foreign Currency",
        "Exchange Rate",
    ),
    columns=Columns(
        booked="Date",
        amount="Amount (EUR)",
        counterparty=("Payee",),
        counterparty_account="Account number",
        kind="Transaction type",
        description=("Payment reference",),
    ),
)

GERMAN_2017 = replace(
    CURRENT,
    name="n26-2017-de",
    header=(
        "Datum",
        "Empfänger",
        "Kontonummer",
        "Transaktionstyp",
        "Verwendungszweck",
        "Betrag (EUR)",
        "Betrag (Fremdwährung)",
        "Fremdwährung",
        "Wechselkurs",
    ),
    columns=Columns(
        booked="Datum",
        amount="Betrag (EUR)",
        counterparty=("Empfänger",),
        counterparty_account="Kontonummer",
        kind="Transaktionstyp",
        description=("Verwendungszweck",),
    ),
)
