"""Invoices and credit notes."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, Field

from integrations.stripe.schemas.base import Flag, ObjectSchema, Ref, Row, Seconds, Text, to_datetime


class SubscriptionDetails(BaseModel):
    subscription: Ref = ""


class InvoiceParent(BaseModel):
    subscription_details: SubscriptionDetails | None = None


class Transitions(BaseModel):
    finalized_at: Seconds | None = None
    paid_at: Seconds | None = None
    voided_at: Seconds | None = None


class Invoice(ObjectSchema):
    """An invoice. Its subscription is under `parent` since 2025, and was a member of the invoice before."""

    required = ("currency", "total")

    customer: Ref = ""
    subscription: Ref = ""
    parent: InvoiceParent | None = None
    number: Text = ""
    status: Text = ""
    paid: Flag = False
    billing_reason: Text = ""
    collection_method: Text = Field("", validation_alias=AliasChoices("collection_method", "billing"))
    description: Text = ""
    subtotal: int | None = None
    total: int | None = None
    amount_due: int | None = None
    amount_paid: int | None = None
    amount_remaining: int | None = None
    due_date: Seconds | None = None
    period_start: Seconds | None = None
    period_end: Seconds | None = None
    created: Seconds | None = Field(None, validation_alias=AliasChoices("created", "date"))
    status_transitions: Transitions | None = None

    @property
    def of_subscription(self) -> str:
        """The id of the invoice's subscription, from the member of either API version."""
        details = self.parent.subscription_details if self.parent else None
        return (details.subscription if details else "") or self.subscription

    def columns(self) -> Row:
        transitions = self.status_transitions or Transitions()
        return {
            "customer": self.customer,
            "subscription": self.of_subscription,
            "number": self.number[:100],
            "status": self.status[:30] or ("paid" if self.paid else ""),
            "billing_reason": self.billing_reason[:50],
            "collection_method": self.collection_method[:30],
            "description": self.description,
            "currency": self.currency.upper(),
            "subtotal": self.money(self.subtotal),
            "total": self.money(self.total),
            "amount_due": self.money(self.amount_due),
            "amount_paid": self.money(self.amount_paid),
            "amount_remaining": self.money(self._remaining()),
            "due_at": to_datetime(self.due_date),
            "period_start": to_datetime(self.period_start),
            "period_end": to_datetime(self.period_end),
            "finalized_at": to_datetime(transitions.finalized_at),
            "paid_at": to_datetime(transitions.paid_at),
            "voided_at": to_datetime(transitions.voided_at),
        }

    def _remaining(self) -> int | None:
        if self.amount_remaining is None and self.amount_due is not None and self.amount_paid is not None:
            return self.amount_due - self.amount_paid
        return self.amount_remaining


class CreditNote(ObjectSchema):
    required = ("currency", "invoice")

    invoice: Ref = ""
    customer: Ref = ""
    number: Text = ""
    status: Text = ""
    type: Text = ""
    reason: Text = ""
    memo: Text = ""
    subtotal: int | None = None
    total: int | None = None
    amount: int | None = None
    voided_at: Seconds | None = None

    def columns(self) -> Row:
        return {
            "invoice": self.invoice,
            "customer": self.customer,
            "number": self.number[:100],
            "status": self.status[:30],
            "kind": self.type[:30],
            "reason": self.reason[:50],
            "memo": self.memo,
            "currency": self.currency.upper(),
            "subtotal": self.money(self.subtotal),
            "total": self.money(self.total if self.total is not None else self.amount),
            "voided_at": to_datetime(self.voided_at),
        }
