"""Stripe: charges, invoices, customers and the other objects of an account become rows, and follow its changes.

`Stripe("charges")` is a source for pipelines of your own; the ready ones (`stripe.charges` and so on) fill the tables
of this app. Everything but `models`, `destination`, `stored`, `pipelines`, `webhooks`, `admin` and `apps` knows no
Django.
"""

from integrations.extras import need

need("stripe")

from integrations.stripe.kinds import KINDS, Kind
from integrations.stripe.money import UnknownCurrency, exponent, major
from integrations.stripe.source import Stripe

__all__ = ["KINDS", "Kind", "Stripe", "UnknownCurrency", "exponent", "major"]
