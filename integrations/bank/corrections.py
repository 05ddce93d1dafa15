"""Entries by which the bank replaces or deletes earlier ones. The earlier row stays and no longer counts.

The two may arrive in either order: a correction without its target waits for it. One correction withdraws one entry,
because banks use ids again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, StoredRow, chunks, ledger, read_rows, rows_by_key
from integrations.bank.identity import bank_id
from integrations.bank.models import BankCorrection, BankTransaction

_WITHDRAWN = {
    "replace": BankTransaction.Withdrawn.REPLACED,
    "delete": BankTransaction.Withdrawn.DELETED,
}


def withdraw_awaited(ctx: Context, arrivals: Sequence[Arrival]) -> dict[str, BankCorrection]:
    """Withdraw new entries that a stored correction waits for; returns these corrections by the key of their target."""
    new = [arrival for arrival in arrivals if arrival.stored is None and bank_id(arrival.entry)]
    awaiting: dict[tuple[int, str], BankCorrection] = {}
    corrections = BankCorrection.objects.for_tenant(ctx.tenant).filter(
        target=None, account_id__in={arrival.owner.account_id for arrival in new}
    )
    for correction in corrections.order_by("-pk") if new else ():
        awaiting[correction.account_id, correction.corrects] = correction
    targets = {}
    for arrival in new:
        awaiting_correction = awaiting.pop((arrival.owner.account_id, arrival.entry.bank_id[:191]), None)
        if awaiting_correction is not None:
            arrival.withdrawn = _WITHDRAWN[awaiting_correction.action]
            arrival.replaced_by_id = awaiting_correction.entry_id
            targets[arrival.key] = awaiting_correction
    for arrival in arrivals:
        if arrival.entry.correction == "delete" and not arrival.withdrawn:
            arrival.withdrawn = BankTransaction.Withdrawn.DELETION
    return targets


def apply_corrections(ctx: Context, arrivals: Sequence[Arrival], targets: dict[str, BankCorrection]) -> list[str]:
    """Withdraw the rows that the loaded entries correct; a note if there were any."""
    correcting = [arrival for arrival in arrivals if arrival.entry.correction]
    if not correcting and not targets:
        return []
    rows = rows_by_key(ctx, [*targets, *(arrival.key for arrival in correcting)])
    for key, correction in targets.items():
        correction.target_id = rows[key].pk
        correction.save(update_fields=["target"])
    pairs = [(rows[key].summary, "withdrawn by a correction that came before it") for key in targets]
    applied = set(
        BankCorrection.objects.for_tenant(ctx.tenant)
        .filter(entry_id__in=[rows[arrival.key].pk for arrival in correcting])
        .values_list("entry_id", flat=True)
    )
    unapplied = [arrival for arrival in correcting if rows[arrival.key].pk not in applied]
    candidates = _candidates(ctx, unapplied)
    for arrival in unapplied:
        row = rows[arrival.key]
        target = _find_nearest(row, candidates.get((row.account_id, arrival.entry.corrects), []))
        if target is not None:
            withdrawn = _WITHDRAWN[arrival.entry.correction]
            ledger(ctx).filter(pk=target.pk).update(withdrawn=withdrawn, replaced_by_id=row.pk)
            candidates[row.account_id, arrival.entry.corrects].remove(target)
            pairs.append((target.summary, f"{withdrawn} by {row.summary}"))
        BankCorrection.objects.for_tenant(ctx.tenant).create(
            tenant_id=ctx.tenant.id,
            account_id=row.account_id,
            entry_id=row.pk,
            corrects=arrival.entry.corrects[:191],
            action=arrival.entry.correction,
            target_id=target.pk if target else None,
        )
    if not pairs:
        return []
    examples = "; ".join(f"{target}: {reason}" for target, reason in pairs[:5])
    return [
        counted(
            len(pairs),
            "entry was corrected by the bank and no longer counts",
            "entries were corrected by the bank and no longer count",
        )
        + f": {examples}"
    ]


def _candidates(ctx: Context, correcting: Sequence[Arrival]) -> dict[tuple[int, str], list[StoredRow]]:
    candidates: dict[tuple[int, str], list[StoredRow]] = {}
    names = {arrival.entry.corrects for arrival in correcting}
    accounts = {arrival.owner.account_id for arrival in correcting}
    for chunk in chunks(names):
        for row in read_rows(ledger(ctx).filter(bank_id__in=chunk, account_id__in=accounts, withdrawn="")):
            candidates.setdefault((row.account_id, row.bank_id), []).append(row)
    return candidates


def _find_nearest(correcting: StoredRow, candidates: Sequence[StoredRow]) -> StoredRow | None:
    """Of several entries with the corrected id, the one booked nearest to the correction."""
    rivals = [row for row in candidates if row.pk != correcting.pk]
    return min(rivals, key=lambda row: (abs(row.booked_on - correcting.booked_on), -row.pk), default=None)
