"""Lines of invoices, in the form of the API since 2025 and in the form before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel

from integrations.stripe.schemas.base import Flag, ObjectSchema, Ref, Row, Seconds, Text, to_datetime


class Period(BaseModel):
    start: Seconds | None = None
    end: Seconds | None = None


class PriceDetails(BaseModel):
    price: Ref = ""
    product: Ref = ""


class Pricing(BaseModel):
    price_details: PriceDetails | None = None
    unit_amount_decimal: Decimal | None = None


class LineItemDetails(BaseModel):
    """The origin of the line: an invoice item, or an item of a subscription."""

    invoice_item: Ref = ""
    subscription: Ref = ""
    subscription_item: Ref = ""
    proration: Flag = False


class LineParent(BaseModel):
    invoice_item_details: LineItemDetails | None = None
    subscription_item_details: LineItemDetails | None = None


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
        """The tax that is added to the line's amount; 0 for a tax that the amount includes."""
        return 0 if self.inclusive or self.tax_behavior == "inclusive" else self.amount


class InvoiceLine(ObjectSchema):
    """A line of an invoice. Since 2025 price, subscription and so on are under `pricing` and `parent`."""

    required = ("amount", "currency")

    invoice: Ref = ""
    amount: int | None = None
    description: Text = ""
    quantity: Decimal | None = None
    quantity_decimal: Decimal | None = None
    period: Period | None = None
    pricing: Pricing | None = None
    parent: LineParent | None = None
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
            "discount": self.money(sum(discount.amount for discount in self.discount_amounts or ())),
            "tax": self.money(sum(tax.on_top for tax in taxes or ())),
            "quantity": self.quantity_decimal if self.quantity_decimal is not None else self.quantity,
            "unit_amount": self.money(unit),
            "price": price,
            "product": product,
            "subscription": details.subscription or self.subscription,
            "subscription_item": details.subscription_item or self.subscription_item,
            "invoice_item": details.invoice_item or self.invoice_item,
            "proration": details.proration or self.proration,
            "period_start": to_datetime(period.start),
            "period_end": to_datetime(period.end),
        }

    def _details(self) -> LineItemDetails:
        """The origin of the line; if there are two, that of the subscription, which names the invoice item too."""
        parent = self.parent or LineParent()
        return parent.subscription_item_details or parent.invoice_item_details or LineItemDetails()

    def _price(self) -> tuple[str, str, Decimal | None]:
        """Price, product and exact unit amount in minor units, from the members of either API version."""
        if self.pricing is not None:
            price_details = self.pricing.price_details or PriceDetails()
            return price_details.price, price_details.product, self.pricing.unit_amount_decimal
        price = self.price or self.plan
        if isinstance(price, OldPrice):
            unit = price.unit_amount_decimal if price.unit_amount_decimal is not None else price.amount_decimal
            return price.id, price.product, unit
        return price or "", "", None
