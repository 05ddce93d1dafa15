"""bunq (NL), Dutch and English export."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout

ENGLISH = CsvLayout(
    name="bunq-en",
    bank="bunq",
    delimiter=",;",
    header=("Date", "Amount", "Account", "Counterparty", "Name", "Description"),
    columns=Columns(
        booked="Date",
        amount="Amount",
        account="Account",
        counterparty=("Name",),
        counterparty_account="Counterparty",
        description=("Description",),
    ),
    date_formats=("%Y-%m-%d",),
    currency="EUR",
)

DUTCH = replace(
    ENGLISH,
    name="bunq-nl",
    header=("Datum", "Bedrag", "Rekening", "Tegenrekening", "Naam", "Omschrijving"),
    columns=Columns(
        booked="Datum",
        amount="Bedrag",
        account="Rekening",
        counterparty=("Naam",),
        counterparty_account="Tegenrekening",
        description=("Omschrijving",),
    ),
)
