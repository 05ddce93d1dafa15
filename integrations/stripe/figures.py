"""A closed day's figures as Stripe has them, to hold the tables against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ingestion import SourceChanged
from integrations.stripe.client import Api
from integrations.stripe.kinds import Kind
from integrations.stripe.listing import Place, Span, walked
from integrations.stripe.money import UnknownCurrency, major
from integrations.stripe.objects import UNREADABLE


@dataclass(frozen=True, slots=True)
class Figures:
    """How many objects were created on a day, what they sum to in major units, and which they are."""

    count: int
    sum: Decimal
    ids: frozenset[str]


def figures(api: Api, kind: Kind, day: date) -> Mapping[str, Figures]:
    """The figures of a day (UTC) by currency in upper case, '' where objects have none. Raises SourceChanged."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    span = Span(int(start.timestamp()), int((start + timedelta(days=1)).timestamp()))
    decode = msgspec.json.Decoder(_amounted(kind)).decode
    sums: dict[str, Decimal] = {}
    ids: dict[str, set[str]] = {}
    for number in range(len(kind.lists)):
        for bodies, _ in walked(api, kind, span, Place(number)):
            for body in bodies:
                try:
                    one = decode(body)
                    currency = one.currency if kind.amount else ""
                    amount = major(one.amount, currency) if kind.amount else Decimal()
                except (UnknownCurrency, *UNREADABLE) as error:
                    raise SourceChanged(f"An object among the {kind.name} of {day} has no figures: {error}") from error
                of = ids.setdefault(currency.upper(), set())
                if one.id not in of:
                    sums[currency.upper()] = sums.get(currency.upper(), Decimal()) + amount
                    of.add(one.id)
    return {currency: Figures(len(found), sums[currency], frozenset(found)) for currency, found in ids.items()}


def _amounted(kind: Kind) -> Any:
    members: list[Any] = [("id", str)]
    if kind.amount:
        members += [("currency", str), ("amount", int)]
    return msgspec.defstruct("Amounted", members, rename={"amount": kind.amount} if kind.amount else None)
