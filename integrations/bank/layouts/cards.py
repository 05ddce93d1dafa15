"""Credit cards, where the file's signs are the card's view: purchases positive, or marked by a flag or a column."""

from integrations.bank.layouts.layout import Columns, CsvLayout

VISECA = CsvLayout(
    name="viseca",
    bank="Viseca",
    delimiter=",",
    header=(
        "TransactionId",
        "CardId",
        "Date",
        "ValutaDate",
        "Amount",
        "Currency",
        "OriginalAmount",
        "OriginalCurrency",
        "MerchantName",
        "MerchantPlace",
        "MerchantCountry",
        "StateType",
        "Details",
        "Type",
        "Exchange Rate",
    ),
    columns=Columns(
        bank_id="TransactionId",
        account="CardId",
        booked="Date",
        value="ValutaDate",
        amount="Amount",
        currency="Currency",
        counterparty=("MerchantName",),
        description=("Details",),
        kind="Type",
        status="StateType",
    ),
    date_formats=("%Y-%m-%d %H:%M:%S",),
    decimal=".",
    thousands="",
    three_decimals=True,
    inverse=True,
    pending=("PENDING", "AUTHORIZED"),
)

JOHN_LEWIS = CsvLayout(
    name="john-lewis-2019",
    bank="John Lewis Partnership Card",
    delimiter=",",
    header=("Date Processed", "Description", "Amount", ""),
    columns=Columns(
        booked="Date Processed", amount="Amount", sign="#4", status="Date Processed", counterparty=("Description",)
    ),
    date_formats=("%d-%b-%Y",),
    decimal=".",
    thousands=",",
    symbols=("£",),
    debit_flags=("",),
    credit_flags=("CR",),
    pending=("Pending",),
    currency="GBP",
)

BARCLAYCARD = CsvLayout(
    name="barclaycard",
    bank="Barclaycard",
    delimiter=",",
    width=7,
    # date, description, card, holder, category, paid in, spent
    columns=Columns(booked="#1", counterparty=("#2",), kind="#3", credit="#6", debit="#7"),
    date_formats=("%d %b %y",),
    decimal=".",
    thousands=",",
    currency="GBP",
)
