"""The pipeline under test, as its user would write it. Every contestant validates and transforms with the same two."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from benchmarks.app.models import Invoice
from ingestion import Context, ErrorBudget, JsonPages, Upsert, pipeline


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


class Pages:
    """A function that serves stored pages, from memory or one by one from disk: `fetch` of the source."""

    def __init__(self) -> None:
        self.held: list[bytes] | None = None

    def open(self, folder: Path, *, lazily: bool = False) -> None:
        paths = sorted(folder.glob("*.json"))
        self.paths = paths
        self.held = None if lazily else [path.read_bytes() for path in paths]

    def __call__(self, ctx: Context | None, cursor: Any) -> tuple[bytes, Any]:
        number = int(cursor or 0)
        body = self.paths[number].read_bytes() if self.held is None else self.held[number]
        return body, number + 1 if number + 1 < len(self.paths) else None


pages = Pages()


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
    error_budget=ErrorBudget(ratio=0.9),
)
def invoices(invoice: StripeInvoice, ctx: Context) -> Any:
    """Invoices of the payment provider."""
    return columns(invoice)
