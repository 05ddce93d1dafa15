"""Reversals whose bank may mean their direction the other way round.

In ISO 20022 a reversal of a debit is a credit and says so. Some banks leave the direction of the entry that is undone,
and only set RvslInd. The balances show which; the reader never chooses by itself, it names the setting that makes them
tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingestion import counted
from integrations.bank.formats.camt_balance import CamtBalances
from integrations.bank.statements import Entry, EntryStatus


@dataclass(frozen=True, slots=True)
class ReversalResult:
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_reversals(
    entries: Sequence[Entry], reversals: Sequence[Entry], balances: CamtBalances, *, keeps_sign: bool
) -> ReversalResult:
    """A problem if only the other reading ties; a note if the setting turned amounts round."""
    if not reversals:
        return ReversalResult()
    count = counted(len(reversals), "reversal was", "reversals were")
    notes = (f'{count} turned round, as the setting reversal="keeps sign" says.',)
    result = ReversalResult(notes=notes if keeps_sign else ())
    if balances.opening is None or balances.closing is None:
        return result
    difference = balances.opening.amount + _booked(entries) - balances.closing.amount
    if not difference or difference != 2 * _booked(reversals):
        return result
    remedy = "without the setting reversal" if keeps_sign else 'with --config reversal="keeps sign"'
    problem = (
        f"opening balance and entries miss the closing balance by {difference:f}; they tie when the {len(reversals)} "
        "reversals (RvslInd) count the other way round: if your bank means that, upload the file again (--again) "
        f"{remedy}"
    )
    return ReversalResult((problem,), result.notes)


def _booked(entries: Sequence[Entry]) -> Decimal:
    return sum(
        (entry.amount for entry in entries if entry.amount is not None and entry.status is EntryStatus.BOOKED),
        Decimal(),
    )
