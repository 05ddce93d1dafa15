"""New entries of a stored day and amount with another text, where neither ids nor balances tell what they are.

A bank that cleans up a text gives its entry another key, and a file without balances shows no place for it. Such an
entry is named beside the stored one when the ledger would hold more of its day and amount than the file shows: the
file shows the day, and not the stored entry. Both count, since it may as well be another one.

Notices announce entry by entry, so what one of them does not show tells nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingestion import Context
from integrations.bank import copies
from integrations.bank.arrivals import Arrival, Near, Row
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.statements import NOTICES

Pair = tuple[Arrival, Row]
"""A new entry, and the stored row that it may be."""
_Money = tuple[int, date, Decimal]


def suspected(
    ids: Ids, judging: Judging, new: Sequence[Arrival], near: Iterable[Near], taken: Collection[str]
) -> Iterator[Pair]:
    """Of the new entries those that may be stored ones, each with one of these.

    `near` are the rows of their days, amounts and format; `taken` are the keys of those that arrive with them.
    """
    groups: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in new:
        if arrival.entry.statement.format not in NOTICES:
            groups[arrival.money].append(arrival)
    rows: dict[_Money, list[Near]] = defaultdict(list)
    for each in near:
        if each.money in groups:
            rows[each.money].append(each)
    judging.learn(each.row.statement_id for some in rows.values() for each in some)
    for money, some in rows.items():
        yield from _surplus(ids, judging, groups[money], some, taken)


def told(ctx: Context, pairs: Sequence[Pair]) -> list[str]:
    """A sentence for the pairs whose new entry was loaded."""
    return copies.told(ctx, pairs, "the same day and amount and another text, which no balances tell apart")


def _surplus(
    ids: Ids, judging: Judging, new: Sequence[Arrival], rows: Sequence[Near], taken: Collection[str]
) -> Iterator[Pair]:
    """As many pairs of a day and amount as the ledger would hold more of it than the statement shows."""
    left = len(rows) + len(new) - max(arrival.entry.alike for arrival in new)
    others: dict[_Brought, deque[Row]] = defaultdict(deque)
    for each in rows:
        if each.row.external_id not in taken:
            brought = _Brought(each.row.statement_id, each.has_balances, bool(bank_id_of(each.row.bank_id)))
            others[brought].append(each.row)
    for arrival in new[::-1]:
        alike = (stored for brought, stored in others.items() if stored and brought.may_be(ids, judging, arrival))
        stored = next(alike, None) if left > 0 else None
        if stored is not None:
            left -= 1
            yield arrival, stored.popleft()


class _Brought(NamedTuple):
    """How stored rows arrived."""

    statement: int
    has_balances: bool
    has_ids: bool

    def may_be(self, ids: Ids, judging: Judging, arrival: Arrival) -> bool:
        """Whether neither balances nor ids nor page numbers tell that the entry is none of them."""
        if arrival.has_balances and self.has_balances:
            return False  # see balanced_twins.py
        if ids is not Ids.IGNORE and self.has_ids and bank_id(arrival.entry):
            return False
        return not judging.are_others(self.statement, arrival.owner.statement_id)
