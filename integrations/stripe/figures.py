"""A closed period's figures as Stripe has them, to compare the tables with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import ceil
from typing import Any

import msgspec

from ingestion import Figure, Record, SourceChanged, Window
from integrations.stripe.client import Api
from integrations.stripe.kinds import Kind
from integrations.stripe.listing import CreationSpan, ListPosition, list_pages
from integrations.stripe.money import UnknownCurrency, major
from integrations.stripe.objects import UNREADABLE, read_head
from integrations.stripe.parts import PART, bodies_of


def compute_figures(api: Api, kind: Kind, window: Window) -> Mapping[str, Figure]:
    """The figures of the objects created in the window, in major units, by currency in upper case ('' for none).

    Raises SourceChanged.
    """
    # Rounded up, because Stripe's times are whole seconds.
    span = CreationSpan(ceil(window.start.timestamp()), ceil(window.end.timestamp()))
    decode = msgspec.json.Decoder(_amount_struct(kind)).decode
    amounts: dict[str, dict[str, Decimal]] = {}
    for number in range(len(kind.lists)):
        for bodies, _ in list_pages(api, kind, span, ListPosition(number)):
            for body in _counted_bodies(api, kind, bodies):
                try:
                    counted = decode(body)
                    currency = counted.currency if kind.amount else ""
                    amount = major(counted.amount, currency) if kind.amount else Decimal()
                except (UnknownCurrency, *UNREADABLE) as error:
                    message = f"An object among the {kind.name} created since {window.start} has no figures"
                    raise SourceChanged(f"{message}: {error}") from error
                amounts.setdefault(currency.upper(), {})[counted.id] = amount
    return {currency: Figure.of(amount_of_id) for currency, amount_of_id in amounts.items()}


def _counted_bodies(api: Api, kind: Kind, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """The objects of a page that the figures count, or their parts; none of another kind, which a run refuses."""
    for body in bodies:
        head = read_head(body)
        if not head.is_of(kind.object):
            continue
        if kind.parts:
            parts = bodies_of(api, kind, Record(head.id or "", body))
            yield from (part for part in parts if read_head(part).is_of(PART))
        else:
            yield body


def _amount_struct(kind: Kind) -> Any:
    """A struct of the id, and of the currency and the amount where the kind has one."""
    members: list[Any] = [("id", str)]
    if kind.amount:
        members += [("currency", str), ("amount", int)]
    return msgspec.defstruct("Amounted", members, rename={"amount": kind.amount} if kind.amount else None)
