"""The ledger: accounts and statements are created as their entries arrive, then the entries are upserted."""

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
from integrations.bank.arrivals import Arrival, Nearby, read_arrivals
from integrations.bank.identity import read_ids_setting
from integrations.bank.judging import Judging
from integrations.bank.models import BankTransaction
from integrations.bank.schema import BankEntry

_ENTRIES = Upsert(BankTransaction, key=["external_id"])


@dataclass(frozen=True, slots=True)
class BankLedger:
    """Loads `BankEntry` values: compares each with the stored rows first, then upserts.

    The number of queries of a batch grows with its accounts and statements, with each `CHUNK` of keys or amounts, with
    equal entries beyond a few, and with rows that are split or corrected; not with each entry. The accounts stay locked
    until the batch commits, see accounts.py: of two loads into one account the second one sees all that the first one
    wrote.
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
        ids = read_ids_setting(ctx.config)
        arrivals = read_arrivals(ctx, ids, rows)
        judging, nearby = Judging(ctx, arrivals), Nearby(ctx, arrivals)
        notes = parts_of_days.note_partial_days(ctx, ids, judging, arrivals)
        notes += continued.place_twins(ctx, ids, judging, arrivals)
        notes += lookalikes.answer_open_pairs(ctx, ids, {arrival.owner.account_id for arrival in arrivals})
        notes += reordered.note_reordered(judging, arrivals)
        notes += alike_accounts.note_similar_accounts(ctx, arrivals) + merged_accounts.note_moved_rows(ctx, arrivals)
        notes += adoption.adopt_rows(ctx, ids, judging, nearby, arrivals) + same_file.adopt_rows(ctx, arrivals)
        adopted_notes, uncertain_pairs = balanced_twins.adopt_certain(ids, judging, nearby, arrivals)
        later_versions = versions.find_later_versions(ctx, arrivals)
        notes += adopted_notes + contradictions.note_contradictions(
            ctx, judging, arrivals, {version.statement for version in later_versions}
        )
        arrivals, rejected, change_notes = changes.judge_changes(ctx, ids, arrivals)
        correction_targets = corrections.withdraw_awaited(ctx, arrivals)
        pairs, text_pairs = lookalikes.find_lookalikes(ctx, ids, judging, nearby, arrivals)
        adoption.rename_adopted(ctx, arrivals)
        # Entries of two statements may be one only since their account is known: the last of them is written.
        written = {arrival.key: arrival for arrival in arrivals if not arrival.is_older}
        loaded = _ENTRIES.load(
            ctx, [rejection.ready._replace(row=_columns(rejection)) for rejection in written.values()]
        )
        refused = {id(rejection.record) for rejection in loaded.rejected}
        arrived = [arrival for arrival in arrivals if id(arrival.ready.record) not in refused]
        merged_accounts.withdraw_duplicates(ctx, arrived)
        sightings.record_sightings(ctx, ids, judging, arrived)
        notes += sightings.split_rows(ctx, arrived) + versions.replace_versions(ctx, later_versions, arrived)
        notes += (
            change_notes
            + corrections.apply_corrections(ctx, arrived, correction_targets)
            + lookalikes.store_pairs(ctx, pairs)
        )
        notes += balanced_twins.note_uncertain(ctx, uncertain_pairs) + changed_texts.note_changed_texts(ctx, text_pairs)
        return Loaded([arrival.ready for arrival in arrived], [*rejected, *loaded.rejected], notes)

    def recognized(self, ctx: Context, rejected: Sequence[Rejected]) -> Sequence[tuple[Rejected, str]]:
        return recognition.find_stored(ctx, rejected)

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
