"""The pipeline under test, as its user would write it. Every contestant validates and transforms with the same two."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from benchmarks.app.models import Invoice
from benchmarks.data import Pages
from ingestion import Context, ErrorBudget, JsonPages, Upsert, pipeline

pages = Pages()


class Address(BaseModel):
    country: str


class StripeInvoice(BaseModel):
    """14 fields of about 90; the rest is left where it is."""

    id: str
    number: str
    customer: str
    customer_email: str
    customer_address: Address
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    currency: str
    billing_reason: str
    amount_due: int
    amount_paid: int
    tax: int | None = None
    attempt_count: int
    created: datetime
    due_date: datetime | None = None


def columns(invoice: StripeInvoice) -> dict[str, Any]:
    return {
        "external_id": invoice.id,
        "number": invoice.number,
        "customer": invoice.customer,
        "email": invoice.customer_email,
        "country": invoice.customer_address.country,
        "status": invoice.status,
        "currency": invoice.currency,
        "amount_due": Decimal(invoice.amount_due).scaleb(-2),
        "amount_paid": Decimal(invoice.amount_paid).scaleb(-2),
        "tax": None if invoice.tax is None else Decimal(invoice.tax).scaleb(-2),
        "billed_at": invoice.created,
        "due_at": invoice.due_date,
    }


@pipeline(
    "benchmark.invoices",
    source=JsonPages(pages),
    schema=StripeInvoice,
    destination=Upsert(Invoice, key=["external_id"]),
    error_budget=ErrorBudget(ratio=0.9),  # one of the measurements is of pages half of which are invalid
)
def invoices(invoice: StripeInvoice, ctx: Context) -> dict[str, Any]:
    """Invoices of the payment provider."""
    return columns(invoice)
