"""Payments of a shop: "app.payments" over records in memory, for tests that exchange its source.

A test that wants other records registers `dataclasses.replace(payments, source=...)`; see `ingestion.testing.registered`.
"""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

from ingestion import Context, Every, Skip, SumAgrees, Upsert, pipeline
from ingestion.testing import Records
from tests.app.models import Payment


class Paid(BaseModel):
    id: str
    amount: Decimal
    currency: str = "EUR"
    status: str = "settled"
    updated_at: datetime | None = None


@pipeline(
    "app.payments",
    source=Records([{"id": "pay_1", "amount": "10.00"}, {"id": "pay_2", "amount": "5.50"}]),
    schema=Paid,
    destination=Upsert(Payment, key=["external_id"], version="updated_at"),
    reconciliations=[SumAgrees("amount")],
    schedule=Every(minutes=15),
)
def payments(paid: Paid, ctx: Context) -> Payment:
    """Payments of the shop, without those that are still pending."""
    if paid.status == "pending":
        raise Skip("not settled yet")
    return Payment(
        external_id=paid.id,
        amount=paid.amount,
        currency=paid.currency,
        status=paid.status,
        updated_at=paid.updated_at,
    )


import tests.app.oracle  # noqa: E402, F401  "app.oracle" and "app.ticking", of the reliability tests
