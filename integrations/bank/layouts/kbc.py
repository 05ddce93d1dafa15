"""KBC and CBC (BE). Cells are padded with spaces to fixed widths."""

from integrations.bank.layouts.layout import Columns, CsvLayout

ACCOUNT = CsvLayout(
    name="kbc",
    bank="KBC",
    header=(
        "Rekeningnummer",
        "Rubrieknaam",
        "Naam",
        "Munt",
        "Afschriftnummer",
        "Datum",
        "Omschrijving",
        "Valuta",
        "Bedrag",
        "Saldo",
        "credit",
        "debet",
        "rekeningnummer tegenpartij",
        "BIC tegenpartij",
        "Naam tegenpartij",
        "Adres tegenpartij",
        "gestructureerde mededeling",
        "Vrije mededeling",
    ),
    columns=Columns(
        account="Rekeningnummer",
        currency="Munt",
        booked="Datum",
        value="Valuta",
        amount="Bedrag",
        balance="Saldo",
        counterparty=("Naam tegenpartij",),
        counterparty_account="rekeningnummer tegenpartij",
        reference="gestructureerde mededeling",
        description=("Omschrijving", "Vrije mededeling"),
    ),
    date_formats=("%d/%m/%Y",),
)
