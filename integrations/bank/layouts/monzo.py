"""Monzo (UK): one row per transaction with the bank's own id."""

from integrations.bank.layouts.layout import Columns, CsvLayout

CURRENT_ACCOUNT = CsvLayout(
    name="monzo",
    bank="Monzo",
    delimiter=",",
    header=(
        "id",
        "created",
        "amount",
        "currency",
        "local_amount",
        "local_currency",
        "category",
        "emoji",
        "description",
        "address",
        "notes",
        "receipt",
    ),
    columns=Columns(
        bank_id="id",
        booked="created",
        amount="amount",
        currency="currency",
        counterparty=("description",),
        description=("notes",),
        kind="category",
    ),
    date_formats=("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%z"),
    decimal=".",
    thousands="",
)
