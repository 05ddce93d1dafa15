"""Payment intents, charges, refunds and disputes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from integrations.stripe.schemas.base import Flag, ObjectSchema, Ref, Row, Seconds, Text, to_datetime


class MethodDetails(BaseModel):
    type: Text = ""


class Charge(ObjectSchema):
    required = ("amount", "currency", "status")

    amount: int | None = None
    amount_captured: int | None = None
    amount_refunded: int | None = None
    customer: Ref = ""
    payment_intent: Ref = ""
    invoice: Ref = ""
    """Only before 2025."""
    balance_transaction: Ref = ""
    status: Text = ""
    paid: Flag = False
    captured: Flag = False
    refunded: Flag = False
    disputed: Flag = False
    failure_code: Text = ""
    description: Text = ""
    payment_method_details: MethodDetails | None = None

    def columns(self) -> Row:
        captured = self.amount_captured
        if captured is None:  # before 2020
            captured = self.amount if self.captured and self.paid else 0
        return {
            "customer": self.customer,
            "payment_intent": self.payment_intent,
            "invoice": self.invoice,
            "balance_transaction": self.balance_transaction,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "amount_captured": self.money(captured),
            "amount_refunded": self.money(self.amount_refunded or 0),
            "status": self.status[:30],
            "paid": self.paid,
            "captured": self.captured,
            "refunded": self.refunded,
            "disputed": self.disputed,
            "failure_code": self.failure_code[:100],
            "description": self.description,
            "method": self.payment_method_details.type[:50] if self.payment_method_details else "",
        }


def _newest_charge(value: Any) -> Any:
    """The id of the newest charge in a list of charges, which payment intents had before 2022."""
    charges = value.get("data") if isinstance(value, dict) else None
    return charges[0].get("id", "") if charges and isinstance(charges[0], dict) else ""


class PaymentIntent(ObjectSchema):
    required = ("amount", "currency", "status")

    amount: int | None = None
    amount_received: int | None = None
    amount_capturable: int | None = None
    customer: Ref = ""
    latest_charge: Ref = ""
    charges: Annotated[str, BeforeValidator(_newest_charge)] = ""
    payment_method: Ref = ""
    status: Text = ""
    description: Text = ""
    canceled_at: Seconds | None = None
    cancellation_reason: Text = ""

    def columns(self) -> Row:
        return {
            "customer": self.customer,
            "latest_charge": self.latest_charge or self.charges,
            "payment_method": self.payment_method,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "amount_received": self.money(self.amount_received or 0),
            "amount_capturable": self.money(self.amount_capturable or 0),
            "status": self.status[:30],
            "description": self.description,
            "canceled_at": to_datetime(self.canceled_at),
            "cancellation_reason": self.cancellation_reason[:50],
        }


class Refund(ObjectSchema):
    required = ("amount", "currency")

    amount: int | None = None
    charge: Ref = ""
    payment_intent: Ref = ""
    balance_transaction: Ref = ""
    status: Text = ""
    reason: Text = ""
    failure_reason: Text = ""

    def columns(self) -> Row:
        return {
            "charge": self.charge,
            "payment_intent": self.payment_intent,
            "balance_transaction": self.balance_transaction,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "status": self.status[:30],
            "reason": self.reason[:50],
            "failure_reason": self.failure_reason[:100],
        }


class Evidence(BaseModel):
    due_by: Seconds | None = None


class Dispute(ObjectSchema):
    required = ("amount", "currency", "status")

    amount: int | None = None
    charge: Ref = ""
    payment_intent: Ref = ""
    status: Text = ""
    reason: Text = ""
    is_charge_refundable: Flag = False
    evidence_details: Evidence | None = None

    def columns(self) -> Row:
        return {
            "charge": self.charge,
            "payment_intent": self.payment_intent,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "status": self.status[:50],
            "reason": self.reason[:50],
            "charge_refundable": self.is_charge_refundable,
            "evidence_due_at": to_datetime(self.evidence_details.due_by) if self.evidence_details else None,
        }
