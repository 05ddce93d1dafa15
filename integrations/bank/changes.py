"""Entries whose stored row has another day, amount or account: corrected if the connection trusts ids, else refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ingestion import Context, FieldError, Rejected, Stage, counted
from integrations.bank.arrivals import Arrival, StoredRow
from integrations.bank.identity import Ids
from integrations.bank.models import BankStatement

_SHOWN = 5


def judge_changes(
    ctx: Context, ids: Ids, arrivals: Sequence[Arrival]
) -> tuple[list[Arrival], list[Rejected], list[str]]:
    """The entries to load, the rejected ones, and a note for each change that would otherwise go unnoticed."""
    changing = [
        (arrival, arrival.stored)
        for arrival in arrivals
        if arrival.stored is not None and _differs_from_row(arrival, arrival.stored)
    ]
    if not changing:
        return list(arrivals), [], []
    if ids is not Ids.TRUST:
        rejected = [_reject(arrival, row) for arrival, row in changing]
        rejected_keys = {arrival.key for arrival, _ in changing}
        return [arrival for arrival in arrivals if arrival.key not in rejected_keys], rejected, []
    ends = _statement_ends(ctx, [row for _, row in changing])
    for arrival, row in changing:
        stored_end, arriving_end = ends.get(row.statement_id), arrival.entry.statement.period_end
        arrival.is_older = stored_end is not None and arriving_end is not None and arriving_end < stored_end
    older = [pair for pair in changing if pair[0].is_older]
    newer = [pair for pair in changing if not pair[0].is_older]
    notes = (
        [_describe_changes("entry was changed by the bank", "entries were changed by the bank", newer)] if newer else []
    )
    if older:
        notes.append(
            _describe_changes(
                "entry of an older statement differs from what a later one says, which stays",
                "entries of older statements differ from what later ones say, which stays",
                older,
            )
        )
    return list(arrivals), [], notes


def _differs_from_row(arrival: Arrival, row: StoredRow) -> bool:
    arriving = arrival.money[1:] if arrival.has_moved else arrival.money
    stored_money = (row.account_id, row.booked_on, row.amount)
    return stored_money[-len(arriving) :] != arriving or row.currency != arrival.entry.currency


def _reject(arrival: Arrival, row: StoredRow) -> Rejected:
    text = (
        f"This entry ({arrival.summary}) is known as {row.summary}. Nothing was changed. Where the bank changes "
        "entries "
        "under their id, say so in the connection's config: ids trust."
    )
    return Rejected(arrival.ready.record, Stage.LOAD, "StoredOtherwise", (FieldError("", "stored_otherwise", text),))


def _describe_changes(singular: str, plural: str, pairs: Sequence[tuple[Arrival, StoredRow]]) -> str:
    examples = "; ".join(f"{row.summary} is now {arrival.summary}" for arrival, row in pairs[:_SHOWN])
    return f"{counted(len(pairs), singular, plural)}: {examples}"


def _statement_ends(ctx: Context, rows: Sequence[StoredRow]) -> dict[int, date | None]:
    statements = BankStatement.objects.for_tenant(ctx.tenant).filter(pk__in={row.statement_id for row in rows})
    return dict(statements.values_list("pk", "period_end"))
