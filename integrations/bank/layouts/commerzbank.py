"""Commerzbank (DE): the export that names the account by bank code and number, and the one that followed it."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout

GIRO = CsvLayout(
    name="commerzbank",
    bank="Commerzbank",
    header=(
        "Buchungstag",
        "Wertstellung",
        "Umsatzart",
        "Buchungstext",
        "Betrag",
        "Währung",
        "Auftraggeberkonto",
        "Bankleitzahl Auftraggeberkonto",
        "IBAN Auftraggeberkonto",
    ),
    columns=Columns(
        booked="Buchungstag",
        value="Wertstellung",
        kind="Umsatzart",
        description=("Buchungstext",),
        amount="Betrag",
        currency="Währung",
        account="IBAN Auftraggeberkonto",
    ),
    currency="EUR",
)

HOLDER = replace(
    GIRO,
    name="commerzbank-holder",
    header=(*GIRO.header[:6], "IBAN Kontoinhaber"),
    optional=("Kategorie",),
    columns=replace(GIRO.columns, account="IBAN Kontoinhaber"),
)
