"""The ready pipelines: one a kind of object, from the account into its table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ingestion import Context, Every, Periods, Pipeline, pipeline
from integrations.stripe import models, schemas
from integrations.stripe.client import accounts, live
from integrations.stripe.destination import Mirror
from integrations.stripe.distribution import Distribution
from integrations.stripe.events import EventHead, StripeEvents
from integrations.stripe.kinds import KINDS
from integrations.stripe.schemas.base import Row
from integrations.stripe.source import Stripe
from integrations.stripe.stored import StoredIds, StoredParts

INTEGRATION = "stripe"
LAG = timedelta(minutes=15)
"""Longer than events take to be listed, and than clocks may be apart."""


def _ready(
    kind: str, schema: type[schemas.Thing], model: type[models.StripeObject], whole: str = ""
) -> Callable[[Callable[..., Row]], Pipeline]:
    """`whole` names the column with the id of the object that one of these is a part of."""
    amount = KINDS[kind].amount
    known = StoredIds(model, whole or "external_id")
    return pipeline(
        f"stripe.{kind}",
        source=Stripe(kind, known=known, known_parts=StoredParts(model, whole) if whole else None),
        schema=schema,
        destination=Mirror(model),
        integration=INTEGRATION,
        periods=Periods("created_at", amount=amount, group="currency" if amount else "", gone="deleted_at"),
        schedule=Every(minutes=15),
        lag=LAG,
    )


@_ready("balance_transactions", schemas.BalanceTransaction, models.StripeBalanceTransaction)
def balance_transactions(transaction: schemas.BalanceTransaction, ctx: Context) -> Row:
    """Every movement on the Stripe balance, with its fee and net amount."""
    return transaction.row(ctx)


@_ready("charges", schemas.Charge, models.StripeCharge)
def charges(charge: schemas.Charge, ctx: Context) -> Row:
    """Stripe charges and what became of them."""
    return charge.row(ctx)


@_ready("credit_notes", schemas.CreditNote, models.StripeCreditNote)
def credit_notes(note: schemas.CreditNote, ctx: Context) -> Row:
    """Stripe credit notes on invoices."""
    return note.row(ctx)


@_ready("customers", schemas.Customer, models.StripeCustomer)
def customers(customer: schemas.Customer, ctx: Context) -> Row:
    """Stripe customers, deleted ones included."""
    return customer.row(ctx)


@_ready("disputes", schemas.Dispute, models.StripeDispute)
def disputes(dispute: schemas.Dispute, ctx: Context) -> Row:
    """Stripe disputes and when their evidence is due."""
    return dispute.row(ctx)


@pipeline("stripe.events", source=StripeEvents(), schema=EventHead, destination=Distribution(), integration=INTEGRATION)
def events(event: EventHead, ctx: Context) -> dict[str, object]:
    """Stripe webhooks: every event once, passed on to the connections that follow its object."""
    credential = ctx.credential()
    may_read = not event.account or event.account in accounts(credential)
    return {**event.row(), "expected_mode": live(credential.values.get("api_key", "")), "may_read": may_read}


@_ready("invoice_lines", schemas.InvoiceLine, models.StripeInvoiceLine, whole="invoice")
def invoice_lines(line: schemas.InvoiceLine, ctx: Context) -> Row:
    """All lines of Stripe invoices, those that drafts lost included."""
    return line.row(ctx)


@_ready("invoices", schemas.Invoice, models.StripeInvoice)
def invoices(invoice: schemas.Invoice, ctx: Context) -> Row:
    """Stripe invoices as they are drafted, sent and paid."""
    return invoice.row(ctx)


@_ready("payment_intents", schemas.PaymentIntent, models.StripePaymentIntent)
def payment_intents(intent: schemas.PaymentIntent, ctx: Context) -> Row:
    """Stripe payment intents from their creation to their end."""
    return intent.row(ctx)


@_ready("payouts", schemas.Payout, models.StripePayout)
def payouts(payout: schemas.Payout, ctx: Context) -> Row:
    """Stripe payouts to the bank."""
    return payout.row(ctx)


@_ready("prices", schemas.Price, models.StripePrice)
def prices(price: schemas.Price, ctx: Context) -> Row:
    """Stripe prices, active or not."""
    return price.row(ctx)


@_ready("products", schemas.Product, models.StripeProduct)
def products(product: schemas.Product, ctx: Context) -> Row:
    """Stripe products, deleted ones included."""
    return product.row(ctx)


@_ready("refunds", schemas.Refund, models.StripeRefund)
def refunds(refund: schemas.Refund, ctx: Context) -> Row:
    """Stripe refunds and whether they arrived."""
    return refund.row(ctx)


@_ready("subscriptions", schemas.Subscription, models.StripeSubscription)
def subscriptions(subscription: schemas.Subscription, ctx: Context) -> Row:
    """Stripe subscriptions, cancelled ones included."""
    return subscription.row(ctx)
