"""Stripe: loads the charges, invoices, customers and other objects of an account, and then their changes.

`Stripe("charges")` is a source for pipelines of your own; the ready ones (`stripe.charges` and so on) fill the tables
of this app. Only `admin`, `apps`, `destination`, `distribution`, `management`, `models`, `pipelines`, `redelivery`,
`stored` and `urls` use Django.
"""

from integrations.extras import need

need("stripe")

from integrations.stripe.kinds import KINDS, Kind
from integrations.stripe.money import UnknownCurrency, exponent, major
from integrations.stripe.source import Stripe

__all__ = ["KINDS", "Kind", "Stripe", "UnknownCurrency", "exponent", "major"]
