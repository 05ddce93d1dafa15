"""Entries by which the bank replaces or deletes earlier ones. The earlier row stays and no longer counts.

Which of the two arrives first does not matter: a correction without its target waits for it. One correction withdraws
one entry, because banks use ids again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Row, by_key, chunks, ledger, read
from integrations.bank.identity import bank_id
from integrations.bank.models import BankCorrection, BankTransaction

_WITHDRAWN = {
    "replace": BankTransaction.Withdrawn.REPLACED,
    "delete": BankTransaction.Withdrawn.DELETED,
}


def awaited(ctx: Context, arrivals: Sequence[Arrival]) -> dict[str, BankCorrection]:
    """Withdraw the new entries that a stored correction waits for; these corrections by the key of their target."""
    new = [arrival for arrival in arrivals if arrival.stored is None and bank_id(arrival.entry)]
    waiting: dict[tuple[int, str], BankCorrection] = {}
    corrections = BankCorrection.objects.for_tenant(ctx.tenant).filter(
        target=None, account_id__in={arrival.owner.account_id for arrival in new}
    )
    for correction in corrections.order_by("-pk") if new else ():
        waiting[correction.account_id, correction.corrects] = correction
    targets = {}
    for arrival in new:
        correction_of = waiting.pop((arrival.owner.account_id, arrival.entry.bank_id[:191]), None)
        if correction_of is not None:
            arrival.withdrawn = _WITHDRAWN[correction_of.action]
            arrival.replaced_by_id = correction_of.entry_id
            targets[arrival.key] = correction_of
    for arrival in arrivals:
        if arrival.entry.correction == "delete" and not arrival.withdrawn:
            arrival.withdrawn = BankTransaction.Withdrawn.DELETION
    return targets


def apply(ctx: Context, arrivals: Sequence[Arrival], targets: dict[str, BankCorrection]) -> list[str]:
    """Withdraw what the loaded entries correct; a sentence where any did."""
    correcting = [arrival for arrival in arrivals if arrival.entry.correction]
    if not correcting and not targets:
        return []
    rows = by_key(ctx, [*targets, *(arrival.key for arrival in correcting)])
    for key, correction in targets.items():
        correction.target_id = rows[key].pk
        correction.save(update_fields=["target"])
    pairs = [(rows[key].shown, "withdrawn by a correction that came before it") for key in targets]
    done = set(
        BankCorrection.objects.for_tenant(ctx.tenant)
        .filter(entry_id__in=[rows[arrival.key].pk for arrival in correcting])
        .values_list("entry_id", flat=True)
    )
    fresh = [arrival for arrival in correcting if rows[arrival.key].pk not in done]
    candidates = _candidates(ctx, fresh)
    for arrival in fresh:
        own = rows[arrival.key]
        target = _nearest(own, candidates.get((own.account_id, arrival.entry.corrects), []))
        if target is not None:
            withdrawn = _WITHDRAWN[arrival.entry.correction]
            ledger(ctx).filter(pk=target.pk).update(withdrawn=withdrawn, replaced_by_id=own.pk)
            candidates[own.account_id, arrival.entry.corrects].remove(target)
            pairs.append((target.shown, f"{withdrawn} by {own.shown}"))
        BankCorrection.objects.for_tenant(ctx.tenant).create(
            tenant_id=ctx.tenant.id,
            account_id=own.account_id,
            entry_id=own.pk,
            corrects=arrival.entry.corrects[:191],
            action=arrival.entry.correction,
            target_id=target.pk if target else None,
        )
    if not pairs:
        return []
    told = "; ".join(f"{target}: {what}" for target, what in pairs[:5])
    return [
        counted(
            len(pairs),
            "entry was corrected by the bank and no longer counts",
            "entries were corrected by the bank and no longer count",
        )
        + f": {told}"
    ]


def _candidates(ctx: Context, correcting: Sequence[Arrival]) -> dict[tuple[int, str], list[Row]]:
    candidates: dict[tuple[int, str], list[Row]] = {}
    names = {arrival.entry.corrects for arrival in correcting}
    accounts = {arrival.owner.account_id for arrival in correcting}
    for chunk in chunks(names):
        for row in read(ledger(ctx).filter(bank_id__in=chunk, account_id__in=accounts, withdrawn="")):
            candidates.setdefault((row.account_id, row.bank_id), []).append(row)
    return candidates


def _nearest(own: Row, candidates: Sequence[Row]) -> Row | None:
    """Of several entries under the id that is corrected, the one booked nearest to the correction."""
    others = [row for row in candidates if row.pk != own.pk]
    return min(others, key=lambda row: (abs(row.booked_on - own.booked_on), -row.pk), default=None)
