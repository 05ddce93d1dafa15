"""The tables of the Stripe integration: one for each kind of object, and one for the events of webhooks."""

from integrations.stripe.models.balance import StripeBalanceTransaction, StripePayout
from integrations.stripe.models.base import StripeObject
from integrations.stripe.models.customers import StripeCustomer, StripePrice, StripeProduct, StripeSubscription
from integrations.stripe.models.events import StripeEvent
from integrations.stripe.models.invoices import StripeCreditNote, StripeInvoice, StripeInvoiceLine
from integrations.stripe.models.payments import StripeCharge, StripeDispute, StripePaymentIntent, StripeRefund

__all__ = [
    "StripeBalanceTransaction",
    "StripeCharge",
    "StripeCreditNote",
    "StripeCustomer",
    "StripeDispute",
    "StripeEvent",
    "StripeInvoice",
    "StripeInvoiceLine",
    "StripeObject",
    "StripePaymentIntent",
    "StripePayout",
    "StripePrice",
    "StripeProduct",
    "StripeRefund",
    "StripeSubscription",
]
