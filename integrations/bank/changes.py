"""Entries whose stored row says another day, amount or account: corrected where ids are trusted, refused elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ingestion import Context, FieldError, Rejected, Stage, counted
from integrations.bank.arrivals import Arrival, Row
from integrations.bank.identity import Ids
from integrations.bank.models import BankStatement

_SHOWN = 5


def judge(ctx: Context, ids: Ids, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Rejected], list[str]]:
    """Those to be loaded, those refused, and a sentence for each thing that would else go unseen."""
    changing = [(one, one.stored) for one in arrivals if one.stored is not None and _differs(one, one.stored)]
    if not changing:
        return list(arrivals), [], []
    if ids is not Ids.TRUST:
        refused = [_refused(arrival, row) for arrival, row in changing]
        at_fault = {arrival.key for arrival, _ in changing}
        return [arrival for arrival in arrivals if arrival.key not in at_fault], refused, []
    ends = _ends(ctx, [row for _, row in changing])
    for arrival, row in changing:
        end, own = ends.get(row.statement_id), arrival.entry.statement.period_end
        arrival.is_older = end is not None and own is not None and own < end
    older = [pair for pair in changing if pair[0].is_older]
    newer = [pair for pair in changing if not pair[0].is_older]
    notes = [_sentence("entry was changed by the bank", "entries were changed by the bank", newer)] if newer else []
    if older:
        notes.append(
            _sentence(
                "entry of an older statement differs from what a later one says, which stays",
                "entries of older statements differ from what later ones say, which stays",
                older,
            )
        )
    return list(arrivals), [], notes


def _differs(arrival: Arrival, row: Row) -> bool:
    own = arrival.money[1:] if arrival.has_moved else arrival.money
    stored = (row.account_id, row.booked_on, row.amount)
    return stored[-len(own) :] != own or row.currency != arrival.entry.currency


def _refused(arrival: Arrival, row: Row) -> Rejected:
    text = (
        f"This entry ({arrival.shown}) is known as {row.shown}. Nothing was changed. Where the bank changes entries "
        "under their id, say so in the connection's config: ids trust."
    )
    return Rejected(arrival.ready.record, Stage.LOAD, "StoredOtherwise", (FieldError("", "stored_otherwise", text),))


def _sentence(what: str, several: str, pairs: Sequence[tuple[Arrival, Row]]) -> str:
    shown = "; ".join(f"{row.shown} is now {arrival.shown}" for arrival, row in pairs[:_SHOWN])
    return f"{counted(len(pairs), what, several)}: {shown}"


def _ends(ctx: Context, rows: Sequence[Row]) -> dict[int, date | None]:
    statements = BankStatement.objects.for_tenant(ctx.tenant).filter(pk__in={row.statement_id for row in rows})
    return dict(statements.values_list("pk", "period_end"))
