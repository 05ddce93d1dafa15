"""Lines of invoices, as the API has them since 2025 and as it had them before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel

from integrations.stripe.schemas.base import Flag, Ref, Row, Seconds, Text, Thing, moment


class Period(BaseModel):
    start: Seconds | None = None
    end: Seconds | None = None


class PriceDetails(BaseModel):
    price: Ref = ""
    product: Ref = ""


class Pricing(BaseModel):
    price_details: PriceDetails | None = None
    unit_amount_decimal: Decimal | None = None


class Details(BaseModel):
    """What the line was made of: an invoice item, or an item of a subscription."""

    invoice_item: Ref = ""
    subscription: Ref = ""
    subscription_item: Ref = ""
    proration: Flag = False


class Parent(BaseModel):
    invoice_item_details: Details | None = None
    subscription_item_details: Details | None = None


class OldPrice(BaseModel):
    """A price, or a plan, as a whole object."""

    id: Text = ""
    product: Ref = ""
    unit_amount_decimal: Decimal | None = None
    amount_decimal: Decimal | None = None


class Discount(BaseModel):
    amount: int = 0


class Tax(BaseModel):
    """`tax_behavior` since 2025, `inclusive` before."""

    amount: int = 0
    tax_behavior: Text = ""
    inclusive: Flag = False

    @property
    def on_top(self) -> int:
        return 0 if self.inclusive or self.tax_behavior == "inclusive" else self.amount


class InvoiceLine(Thing):
    """Price, subscription and the rest stood on the line before 2025 and stand under `pricing` and `parent` since."""

    wanted = ("amount", "currency")

    invoice: Ref = ""
    amount: int | None = None
    description: Text = ""
    quantity: Decimal | None = None
    quantity_decimal: Decimal | None = None
    period: Period | None = None
    pricing: Pricing | None = None
    parent: Parent | None = None
    price: OldPrice | str | None = None
    plan: OldPrice | str | None = None
    subscription: Ref = ""
    subscription_item: Ref = ""
    invoice_item: Ref = ""
    proration: Flag = False
    discount_amounts: Sequence[Discount] | None = None
    taxes: Sequence[Tax] | None = None
    tax_amounts: Sequence[Tax] | None = None

    def columns(self) -> Row:
        details, period = self._details(), self.period or Period()
        price, product, unit = self._price()
        taxes = self.taxes if self.taxes is not None else self.tax_amounts
        return {
            "invoice": (self.mark.whole if self.mark else "") or self.invoice,
            "description": self.description,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "discount": self.money(sum(one.amount for one in self.discount_amounts or ())),
            "tax": self.money(sum(one.on_top for one in taxes or ())),
            "quantity": self.quantity_decimal if self.quantity_decimal is not None else self.quantity,
            "unit_amount": self.money(unit),
            "price": price,
            "product": product,
            "subscription": details.subscription or self.subscription,
            "subscription_item": details.subscription_item or self.subscription_item,
            "invoice_item": details.invoice_item or self.invoice_item,
            "proration": details.proration or self.proration,
            "period_start": moment(period.start),
            "period_end": moment(period.end),
        }

    def _details(self) -> Details:
        """What the line was made of; of both, that of the subscription, which names the invoice item too."""
        parent = self.parent or Parent()
        return parent.subscription_item_details or parent.invoice_item_details or Details()

    def _price(self) -> tuple[str, str, Decimal | None]:
        """Price, product and exact unit amount in minor units, wherever they stand."""
        if self.pricing is not None:
            named = self.pricing.price_details or PriceDetails()
            return named.price, named.product, self.pricing.unit_amount_decimal
        old = self.price or self.plan
        if isinstance(old, OldPrice):
            unit = old.unit_amount_decimal if old.unit_amount_decimal is not None else old.amount_decimal
            return old.id, old.product, unit
        return old or "", "", None
