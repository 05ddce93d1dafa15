"""A closed period's figures as Stripe has them, to hold the tables against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from math import ceil
from typing import Any

import msgspec

from ingestion import Figure, Record, SourceChanged, Window
from integrations.stripe.client import Api
from integrations.stripe.kinds import Kind
from integrations.stripe.listing import Place, Span, walked
from integrations.stripe.money import UnknownCurrency, major
from integrations.stripe.objects import UNREADABLE, glance
from integrations.stripe.parts import PART, bodies_of


def figures(api: Api, kind: Kind, window: Window) -> Mapping[str, Figure]:
    """The figures of what was created in the window, in major units by currency in upper case, '' where it has none.

    Raises SourceChanged.
    """
    span = Span(ceil(window.start.timestamp()), ceil(window.end.timestamp()))  # Stripe's times are whole seconds
    decode = msgspec.json.Decoder(_amounted(kind)).decode
    ids: dict[str, dict[str, Decimal]] = {}
    for number in range(len(kind.lists)):
        for bodies, _ in walked(api, kind, span, Place(number)):
            for body in _counted(api, kind, bodies):
                try:
                    one = decode(body)
                    currency = one.currency if kind.amount else ""
                    amount = major(one.amount, currency) if kind.amount else Decimal()
                except (UnknownCurrency, *UNREADABLE) as error:
                    what = f"An object among the {kind.name} created since {window.start} has no figures"
                    raise SourceChanged(f"{what}: {error}") from error
                ids.setdefault(currency.upper(), {})[one.id] = amount
    return {currency: Figure.of(found) for currency, found in ids.items()}


def _counted(api: Api, kind: Kind, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """The objects of a page whose figures are wanted, or their parts; none of another kind, which a run refuses."""
    for body in bodies:
        head = glance(body)
        if not head.is_of(kind.object):
            continue
        if kind.parts:
            yield from (part for part in bodies_of(api, kind, Record(head.id or "", body)) if glance(part).is_of(PART))
        else:
            yield body


def _amounted(kind: Kind) -> Any:
    members: list[Any] = [("id", str)]
    if kind.amount:
        members += [("currency", str), ("amount", int)]
    return msgspec.defstruct("Amounted", members, rename={"amount": kind.amount} if kind.amount else None)
