"""The ready pipelines: one for each kind of object, from the account into its table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ingestion import Context, Every, Periods, Pipeline, pipeline
from integrations.stripe import models, schemas
from integrations.stripe.client import connected_accounts, is_live_key
from integrations.stripe.destination import Mirror
from integrations.stripe.distribution import Distribution
from integrations.stripe.events import EventHead, StripeEvents
from integrations.stripe.kinds import KINDS
from integrations.stripe.schemas.base import Row
from integrations.stripe.source import Stripe
from integrations.stripe.stored import StoredIds, StoredParts

INTEGRATION = "stripe"
LAG = timedelta(minutes=15)
"""Longer than the time until an event is listed, and than the difference of clocks."""


def _object_pipeline(
    kind: str, schema: type[schemas.ObjectSchema], model: type[models.StripeObject], whole: str = ""
) -> Callable[[Callable[..., Row]], Pipeline]:
    """The decorator of a pipeline for `kind`. For a kind of parts, `whole` names the column with the whole's id."""
    amount = KINDS[kind].amount
    stored_ids = StoredIds(model, whole or "external_id")
    return pipeline(
        f"stripe.{kind}",
        source=Stripe(kind, stored_ids=stored_ids, stored_parts=StoredParts(model, whole) if whole else None),
        schema=schema,
        destination=Mirror(model),
        integration=INTEGRATION,
        periods=Periods("created_at", amount=amount, group="currency" if amount else "", gone="deleted_at"),
        schedule=Every(minutes=15),
        lag=LAG,
    )


@_object_pipeline("balance_transactions", schemas.BalanceTransaction, models.StripeBalanceTransaction)
def balance_transactions(transaction: schemas.BalanceTransaction, ctx: Context) -> Row:
    """Every movement on the Stripe balance, with its fee and net amount."""
    return transaction.row(ctx)


@_object_pipeline("charges", schemas.Charge, models.StripeCharge)
def charges(charge: schemas.Charge, ctx: Context) -> Row:
    """Stripe charges and what became of them."""
    return charge.row(ctx)


@_object_pipeline("credit_notes", schemas.CreditNote, models.StripeCreditNote)
def credit_notes(note: schemas.CreditNote, ctx: Context) -> Row:
    """Stripe credit notes on invoices."""
    return note.row(ctx)


@_object_pipeline("customers", schemas.Customer, models.StripeCustomer)
def customers(customer: schemas.Customer, ctx: Context) -> Row:
    """Stripe customers, deleted ones included."""
    return customer.row(ctx)


@_object_pipeline("disputes", schemas.Dispute, models.StripeDispute)
def disputes(dispute: schemas.Dispute, ctx: Context) -> Row:
    """Stripe disputes and when their evidence is due."""
    return dispute.row(ctx)


@pipeline("stripe.events", source=StripeEvents(), schema=EventHead, destination=Distribution(), integration=INTEGRATION)
def events(event: EventHead, ctx: Context) -> dict[str, object]:
    """Stripe webhooks: every event once, passed on to the connections that follow its object."""
    credential = ctx.credential()
    may_read = not event.account or event.account in connected_accounts(credential)
    return {**event.row(), "expected_mode": is_live_key(credential.values.get("api_key", "")), "may_read": may_read}


@_object_pipeline("invoice_lines", schemas.InvoiceLine, models.StripeInvoiceLine, whole="invoice")
def invoice_lines(line: schemas.InvoiceLine, ctx: Context) -> Row:
    """All lines of Stripe invoices, those that drafts lost included."""
    return line.row(ctx)


@_object_pipeline("invoices", schemas.Invoice, models.StripeInvoice)
def invoices(invoice: schemas.Invoice, ctx: Context) -> Row:
    """Stripe invoices as they are drafted, sent and paid."""
    return invoice.row(ctx)


@_object_pipeline("payment_intents", schemas.PaymentIntent, models.StripePaymentIntent)
def payment_intents(intent: schemas.PaymentIntent, ctx: Context) -> Row:
    """Stripe payment intents from their creation to their end."""
    return intent.row(ctx)


@_object_pipeline("payouts", schemas.Payout, models.StripePayout)
def payouts(payout: schemas.Payout, ctx: Context) -> Row:
    """Stripe payouts to the bank."""
    return payout.row(ctx)


@_object_pipeline("prices", schemas.Price, models.StripePrice)
def prices(price: schemas.Price, ctx: Context) -> Row:
    """Stripe prices, active or not."""
    return price.row(ctx)


@_object_pipeline("products", schemas.Product, models.StripeProduct)
def products(product: schemas.Product, ctx: Context) -> Row:
    """Stripe products, deleted ones included."""
    return product.row(ctx)


@_object_pipeline("refunds", schemas.Refund, models.StripeRefund)
def refunds(refund: schemas.Refund, ctx: Context) -> Row:
    """Stripe refunds and whether they arrived."""
    return refund.row(ctx)


@_object_pipeline("subscriptions", schemas.Subscription, models.StripeSubscription)
def subscriptions(subscription: schemas.Subscription, ctx: Context) -> Row:
    """Stripe subscriptions, cancelled ones included."""
    return subscription.row(ctx)
