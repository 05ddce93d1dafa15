"""Deutsche Kreditbank (DE): giro account and card, before and since the 2023 web site."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble

GIRO = CsvLayout(
    name="dkb-giro",
    bank="DKB",
    delimiter=";,",
    header=(
        "Buchungsdatum",
        "Wertstellung",
        "Status",
        "Zahlungspflichtige*r",
        "Zahlungsempfänger*in",
        "Verwendungszweck",
        "Umsatztyp",
        "IBAN",
        "Betrag (€)",
        "Gläubiger-ID",
        "Mandatsreferenz",
        "Kundenreferenz",
    ),
    columns=Columns(
        booked="Buchungsdatum",
        value="Wertstellung",
        status="Status",
        amount="Betrag (€)",
        payer="Zahlungspflichtige*r",
        payee="Zahlungsempfänger*in",
        counterparty_account="IBAN",
        description=("Verwendungszweck",),
        kind="Umsatztyp",
        reference="Kundenreferenz",
    ),
    date_formats=("%d.%m.%y", "%d.%m.%Y"),
    symbols=("EUR", "€"),
    pending=("Vorgemerkt",),
    currency="EUR",
    preamble=Preamble(
        account=r"^Girokonto \| ([A-Z]{2}[0-9A-Z ]+)$",
        closing=r"^Kontostand vom [0-9.]+: \| (.+)$",
        closing_on=r"^Kontostand vom ([0-9.]+):",
        either_mark=True,
    ),
)

GIRO_2023 = replace(
    GIRO,
    name="dkb-giro-2023",
    header=(*GIRO.header[:7], "Betrag", *GIRO.header[9:]),
    columns=replace(GIRO.columns, amount="Betrag", counterparty_account=""),
    preamble=replace(GIRO.preamble, account=r"^(?:Girok|K)onto \| (?:Girokonto )?([A-Z]{2}[0-9][0-9A-Z ]+)$"),
)
"""The new web site's first export: without the other side's IBAN, and with the currency behind each amount."""

CREDIT = CsvLayout(
    name="dkb-credit",
    bank="DKB",
    delimiter=";,",
    header=("Belegdatum", "Wertstellung", "Status", "Beschreibung", "Umsatztyp", "Betrag (€)", "Fremdwährungsbetrag"),
    columns=Columns(
        # The card has no booking date: the day it counts from is the one the balance follows.
        booked="Wertstellung",
        value="Wertstellung",
        status="Status",
        amount="Betrag (€)",
        description=("Beschreibung",),
        kind="Umsatztyp",
    ),
    date_formats=("%d.%m.%y", "%d.%m.%Y"),
    symbols=("EUR", "€"),
    pending=("Vorgemerkt",),
    currency="EUR",
    preamble=Preamble(
        account=r"^Karte \| .*\| (.*[0-9]{4})$",
        closing=r"^Saldo vom [0-9.]+: \| (.+)$",
        closing_on=r"^Saldo vom ([0-9.]+):",
        either_mark=True,
    ),
)

CREDIT_2023 = replace(
    CREDIT,
    name="dkb-credit-2023",
    header=(*CREDIT.header[:5], "Betrag", "Fremdwährungsbetrag"),
    columns=replace(CREDIT.columns, amount="Betrag"),
    preamble=replace(CREDIT.preamble, account=r"^Karte \| [^0-9]*([0-9]{4}[0-9 •]*[0-9]{4})$"),
)

GIRO_2018 = replace(
    GIRO,
    name="dkb-giro-2018",
    header=(
        "Buchungstag",
        "Wertstellung",
        "Buchungstext",
        "Auftraggeber / Begünstigter",
        "Verwendungszweck",
        "Kontonummer",
        "BLZ",
        "Betrag (EUR)",
        "Gläubiger-ID",
        "Mandatsreferenz",
        "Kundenreferenz",
    ),
    columns=Columns(
        booked="Buchungstag",
        value="Wertstellung",
        amount="Betrag (EUR)",
        counterparty=("Auftraggeber / Begünstigter",),
        counterparty_account="Kontonummer",
        description=("Verwendungszweck",),
        kind="Buchungstext",
        reference="Kundenreferenz",
    ),
    preamble=Preamble(
        account=r"^Kontonummer: \| (\S+)",
        closing=r"^Kontostand vom [0-9.]+: \| (.+)$",
        closing_on=r"^Kontostand vom ([0-9.]+):",
        period_start=r"^Von: \| (\S+)$",
        period_end=r"^Bis: \| (\S+)$",
        either_mark=True,
    ),
    # A balance of the day between the entries: a booking date, this text and at most the balance in the amount column.
    # A row with anything more, such as a value date or a counterparty, is an entry whose text happens to be this word.
    footers=(r"^[0-9.]+ \| Tagessaldo( \| [^|]+)?$",),
)

CREDIT_2018 = replace(
    CREDIT,
    name="dkb-credit-2018",
    header=(
        "Umsatz abgerechnet und nicht im Saldo enthalten",
        "Wertstellung",
        "Belegdatum",
        "Beschreibung",
        "Betrag (EUR)",
        "Ursprünglicher Betrag",
    ),
    columns=Columns(booked="Wertstellung", value="Wertstellung", amount="Betrag (EUR)", description=("Beschreibung",)),
    preamble=Preamble(
        account=r"^Kreditkarte: \| (\S+)",
        closing=r"^Saldo: \| (.+)$",
        closing_on=r"^Datum: \| (\S+)$",
        period_start=r"^Von: \| (\S+)$",
        period_end=r"^Bis: \| (\S+)$",
        either_mark=True,
    ),
)
