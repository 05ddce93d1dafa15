"""Reversals whose bank may mean their direction the other way round.

In ISO 20022 a reversal of a debit is a credit and says so. Some banks leave the direction of the entry that is undone,
and only set RvslInd. The balances tell which; the reader never chooses by itself, it names the setting that makes them
tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingestion import counted
from integrations.bank.formats.camt_balance import Ends
from integrations.bank.statements import Entry, EntryStatus


@dataclass(frozen=True, slots=True)
class Turned:
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def turned_reversals(entries: Sequence[Entry], reversals: Sequence[Entry], limits: Ends, *, keeps_sign: bool) -> Turned:
    """A problem where only the other reading ties; a note where the setting turned amounts."""
    if not reversals:
        return Turned()
    turned = counted(len(reversals), "reversal was", "reversals were")
    notes = (f'{turned} turned round, as the setting reversal="keeps sign" says.',)
    told = Turned(notes=notes if keeps_sign else ())
    if limits.opening is None or limits.closing is None:
        return told
    difference = limits.opening.amount + _booked(entries) - limits.closing.amount
    if not difference or difference != 2 * _booked(reversals):
        return told
    remedy = "without the setting reversal" if keeps_sign else 'with --config reversal="keeps sign"'
    problem = (
        f"opening balance and entries miss the closing balance by {difference:f}; they tie when the {len(reversals)} "
        "reversals (RvslInd) count the other way round: if your bank means that, upload the file again (--again) "
        f"{remedy}"
    )
    return Turned((problem,), told.notes)


def _booked(entries: Sequence[Entry]) -> Decimal:
    return sum((e.amount for e in entries if e.amount is not None and e.status is EntryStatus.BOOKED), Decimal())
