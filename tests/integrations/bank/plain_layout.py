"""The plainest CSV layout there is, for tests that change one thing of it."""

from integrations.bank.layouts import Columns, CsvLayout

PLAIN = CsvLayout(
    name="plain",
    bank="Plain Bank",
    header=("Day", "Text", "Sum"),
    columns=Columns(booked="Day", description=("Text",), amount="Sum"),
    date_formats=("%Y-%m-%d",),
    currency="EUR",
)
