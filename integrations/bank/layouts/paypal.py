"""PayPal, the activity download in English. Amount, fee and net amount are three columns, and must tie.

One file holds all currencies of the account. Day and month stand in the order of the user's country, which the file
does not name. Rows whose `Balance Impact` is Memo (authorizations, orders) move no money.
"""

from dataclasses import replace

from integrations.bank.layouts.layout import Columns, CsvLayout

DAY_FIRST = CsvLayout(
    name="paypal-dmy",
    bank="PayPal",
    delimiter=",\t",
    header=("Date", "Time", "Name", "Type", "Status", "Currency", "Gross", "Fee", "Net", "Transaction ID"),
    optional=(
        *("TimeZone", "Time Zone", "From Email Address", "To Email Address", "Shipping Address", "Address Status"),
        *("Item Title", "Item ID", "Shipping and Handling Amount", "Insurance Amount", "Sales Tax", "Option 1 Name"),
        *("Option 1 Value", "Option 2 Name", "Option 2 Value", "Reference Txn ID", "Invoice Number", "Custom Number"),
        *("Quantity", "Receipt ID", "Balance", "Address Line 1", "Address Line 2/District/Neighborhood", "Town/City"),
        *("State/Province/Region/County/Territory/Prefecture/Republic", "Zip/Postal Code", "Country"),
        *("Contact Phone Number", "Subject", "Note", "Country Code", "Balance Impact"),
    ),
    columns=Columns(
        booked="Date",
        kind="Type",
        status="Status",
        impact="Balance Impact",
        currency="Currency",
        amount="Gross",
        fee="Fee",
        net="Net",
        balance="Balance",
        bank_id="Transaction ID",
        reference="Invoice Number",
        counterparty=("Name",),
        description=("Item Title", "Subject", "Note"),
    ),
    date_formats=("%d/%m/%Y",),
    decimal=".",
    thousands=",",
    booked=("Completed", "Cleared", "Refunded", "Partially Refunded", "Returned", "Reversed", "Unclaimed"),
    pending=("Pending", "Processing", "Held"),
    void=("Memo", "Canceled", "Cancelled", "Declined", "Denied", "Expired", "Failed", "Removed", "Voided"),
)

MONTH_FIRST = replace(DAY_FIRST, name="paypal-mdy", date_formats=("%m/%d/%Y",))
