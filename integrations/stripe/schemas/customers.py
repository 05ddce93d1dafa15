"""Customers, products, prices and subscriptions."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from integrations.stripe.schemas.base import Flag, ObjectSchema, Ref, Row, Seconds, Text, to_datetime


class Customer(ObjectSchema):
    name: Text = ""
    email: Text = ""
    phone: Text = ""
    description: Text = ""
    balance: int | None = Field(None, validation_alias=AliasChoices("balance", "account_balance"))
    """Owed by (positive) or to (negative) the customer; `account_balance` before 2019."""
    delinquent: Flag = False

    def columns(self) -> Row:
        return {
            "name": self.name,
            "email": self.email[:512],
            "phone": self.phone[:100],
            "description": self.description,
            "currency": self.currency.upper(),
            "balance": self.money(self.balance) if self.currency else None,
            "delinquent": self.delinquent,
        }


class Product(ObjectSchema):
    required = ("name",)

    name: Text = ""
    description: Text = ""
    active: Flag = False
    default_price: Ref = ""
    unit_label: Text = ""

    def columns(self) -> Row:
        return {
            "name": self.name,
            "description": self.description,
            "active": self.active,
            "default_price": self.default_price,
            "unit_label": self.unit_label[:100],
        }


class Recurring(BaseModel):
    interval: Text = ""
    interval_count: int | None = None
    usage_type: Text = ""


class Price(ObjectSchema):
    required = ("currency",)

    product: Ref = ""
    active: Flag = False
    nickname: Text = ""
    lookup_key: Text = ""
    type: Text = ""
    billing_scheme: Text = ""
    unit_amount: int | None = None
    unit_amount_decimal: Decimal | None = None
    """Minor units with up to twelve decimals; tiered prices have neither."""
    recurring: Recurring | None = None

    def columns(self) -> Row:
        exact = self.unit_amount_decimal if self.unit_amount_decimal is not None else self.unit_amount
        recurring = self.recurring or Recurring()
        return {
            "product": self.product,
            "active": self.active,
            "nickname": self.nickname,
            "lookup_key": self.lookup_key[:255],
            "currency": self.currency.upper(),
            "unit_amount": self.money(exact),
            "kind": self.type[:30],
            "billing_scheme": self.billing_scheme[:30],
            "interval": recurring.interval[:20],
            "interval_count": recurring.interval_count,
        }


class SubscriptionItem(BaseModel):
    """One price of a subscription and its quantity; before 2020 the price was a plan."""

    id: str = ""
    price: Ref = Field("", validation_alias=AliasChoices("price", "plan"))
    quantity: int | None = None
    current_period_start: Seconds | None = None
    current_period_end: Seconds | None = None


def _data_of(value: Any) -> Any:
    return value.get("data", []) if isinstance(value, dict) else value or []


class Subscription(ObjectSchema):
    """A subscription. Its period is a member of each item since 2025, and was one of the subscription before."""

    required = ("status",)

    customer: Ref = ""
    status: Text = ""
    collection_method: Text = Field("", validation_alias=AliasChoices("collection_method", "billing"))
    latest_invoice: Ref = ""
    default_payment_method: Ref = ""
    items: Annotated[list[SubscriptionItem], BeforeValidator(_data_of)] = []
    start_date: Seconds | None = Field(None, validation_alias=AliasChoices("start_date", "start"))
    current_period_start: Seconds | None = None
    current_period_end: Seconds | None = None
    cancel_at_period_end: Flag = False
    cancel_at: Seconds | None = None
    canceled_at: Seconds | None = None
    ended_at: Seconds | None = None
    trial_end: Seconds | None = None

    def columns(self) -> Row:
        starts = [item.current_period_start for item in self.items if item.current_period_start is not None]
        ends = [item.current_period_end for item in self.items if item.current_period_end is not None]
        return {
            "customer": self.customer,
            "status": self.status[:30],
            "currency": self.currency.upper(),
            "collection_method": self.collection_method[:30],
            "latest_invoice": self.latest_invoice,
            "items": [{"id": item.id, "price": item.price, "quantity": item.quantity} for item in self.items],
            "started_at": to_datetime(self.start_date),
            "period_start": to_datetime(self.current_period_start or min(starts, default=None)),
            "period_end": to_datetime(self.current_period_end or max(ends, default=None)),
            "cancel_at_period_end": self.cancel_at_period_end,
            "cancel_at": to_datetime(self.cancel_at),
            "canceled_at": to_datetime(self.canceled_at),
            "ended_at": to_datetime(self.ended_at),
            "trial_end": to_datetime(self.trial_end),
        }
