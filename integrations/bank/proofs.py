"""What a statement proves of itself: its balances, the totals its bank declares, or why neither can be checked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ingestion import Proof, StatementImbalance
from integrations.bank import unreadable
from integrations.bank.statements import Entry, EntryStatus, Statement, imbalance


def list_proofs(file: str, statement: Statement) -> list[Proof]:
    """The verdicts on a statement that is not at fault, under its file's name: at least one."""
    reason = _describe_unproved(statement)
    proofs = [] if reason else [Proof.balances(file)]
    if statement.totals:
        proofs.append(Proof.totals(file))
    if not_loaded := _describe_not_loaded(statement):
        proofs = [Proof(file, f"{proof.verdict}; {not_loaded}") for proof in proofs]
    return proofs or [Proof.unchecked(file, reason)]


def _describe_not_loaded(statement: Statement) -> str:
    """How many booked entries become dead letters although the balances hold, '' for none."""
    booked = (entry for entry in statement.entries if entry.status is EntryStatus.BOOKED)
    count = sum(any(unreadable.faults(statement, entry)) for entry in booked)
    return f"{count} {'entry' if count == 1 else 'entries'} not loaded, see the dead letters" if count else ""


def refused_proof(file: str) -> Proof:
    """The verdict on a statement whose balances or totals do not hold."""
    return Proof(file, "not true: the statement was refused, see its dead letter")


def find_fault(statement: Statement) -> StatementImbalance | None:
    """Why nothing of the statement may load."""
    if statement.problems:
        return StatementImbalance("The statement cannot be trusted: " + "; ".join(statement.problems))
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        return None
    if opening.currency and closing.currency and opening.currency != closing.currency:
        return StatementImbalance(
            f"The statement opens in {opening.currency} and closes in {closing.currency}. Nothing of it was loaded."
        )
    difference = imbalance(statement)
    if not difference:
        return None
    unreadable_amounts = [
        (entry.position, entry.amount_text)
        for entry in statement.entries
        if entry.amount is None and entry.status is EntryStatus.BOOKED
    ]
    return imbalance_fault(
        opening.amount, closing.amount - opening.amount + difference, closing.amount, unreadable_amounts
    )


def imbalance_fault(
    opening: Decimal, booked: Decimal, closing: Decimal, unreadable_amounts: Sequence[tuple[int | None, str]] = ()
) -> StatementImbalance:
    """`unreadable_amounts`: position and text of booked entries that count as zero, since their amount cannot be
    read.
    """
    causes = [f"entry {(at or 0) + 1}: {text[:80]!r} is not an amount" for at, text in unreadable_amounts[:10]]
    more = f" and {len(unreadable_amounts) - len(causes)} more" if len(unreadable_amounts) > len(causes) else ""
    return StatementImbalance(
        f"Opening balance {opening:f} and entries of {booked:f} make {opening + booked:f}, but the closing balance is "
        f"{closing:f}: a difference of {opening + booked - closing:f}. "
        + (f"Not counted: {'; '.join(causes)}{more}. " if causes else "")
        + "Nothing of this statement was loaded."
    )


def _describe_unproved(statement: Statement) -> str:
    """Why the balances prove nothing, '' if they do."""
    if statement.unproved:
        return statement.unproved
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        missing = "balance" if opening is closing else "opening balance" if opening is None else "closing balance"
        return f"the statement gives no {missing}"
    booked = [entry for entry in statement.entries if entry.status is EntryStatus.BOOKED]
    if any(entry.amount is None for entry in booked):
        return "the balances tie, but amounts of booked entries cannot be read"
    if any(_is_foreign(entry, opening.currency) for entry in booked):
        return f"booked entries are in another currency than the balances, which are in {opening.currency}"
    return ""


def _is_foreign(entry: Entry, currency: str) -> bool:
    return bool(currency and entry.currency and entry.currency != currency)
