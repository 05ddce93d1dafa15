"""Singapore: DBS/POSB (columns for debit and credit) and OCBC (descriptions that run over two rows)."""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout, Preamble

DBS = CsvLayout(
    name="dbs",
    bank="DBS/POSB",
    delimiter=",",
    header=(
        "Transaction Date",
        "Reference",
        "Debit Amount",
        "Credit Amount",
        "Transaction Ref1",
        "Transaction Ref2",
        "Transaction Ref3",
    ),
    columns=Columns(
        booked="Transaction Date",
        kind="Reference",
        debit="Debit Amount",
        credit="Credit Amount",
        counterparty=("Transaction Ref1",),
        description=("Transaction Ref2", "Transaction Ref3"),
    ),
    date_formats=("%d %b %Y",),
    decimal=".",
    thousands=",",
    currency="SGD",
    preamble=Preamble(account=r"^Account Details For: \| .*?([0-9-]{9,})$"),
)

DBS_BARE = replace(
    DBS,
    name="dbs-bare",
    header=(),
    width=8,
    columns=Columns(booked="#1", kind="#2", debit="#3", credit="#4", counterparty=("#5",), description=("#6", "#7")),
    preamble=Preamble(),
)

OCBC = CsvLayout(
    name="ocbc",
    bank="OCBC",
    delimiter=",",
    header=("Transaction date", "Value date", "Description", "Withdrawals (SGD)", "Deposits (SGD)"),
    columns=Columns(
        booked="Transaction date",
        value="Value date",
        description=("Description",),
        debit="Withdrawals (SGD)",
        credit="Deposits (SGD)",
    ),
    date_formats=("%d/%m/%Y",),
    decimal=".",
    thousands=",",
    currency="SGD",
    # Available and ledger balance are those of the moment of the export: left alone.
    preamble=Preamble(account=r"^Account details for: \| .*?([0-9-]{9,})$"),
    multiline=True,
)
