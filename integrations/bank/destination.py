"""The ledger: accounts and statements are made as their entries arrive, then the entries are upserted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Context, Loaded, Ready, Rejected, Stored, Upsert
from integrations.bank import (
    adoption,
    alike_accounts,
    balanced_twins,
    changed_texts,
    changes,
    continued,
    contradictions,
    corrections,
    lookalikes,
    merged_accounts,
    parts_of_days,
    recognition,
    reordered,
    same_file,
    sightings,
    versions,
)
from integrations.bank.arrivals import Arrival, Nearby, arriving
from integrations.bank.identity import ids_told
from integrations.bank.judging import Judging
from integrations.bank.models import BankTransaction
from integrations.bank.schema import BankEntry

_ENTRIES = Upsert(BankTransaction, key=["external_id"])


@dataclass(frozen=True, slots=True)
class Ledger:
    """Loads `BankEntry` values. What each means for rows that are stored is judged first; the rest is an `Upsert`.

    What a batch asks of the database grows with its accounts and statements, with each `CHUNK` of keys or amounts, with
    equal entries beyond a few, and with rows that are parted or corrected; not with each entry. Its accounts stay
    locked until it commits, see heads.py: of two loads into one account the second sees all that the first wrote.
    """

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        return _ENTRIES.stored(ctx, keys)

    def empty(self, ctx: Context) -> bool:
        return _ENTRIES.empty(ctx)

    def key_of(self, row: BankEntry) -> str:
        return row.external_id

    def version_of(self, row: BankEntry) -> Any:
        return None

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        ids = ids_told(ctx.config)
        arrivals = arriving(ctx, ids, rows)
        judging, nearby = Judging(ctx, arrivals), Nearby(ctx, arrivals)
        notes = parts_of_days.told(ctx, ids, judging, arrivals)
        notes += continued.part(ctx, ids, judging, arrivals)
        notes += lookalikes.answer(ctx, ids, {arrival.owner.account_id for arrival in arrivals})
        notes += reordered.told(judging, arrivals)
        notes += alike_accounts.told(ctx, arrivals) + merged_accounts.told(ctx, arrivals)
        notes += adoption.adopt(ctx, ids, judging, nearby, arrivals) + same_file.adopt(ctx, arrivals)
        placed, doubted = balanced_twins.adopt(ids, judging, nearby, arrivals)
        later = versions.later(ctx, arrivals)
        notes += placed + contradictions.told(ctx, judging, arrivals, {version.statement for version in later})
        arrivals, rejected, changed = changes.judge(ctx, ids, arrivals)
        targets = corrections.awaited(ctx, arrivals)
        pairs, retold = lookalikes.suspected(ctx, ids, judging, nearby, arrivals)
        adoption.rename(ctx, arrivals)
        # Entries of two statements may be one only since their account is known: the last of them is written.
        written = {arrival.key: arrival for arrival in arrivals if not arrival.is_older}
        loaded = _ENTRIES.load(ctx, [one.ready._replace(row=_columns(one)) for one in written.values()])
        refused = {id(one.record) for one in loaded.rejected}
        arrived = [arrival for arrival in arrivals if id(arrival.ready.record) not in refused]
        merged_accounts.withdraw(ctx, arrived)
        sightings.record(ctx, ids, judging, arrived)
        notes += sightings.part(ctx, arrived) + versions.apply(ctx, later, arrived)
        notes += changed + corrections.apply(ctx, arrived, targets) + lookalikes.remember(ctx, pairs)
        notes += balanced_twins.told(ctx, doubted) + changed_texts.told(ctx, retold)
        return Loaded([arrival.ready for arrival in arrived], [*rejected, *loaded.rejected], notes)

    def recognized(self, ctx: Context, rejected: Sequence[Rejected]) -> Sequence[tuple[Rejected, str]]:
        return recognition.recognized(ctx, rejected)

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ENTRIES.total(ctx, column, keys)

    def problems(self) -> list[str]:
        return _ENTRIES.problems()


def _columns(arrival: Arrival) -> dict[str, Any]:
    """The row. Texts too long for their column are cut: the whole of them is in the raw artifact."""
    entry = arrival.entry
    return {
        "external_id": arrival.key,
        "account_id": arrival.owner.account_id,
        "statement_id": arrival.owner.statement_id,
        "booked_on": entry.day,
        "value_on": entry.value_on,
        "amount": entry.amount,
        "currency": entry.currency,
        "bank_id": entry.bank_id[:255],
        "reference": entry.reference[:255],
        "kind": entry.kind[:50],
        "counterparty": entry.counterparty[:255],
        "counterparty_account": entry.counterparty_account[:100],
        "description": entry.description,
        "parts": entry.parts,
        "details": entry.details,
        "position": entry.position,
        "withdrawn": arrival.withdrawn,
        "replaced_by_id": arrival.replaced_by_id,
    }
