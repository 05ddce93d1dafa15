"""New entries with the day and amount of a stored one and another text, where neither ids nor balances tell them apart.

A bank that corrects a text gives its entry another key, and a file without balances does not show where an entry
stands. The run names such an entry beside the stored one if the ledger would hold more entries of its day and amount
than the file shows: the file shows the day, and not the stored entry. Both count, because the new one may as well be
another entry.

Notices announce single entries, so what a notice does not show proves nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingestion import Context
from integrations.bank import copies
from integrations.bank.arrivals import Arrival, NearbyRow, StoredRow
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.statements import NOTICES

TextPair = tuple[Arrival, StoredRow]
"""A new entry, and the stored row that it may be."""
_Money = tuple[int, date, Decimal]


def find_changed_texts(
    ids: Ids, judging: Judging, new: Sequence[Arrival], nearby_rows: Iterable[NearbyRow], taken_keys: Collection[str]
) -> Iterator[TextPair]:
    """The new entries that may be stored ones, each with one such row.

    `nearby_rows` are the rows of their days, amounts and format; `taken_keys` are the keys of entries that arrive with
    them.
    """
    groups: dict[_Money, list[Arrival]] = defaultdict(list)
    for arrival in new:
        if arrival.entry.statement.format not in NOTICES:
            groups[arrival.money].append(arrival)
    rows: dict[_Money, list[NearbyRow]] = defaultdict(list)
    for nearby_row in nearby_rows:
        if nearby_row.money in groups:
            rows[nearby_row.money].append(nearby_row)
    judging.prefetch(nearby_row.row.statement_id for group in rows.values() for nearby_row in group)
    for money, group in rows.items():
        yield from _surplus(ids, judging, groups[money], group, taken_keys)


def note_changed_texts(ctx: Context, pairs: Sequence[TextPair]) -> list[str]:
    """A note for the pairs whose new entry was loaded."""
    return copies.note_possible_copies(
        ctx, pairs, "the same day and amount and another text, which no balances tell apart"
    )


def _surplus(
    ids: Ids, judging: Judging, new: Sequence[Arrival], rows: Sequence[NearbyRow], taken_keys: Collection[str]
) -> Iterator[TextPair]:
    """For one day and amount, as many pairs as the ledger would hold more entries of it than the statement shows."""
    remaining = len(rows) + len(new) - max(arrival.entry.alike for arrival in new)
    rows_by_delivery: dict[_Delivery, deque[StoredRow]] = defaultdict(deque)
    for nearby_row in rows:
        if nearby_row.row.external_id not in taken_keys:
            delivery = _Delivery(
                nearby_row.row.statement_id, nearby_row.has_balances, bool(bank_id_of(nearby_row.row.bank_id))
            )
            rows_by_delivery[delivery].append(nearby_row.row)
    for arrival in new[::-1]:
        candidates = (
            stored for delivery, stored in rows_by_delivery.items() if stored and delivery.may_be(ids, judging, arrival)
        )
        stored = next(candidates, None) if remaining > 0 else None
        if stored is not None:
            remaining -= 1
            yield arrival, stored.popleft()


class _Delivery(NamedTuple):
    """How stored rows arrived."""

    statement: int
    has_balances: bool
    has_ids: bool

    def may_be(self, ids: Ids, judging: Judging, arrival: Arrival) -> bool:
        """Whether neither balances nor ids nor page numbers show that the entry is none of these rows."""
        if arrival.has_balances and self.has_balances:
            return False  # see balanced_twins.py
        if ids is not Ids.IGNORE and self.has_ids and bank_id(arrival.entry):
            return False
        return not judging.are_disjoint(self.statement, arrival.owner.statement_id)
