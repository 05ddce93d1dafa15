"""Commerzbank (DE)."""

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
