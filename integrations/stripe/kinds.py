"""What Stripe calls each kind of object, where it lists them and which events tell of their changes: a table.

Facts about the API that the table holds, each from Stripe's reference:

- subscriptions are listed without the cancelled ones unless `status=all`; prices are listed active or inactive, never
  both;
- `customer.subscription.deleted` means cancelled: the subscription stays and can be fetched;
- a charge changes with its disputes and refunds, a customer with its discounts, and no event of their own need tell it;
- a list inside an object ends after ten; `has_more` says so, and the whole list has an address of its own;
- an invoice's lines change while it is a draft, with its invoice items; they have neither events nor a date;
- there are no events for balance transactions; but for when they become available they never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from ingestion import ConfigurationError, did_you_mean

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. `parts` are found in a whole: path, events and dates are then the whole's."""

    name: str
    object: str
    """Its `object` member; of parts the whole's."""
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
    parts: str = ""
    """The member whose list holds the objects of this kind, which is then cut short at ten."""
    whole_lists: Mapping[str, str] = field(default_factory=dict)
    """Members whose list is completed where it was cut short, to the address of the whole list."""
    short_lists: tuple[str, ...] = ()
    """Members whose list stays cut short; an object that has more is counted."""

    def concerns(self, event_type: str) -> bool:
        """Whether an event of this type may be news of such an object."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.events)


def _kind(name: str, what: str, *events: str, **values: object) -> Kind:
    return Kind(name, what, f"/v1/{name}", events, **values)  # type: ignore[arg-type]


_INVOICE_LINES = Kind(
    "invoice_lines", "invoice", "/v1/invoices",
    ("invoice.created", "invoice.deleted", "invoice.finalized", "invoice.finalization_failed", "invoice.paid",
     "invoice.updated", "invoice.voided", "invoiceitem.created", "invoiceitem.deleted", "invoiceitem.updated"),
    touches={"invoiceitem": "invoice"}, deletable=True, amount="amount", parts="lines",
)  # fmt: skip
_ACTIVE, _INACTIVE = MappingProxyType({"active": "true"}), MappingProxyType({"active": "false"})
_DISCOUNTS = ("customer.discount.created", "customer.discount.deleted", "customer.discount.updated")

KINDS: Mapping[str, Kind] = MappingProxyType({one.name: one for one in (
    _kind("balance_transactions", "balance_transaction", amount="amount"),
    _kind("charges", "charge", "charge.*", touches={"dispute": "charge", "refund": "charge"}, amount="amount",
          short_lists=("refunds",)),
    _kind("credit_notes", "credit_note", "credit_note.*", amount="total", short_lists=("lines",)),
    _kind("customers", "customer", "customer.created", "customer.deleted", "customer.updated", *_DISCOUNTS,
          touches={"discount": "customer"}, deletable=True, short_lists=("sources", "subscriptions", "tax_ids")),
    _kind("disputes", "dispute", "charge.dispute.*", amount="amount"),
    _INVOICE_LINES,
    _kind("invoices", "invoice", "invoice.*", deletable=True, amount="total", short_lists=("lines",)),
    _kind("payment_intents", "payment_intent", "payment_intent.*", amount="amount", short_lists=("charges",)),
    _kind("payouts", "payout", "payout.*", amount="amount"),
    _kind("prices", "price", "price.*", lists=(_ACTIVE, _INACTIVE), deletable=True),
    _kind("products", "product", "product.*", deletable=True),
    _kind("refunds", "refund", "charge.refund.updated", "refund.created", "refund.failed", "refund.updated",
          amount="amount"),
    _kind("subscriptions", "subscription", "customer.subscription.*",
          lists=(MappingProxyType({"status": "all"}),),
          whole_lists={"items": "/v1/subscription_items?subscription={id}"}),
)})  # fmt: skip


def kind(name: str) -> Kind:
    """The kind of that name. Raises ConfigurationError with the known ones."""
    try:
        return KINDS[name]
    except (KeyError, TypeError):
        near = did_you_mean(str(name), KINDS) or "."
        raise ConfigurationError(f"There is no Stripe object {name!r}; known: {', '.join(KINDS)}{near}") from None
