"""A statement that came again with its entries in another order: it may be another part of the day.

Statements are the same that have the same balances, number and count of entries. Without a number, a part of a day that
leads from the same balance to the same balance is taken for one sent again; and where it books the same amounts in
another order, nothing tells whether the bank moved an entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from integrations.bank.arrivals import Arrival
from integrations.bank.contradictions import shown
from integrations.bank.judging import Judging
from integrations.bank.listings import kept
from integrations.bank.numbering import is_numbered
from integrations.bank.stakes import at_stake

_Amounts = dict[object, list[Decimal]]


def told(judging: Judging, arrivals: Sequence[Arrival]) -> Iterator[str]:
    """A sentence for each of them with the entries of the days in another order, before they are loaded."""
    changed = {
        arrival.owner.statement_id: arrival.owner.listed_before
        for arrival in arrivals
        if arrival.owner.listed_before is not None and not is_numbered(arrival.entry.statement.number)
    }
    for pk, before in changed.items():
        listed, now = _amounts(before), _amounts(judging.statement(pk).listing)
        days = {
            day for day in listed.keys() & now.keys() if listed[day] != now[day] and set(listed[day]) & set(now[day])
        }
        entries = [
            arrival
            for arrival in arrivals
            if arrival.owner.statement_id == pk and arrival.stored is not None and arrival.entry.day in days
        ]
        if entries:
            yield (
                f"The statement {shown(judging.statement(pk))} came again and lists entries of a day in another order: "
                "equal ones count once. It may as well be another part of the day, of which these are entries of their "
                f"own. {at_stake(entries)} Compare them with the bank's."
            )


def _amounts(listing: bytes | memoryview | None) -> _Amounts:
    amounts: _Amounts = defaultdict(list)
    for _, (day, amount, _) in sorted(kept(listing).items()) if listing is not None else ():
        amounts[day].append(amount)
    return amounts
