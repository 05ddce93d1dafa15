"""The schema of each kind of object, which also makes its row."""

from integrations.stripe.schemas.balance import BalanceTransaction, Payout
from integrations.stripe.schemas.base import ObjectSchema
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
    "ObjectSchema",
    "PaymentIntent",
    "Payout",
    "Price",
    "Product",
    "Refund",
    "Subscription",
]
