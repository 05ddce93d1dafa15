"""ING: Germany (preamble, running balance) and the Netherlands (debit/credit flag)."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble

GERMANY = CsvLayout(
    name="ing-de",
    bank="ING",
    header=(
        "Buchung",
        "Valuta",
        "Auftraggeber/Empfänger",
        "Buchungstext",
        "Verwendungszweck",
        "Saldo",
        "Währung",
        "Betrag",
        "Währung",
    ),
    columns=Columns(
        booked="Buchung",
        value="Valuta",
        amount="Betrag",
        currency="Währung#2",
        balance="Saldo",
        balance_currency="Währung",
        counterparty=("Auftraggeber/Empfänger",),
        kind="Buchungstext",
        description=("Verwendungszweck",),
    ),
    currency="EUR",
    # The balance up here is the one of the moment of the export, not of the period's end: left alone.
    preamble=Preamble(
        account=r"^IBAN \| (.+)$",
        bank=r"^Bank \| (.+)$",
        name=r"^Kontoname \| (.+)$",
        period_start=r"^Zeitraum \| (\S+) - \S+$",
        period_end=r"^Zeitraum \| \S+ - (\S+)$",
    ),
)

NETHERLANDS = CsvLayout(
    name="ing-nl",
    bank="ING",
    delimiter=";,",
    header=(
        "Datum",
        "Naam / Omschrijving",
        "Rekening",
        "Tegenrekening",
        "Code",
        "Af Bij",
        "Bedrag (EUR)",
        "Mutatiesoort",
        "Mededelingen",
    ),
    optional=("Saldo na mutatie", "Tag"),  # the file with semicolons has them, the one with commas has not
    columns=Columns(
        booked="Datum",
        amount="Bedrag (EUR)",
        sign="Af Bij",
        balance="Saldo na mutatie",
        account="Rekening",
        counterparty=("Naam / Omschrijving",),
        counterparty_account="Tegenrekening",
        kind="Code",
        description=("Mededelingen",),
    ),
    date_formats=("%Y%m%d",),
    thousands="",
    debit_flags=("Af",),
    credit_flags=("Bij",),
    currency="EUR",
)

NETHERLANDS_ENGLISH = replace(
    NETHERLANDS,
    name="ing-nl-en",
    header=(
        "Date",
        "Name / Description",
        "Account",
        "Counterparty",
        "Code",
        "Debit/credit",
        "Amount (EUR)",
        "Transaction type",
        "Notifications",
    ),
    optional=("Resulting balance", "Tag"),
    columns=Columns(
        booked="Date",
        amount="Amount (EUR)",
        sign="Debit/credit",
        balance="Resulting balance",
        account="Account",
        counterparty=("Name / Description",),
        counterparty_account="Counterparty",
        kind="Code",
        description=("Notifications",),
    ),
    debit_flags=("Debit",),
    credit_flags=("Credit",),
)
