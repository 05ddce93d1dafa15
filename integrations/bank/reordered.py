"""A statement that came again with its entries in another order: it may be another part of the day.

Statements count as the same if balances, number and count of entries agree. So a part of a day that leads from a
balance back to it counts as a statement sent again if it has no number; and if it books the same amounts in another
order, nothing shows whether the bank moved an entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from integrations.bank.arrivals import Arrival
from integrations.bank.contradictions import describe_statement
from integrations.bank.judging import Judging
from integrations.bank.listings import read_listing
from integrations.bank.numbering import is_numbered
from integrations.bank.stakes import describe_stakes

_Amounts = dict[object, list[Decimal]]


def note_reordered(judging: Judging, arrivals: Sequence[Arrival]) -> Iterator[str]:
    """A note for each statement that lists the entries of a day in another order. Call it before the entries are
    loaded.
    """
    listings_before = {
        arrival.owner.statement_id: arrival.owner.listed_before
        for arrival in arrivals
        if arrival.owner.listed_before is not None and not is_numbered(arrival.entry.statement.number)
    }
    for pk, listing_before in listings_before.items():
        amounts_before, amounts_now = _amounts(listing_before), _amounts(judging.statement(pk).listing)
        days = {
            day
            for day in amounts_before.keys() & amounts_now.keys()
            if amounts_before[day] != amounts_now[day] and set(amounts_before[day]) & set(amounts_now[day])
        }
        entries = [
            arrival
            for arrival in arrivals
            if arrival.owner.statement_id == pk and arrival.stored is not None and arrival.entry.day in days
        ]
        if entries:
            yield (
                f"The statement {describe_statement(judging.statement(pk))} came again and lists entries of a day in "
                "another order: "
                "equal ones count once. It may as well be another part of the day, of which these are entries of their "
                f"own. {describe_stakes(entries)} Compare them with the bank's."
            )


def _amounts(listing: bytes | memoryview | None) -> _Amounts:
    amounts: _Amounts = defaultdict(list)
    for _, (day, amount, _) in sorted(read_listing(listing).items()) if listing is not None else ():
        amounts[day].append(amount)
    return amounts
