"""Movements on the account's balance, and payouts."""

from __future__ import annotations

from integrations.stripe.schemas.base import Flag, ObjectSchema, Ref, Row, Seconds, Text, to_datetime


class BalanceTransaction(ObjectSchema):
    """A balance transaction, without its `status`, which becomes available without an event; see `available_on`."""

    required = ("amount", "currency", "net")

    amount: int | None = None
    fee: int | None = None
    net: int | None = None
    source: Ref = ""
    type: Text = ""
    reporting_category: Text = ""
    description: Text = ""
    available_on: Seconds | None = None

    def columns(self) -> Row:
        return {
            "source": self.source,
            "kind": self.type[:50],
            "category": self.reporting_category[:50],
            "description": self.description,
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "fee": self.money(self.fee or 0),
            "net": self.money(self.net),
            "available_at": to_datetime(self.available_on),
        }


class Payout(ObjectSchema):
    required = ("amount", "currency", "status")

    amount: int | None = None
    status: Text = ""
    type: Text = ""
    method: Text = ""
    automatic: Flag = False
    arrival_date: Seconds | None = None
    balance_transaction: Ref = ""
    destination: Ref = ""
    failure_code: Text = ""
    description: Text = ""

    def columns(self) -> Row:
        arrives = to_datetime(self.arrival_date)
        return {
            "currency": self.currency.upper(),
            "amount": self.money(self.amount),
            "status": self.status[:30],
            "kind": self.type[:30],
            "method": self.method[:30],
            "automatic": self.automatic,
            "arrives_on": arrives.date() if arrives else None,
            "balance_transaction": self.balance_transaction,
            "destination": self.destination,
            "failure_code": self.failure_code[:100],
            "description": self.description,
        }
