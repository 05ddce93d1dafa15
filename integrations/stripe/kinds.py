"""A table of the kinds of objects: Stripe's name, the address of the list, and the events that report changes.

Facts about the API that the table contains, each from Stripe's reference:

- subscriptions are listed without the cancelled ones unless `status=all`; prices are listed active or inactive, never
  both;
- `customer.subscription.deleted` means cancelled: the subscription stays and can be fetched;
- a charge changes with its disputes and refunds, a customer with its discounts, and not every such change has an event
  of the charge or the customer;
- a list inside an object ends after ten items; `has_more` says so, and the complete list has an address of its own;
- an invoice's lines change while it is a draft, with its invoice items; they have neither events nor a date;
- balance transactions have no events; they never change, except that they become available.
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
    """One kind of object. With `parts` the kind is a part of a whole: path, events and dates are the whole's."""

    name: str
    object: str
    """The value of the object's `object` member; for parts that of the whole."""
    path: str
    events: tuple[str, ...] = ()
    """Types of the events about it, at most 20; a single one may end in `*`. Empty for objects that never change."""
    touches: Mapping[str, str] = field(default_factory=dict)
    """Other objects whose events report a change of this kind: their `object` value, and the member with the id."""
    lists: tuple[Params, ...] = (MappingProxyType({}),)
    """Parameters of the lists that together contain all objects."""
    deletable: bool = False
    """Whether objects can be deleted, so that a list no longer contains them."""
    amount: str = ""
    """The member with the amount that daily figures sum."""
    parts: str = ""
    """The member of the whole whose list contains the objects of this kind; Stripe cuts it after ten."""
    whole_lists: Mapping[str, str] = field(default_factory=dict)
    """Members whose list is completed when it is cut short, with the address of the complete list."""
    short_lists: tuple[str, ...] = ()
    """Members whose list stays cut short; objects with a longer list are counted."""

    def concerns(self, event_type: str) -> bool:
        """Whether an event of this type may report a change of such an object."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.events)


def _kind(name: str, object_type: str, *events: str, **values: object) -> Kind:
    return Kind(name, object_type, f"/v1/{name}", events, **values)  # type: ignore[arg-type]


_INVOICE_LINES = Kind(
    "invoice_lines",
    "invoice",
    "/v1/invoices",
    (
        "invoice.created",
        "invoice.deleted",
        "invoice.finalized",
        "invoice.finalization_failed",
        "invoice.paid",
        "invoice.updated",
        "invoice.voided",
        "invoiceitem.created",
        "invoiceitem.deleted",
        "invoiceitem.updated",
    ),
    touches={"invoiceitem": "invoice"},
    deletable=True,
    amount="amount",
    parts="lines",
)
_ACTIVE, _INACTIVE = MappingProxyType({"active": "true"}), MappingProxyType({"active": "false"})
_DISCOUNTS = ("customer.discount.created", "customer.discount.deleted", "customer.discount.updated")

_TABLE = (
    _kind("balance_transactions", "balance_transaction", amount="amount"),
    _kind(
        "charges",
        "charge",
        "charge.*",
        touches={"dispute": "charge", "refund": "charge"},
        amount="amount",
        short_lists=("refunds",),
    ),
    _kind("credit_notes", "credit_note", "credit_note.*", amount="total", short_lists=("lines",)),
    _kind(
        "customers",
        "customer",
        "customer.created",
        "customer.deleted",
        "customer.updated",
        *_DISCOUNTS,
        touches={"discount": "customer"},
        deletable=True,
        short_lists=("sources", "subscriptions", "tax_ids"),
    ),
    _kind("disputes", "dispute", "charge.dispute.*", amount="amount"),
    _INVOICE_LINES,
    _kind("invoices", "invoice", "invoice.*", deletable=True, amount="total", short_lists=("lines",)),
    _kind("payment_intents", "payment_intent", "payment_intent.*", amount="amount", short_lists=("charges",)),
    _kind("payouts", "payout", "payout.*", amount="amount"),
    _kind("prices", "price", "price.*", lists=(_ACTIVE, _INACTIVE), deletable=True),
    _kind("products", "product", "product.*", deletable=True),
    _kind(
        "refunds",
        "refund",
        "charge.refund.updated",
        "refund.created",
        "refund.failed",
        "refund.updated",
        amount="amount",
    ),
    _kind(
        "subscriptions",
        "subscription",
        "customer.subscription.*",
        lists=(MappingProxyType({"status": "all"}),),
        whole_lists={"items": "/v1/subscription_items?subscription={id}"},
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _TABLE})


def kind(name: str) -> Kind:
    """The kind of that name. Raises ConfigurationError, which lists the known names."""
    try:
        return KINDS[name]
    except (KeyError, TypeError):
        near = did_you_mean(str(name), KINDS) or "."
        raise ConfigurationError(f"There is no Stripe object {name!r}; known: {', '.join(KINDS)}{near}") from None
