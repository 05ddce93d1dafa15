"""The shape of each kind of object, and the row it becomes."""

from integrations.stripe.schemas.balance import BalanceTransaction, Payout
from integrations.stripe.schemas.base import Thing
from integrations.stripe.schemas.customers import Customer, Price, Product, Subscription
from integrations.stripe.schemas.invoices import CreditNote, Invoice
from integrations.stripe.schemas.lines import InvoiceLine
from integrations.stripe.schemas.payments import Charge, Dispute, PaymentIntent, Refund

__all__ = [
    "BalanceTransaction",
    "Charge",
    "CreditNote",
    "Customer",
    "Dispute",
    "Invoice",
    "InvoiceLine",
    "PaymentIntent",
    "Payout",
    "Price",
    "Product",
    "Refund",
    "Subscription",
    "Thing",
]
