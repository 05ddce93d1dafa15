"""Revolut, the personal export. A fee has a column of its own and is not part of the amount; the balance is after both.

Pockets (`Product`) have balances of their own. What was reverted never took place.
"""

from integrations.bank.layouts.layout import Columns, CsvLayout

ACCOUNT = CsvLayout(
    name="revolut",
    bank="Revolut",
    delimiter=",",
    header=(
        "Type",
        "Product",
        "Started Date",
        "Completed Date",
        "Description",
        "Amount",
        "Fee",
        "Currency",
        "State",
        "Balance",
    ),
    columns=Columns(
        booked="Completed Date",
        kind="Type",
        pocket="Product",
        description=("Description",),
        amount="Amount",
        fee="Fee",
        currency="Currency",
        status="State",
        balance="Balance",
    ),
    date_formats=("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"),
    decimal=".",
    thousands="",
    unsigned_fees=True,
    booked=("COMPLETED",),
    pending=("PENDING",),
    void=("REVERTED", "DECLINED", "FAILED"),
)
"""Columns, states and the meaning of the fee as several public importers of this export read them."""
