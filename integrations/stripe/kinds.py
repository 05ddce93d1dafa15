"""What Stripe calls each kind of object, where it lists them and which events tell of their changes: a table.

Facts about the API that the table holds, each from Stripe's reference:

- subscriptions are listed without the cancelled ones unless `status=all`; prices are listed active or inactive, never
  both;
- `customer.subscription.deleted` means cancelled: the subscription stays and can be fetched;
- a charge changes with its disputes and refunds, a customer with its discounts, and no event of their own need tell it;
- there are no events for balance transactions; but for when they become available they never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from ingestion import ConfigurationError

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    name: str
    object: str
    """Its `object` member."""
    path: str
    events: tuple[str, ...] = ()
    """Types of its events, at most 20; a single one may end in `*`. None: it never changes."""
    touches: Mapping[str, str] = field(default_factory=dict)
    """Other objects whose events change one of these: `object` member to the member that holds its id."""
    lists: tuple[Params, ...] = (MappingProxyType({}),)
    """Parameters of the lists that together hold all objects."""
    deletable: bool = False
    """Whether objects can vanish, so that a list no longer has them."""
    amount: str = ""
    """Member with the amount that its daily figures sum."""

    def concerns(self, event_type: str) -> bool:
        """Whether an event of this type may be news of such an object."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.events)


def _kind(name: str, what: str, *events: str, **values: object) -> Kind:
    return Kind(name, what, f"/v1/{name}", events, **values)  # type: ignore[arg-type]


_ACTIVE, _INACTIVE = MappingProxyType({"active": "true"}), MappingProxyType({"active": "false"})
_DISCOUNTS = ("customer.discount.created", "customer.discount.deleted", "customer.discount.updated")

KINDS: Mapping[str, Kind] = MappingProxyType({one.name: one for one in (
    _kind("balance_transactions", "balance_transaction", amount="amount"),
    _kind("charges", "charge", "charge.*", touches={"dispute": "charge", "refund": "charge"}, amount="amount"),
    _kind("credit_notes", "credit_note", "credit_note.*", amount="total"),
    _kind("customers", "customer", "customer.created", "customer.deleted", "customer.updated", *_DISCOUNTS,
          touches={"discount": "customer"}, deletable=True),
    _kind("disputes", "dispute", "charge.dispute.*", amount="amount"),
    _kind("invoices", "invoice", "invoice.*", deletable=True, amount="total"),
    _kind("payment_intents", "payment_intent", "payment_intent.*", amount="amount"),
    _kind("payouts", "payout", "payout.*", amount="amount"),
    _kind("prices", "price", "price.*", lists=(_ACTIVE, _INACTIVE), deletable=True),
    _kind("products", "product", "product.*", deletable=True),
    _kind("refunds", "refund", "charge.refund.updated", "refund.created", "refund.failed", "refund.updated",
          amount="amount"),
    _kind("subscriptions", "subscription", "customer.subscription.*",
          lists=(MappingProxyType({"status": "all"}),)),
)})  # fmt: skip


def kind(name: str) -> Kind:
    """The kind of that name. Raises ConfigurationError with the known ones."""
    try:
        return KINDS[name]
    except KeyError:
        raise ConfigurationError(f"There is no Stripe object {name!r}; known: {', '.join(KINDS)}.") from None
