"""Raiffeisen: Austria (three exports, none with a header) and the Czech Republic."""

from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble

AUSTRIA = CsvLayout(
    name="raiffeisen-at",
    bank="Raiffeisen",
    width=7,
    columns=Columns(booked="#1", description=("#2",), value="#3", amount="#4", currency="#5"),
)

AUSTRIA_TWO_COLUMNS = CsvLayout(
    name="raiffeisen-at-tab",
    bank="Raiffeisen",
    delimiter="\t",
    width=5,
    columns=Columns(booked="#1", description=("#2",), value="#3", credit="#4", debit="#5"),
    currency="EUR",
)

AUSTRIA_RCM = CsvLayout(
    name="raiffeisen-at-rcm",
    bank="Raiffeisen",
    delimiter="|",
    width=6,
    columns=Columns(booked="#3", counterparty=("#4",), amount="#5", description=("#2", "#6")),
    date_formats=("%Y%m%d",),
    decimal=".",
    thousands="",
    preamble=Preamble(
        bank=r"^K \| ([0-9]+) \|", account=r"^K \| [0-9]+ \| ([0-9]+) \|", currency=r"^K \|.* \| ([A-Z]{3})$"
    ),
)

CZECHIA = CsvLayout(
    name="raiffeisen-cz",
    bank="Raiffeisenbank",
    encodings=("utf-8", "cp1250"),
    header=(
        "Datum provedení",
        "Datum zaúčtování",
        "Číslo účtu",
        "Název účtu",
        "Kategorie transakce",
        "Číslo protiúčtu",
        "Název protiúčtu",
        "Typ transakce",
        "Zpráva",
        "Poznámka",
        "VS",
        "KS",
        "SS",
        "Zaúčtovaná částka",
        "Měna účtu",
        "Původní částka a měna",
        "Původní částka a měna",
        "Poplatek",
        "Id transakce,",  # the comma is the bank's
    ),
    columns=Columns(
        booked="Datum zaúčtování",
        value="Datum provedení",
        account="Číslo účtu",
        counterparty=("Název protiúčtu",),
        counterparty_account="Číslo protiúčtu",
        kind="Typ transakce",
        description=("Zpráva", "Poznámka"),
        reference="VS",
        amount="Zaúčtovaná částka",
        currency="Měna účtu",
        bank_id="Id transakce,",
    ),
    thousands=" ",
)
