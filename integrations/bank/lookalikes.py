"""New entries that may be stored ones: the run names them, they are kept as pairs, and the setting `ids` answers them.

An entry is not a suspect because another one looks like it: two coffees are two. It is a suspect if the ledger would
then hold more entries of that look than any one statement shows. So rows that arrived with the same statement do not
count against each other, nor do rows of statements that have nothing in common, see courses.py. An entry without a bank
id is never a suspect.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from ingestion import Context, counted
from integrations.bank import changed_texts
from integrations.bank.arrivals import (
    Arrival,
    Nearby,
    StoredRow,
    chunks,
    ledger,
    read_rows,
    rows_by_key,
    without_earlier_pages,
)
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.models import BankLookAlike, BankTransaction

_NEAR = timedelta(days=10)
"""How far apart the days of one entry may be when the bank booked it anew under its id. Ids that the bank uses again
are further apart.
"""
_SHOWN = 5
_Sort = BankLookAlike.Sort
_QUESTION = {
    _Sort.TEXTS: "an id that is new, all else as stored",
    _Sort.ID: "an id that is stored with another day or amount",
    _Sort.FORMAT: "a day and amount that are stored from another format; keep to one format per account",
}


class LookAlikePair(NamedTuple):
    """A new entry, the stored row that it may be, and how the two resemble each other."""

    arrival: Arrival
    row: StoredRow
    sort: str


def find_lookalikes(
    ctx: Context, ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]
) -> tuple[list[LookAlikePair], list[changed_texts.TextPair]]:
    """The new entries that may be stored ones, each with one such row, as long as the connection's `ids` does not
    answer.

    The second list holds entries with other texts, which changed_texts.py finds.
    """
    new = [
        arrival
        for arrival in arrivals
        if arrival.stored is None and not arrival.owner.account_is_new and not arrival.entry.correction
    ]
    if not new:
        return [], []
    batch = {arrival.key for arrival in arrivals}
    pairs: list[LookAlikePair] = []
    texts: dict[object, list[StoredRow]] = defaultdict(list)
    formats: dict[object, list[StoredRow]] = defaultdict(list)
    formats_by_money = {arrival.money: arrival.entry.statement.format for arrival in new}
    statements_by_texts = _statements_by_texts(new)
    nearby_rows = [
        nearby_row
        for nearby_row in nearby.rows
        if not nearby_row.row.withdrawn and nearby_row.money in formats_by_money
    ]
    for nearby_row in nearby_rows:
        if nearby_row.format != formats_by_money[nearby_row.money]:
            formats[nearby_row.money].append(nearby_row.row)
        elif not all(
            judging.are_disjoint(nearby_row.row.statement_id, statement_id)
            for statement_id in statements_by_texts.get(nearby_row.texts, ())
        ):
            texts[nearby_row.texts].append(nearby_row.row)
    by_id = _rows_of_same_id(ctx, new, arrivals) if ids is Ids.UNSET else {}
    if ids is Ids.UNSET:
        pairs += _surplus(
            new, texts, lambda arrival: arrival.texts, lambda arrival: arrival.entry.twins, _Sort.TEXTS, batch
        )
        pairs += _surplus(
            _without_suspects(new, pairs), by_id, _id_key, lambda arrival: arrival.entry.namesakes, _Sort.ID, batch
        )
    pairs += _surplus(
        _without_suspects(new, pairs),
        formats,
        lambda arrival: arrival.money,
        lambda arrival: arrival.entry.alike,
        _Sort.FORMAT,
        batch,
    )
    same_format = [nearby_row for nearby_row in nearby_rows if nearby_row.format == formats_by_money[nearby_row.money]]
    taken_keys = batch | {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    return pairs, list(
        changed_texts.find_changed_texts(ids, judging, _without_suspects(new, pairs), same_format, taken_keys)
    )


def _statements_by_texts(new: Sequence[Arrival]) -> dict[object, set[int]]:
    """For each look, the statements of its entries that have a bank id."""
    statements: dict[object, set[int]] = defaultdict(set)
    for arrival in new:
        if bank_id(arrival.entry):
            statements[arrival.texts].add(arrival.owner.statement_id)
    return statements


def store_pairs(ctx: Context, pairs: Sequence[LookAlikePair]) -> list[str]:
    """Keep the pairs whose entries are loaded now; a note for each sort."""
    rows = rows_by_key(ctx, [pair.arrival.key for pair in pairs])
    loaded = [pair for pair in pairs if pair.arrival.key in rows]
    BankLookAlike.objects.for_tenant(ctx.tenant).bulk_create(
        [
            BankLookAlike(
                tenant_id=ctx.tenant.id,
                account_id=pair.row.account_id,
                entry_id=rows[pair.arrival.key].pk,
                stored_id=pair.row.pk,
                sort=pair.sort,
                run_id=ctx.run_id,
            )
            for pair in loaded
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
    return [
        _describe_pairs(sort, [pair for pair in loaded if pair.sort == sort])
        for sort in dict.fromkeys(pair.sort for pair in loaded)
    ]


def _describe_pairs(sort: str, pairs: Sequence[LookAlikePair]) -> str:
    examples = "; ".join(f"{pair.arrival.summary} beside {pair.row.summary}" for pair in pairs[:_SHOWN])
    more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    advice = (
        ""
        if sort == _Sort.FORMAT
        else (
            " Both stay until the connection's config says what this bank's ids are worth: ids trust (the id alone "
            "names "
            "an entry), ignore (the texts do) or once (they are two entries)."
        )
    )
    noun = counted(len(pairs), "entry resembles a stored one", "entries resemble stored ones")
    return f"{noun}, with {_QUESTION[_Sort(sort)]}: {examples}{more}.{advice}"


def _without_suspects(new: Sequence[Arrival], pairs: Sequence[LookAlikePair]) -> list[Arrival]:
    suspects = {pair.arrival.key for pair in pairs}
    return [arrival for arrival in new if arrival.key not in suspects]


def _surplus(
    new: Sequence[Arrival],
    rows: dict[object, list[StoredRow]],
    look_of: Callable[[Arrival], object],
    count_in_statement: Callable[[Arrival], int],
    sort: str,
    batch: set[str],
) -> Iterator[LookAlikePair]:
    """For each look, as many pairs as the ledger would hold more entries than the statement shows."""
    groups: dict[object, list[Arrival]] = defaultdict(list)
    for arrival in new:
        groups[look_of(arrival)].append(arrival)
    for look, arrivals in groups.items():
        stored = rows.get(look, [])
        too_many = len(stored) + len(arrivals) - max(map(count_in_statement, arrivals))
        older_rows = [row for row in stored if row.external_id not in batch]
        if too_many > 0 and older_rows:
            for at, arrival in enumerate(arrivals[-too_many:]):
                yield LookAlikePair(arrival, older_rows[min(at, len(older_rows) - 1)], sort)


def _rows_of_same_id(
    ctx: Context, new: Sequence[Arrival], arrivals: Sequence[Arrival]
) -> dict[object, list[StoredRow]]:
    """The rows with the bank ids of new entries whose day or amount is another."""
    rows: dict[object, list[StoredRow]] = defaultdict(list)
    bank_ids = {arrival.entry.bank_id[:255] for arrival in new if bank_id(arrival.entry)}
    if not bank_ids:
        return rows
    days = [arrival.entry.day for arrival in new]
    rows_nearby = ledger(ctx).filter(
        account_id__in={arrival.owner.account_id for arrival in new},
        booked_on__range=(min(days) - _NEAR, max(days) + _NEAR),
        withdrawn="",
    )
    moneys = {(arrival.money, arrival.entry.bank_id[:255]) for arrival in new}
    rows_nearby = without_earlier_pages(ctx, rows_nearby, arrivals)
    for chunk in chunks(bank_ids):
        for row in read_rows(rows_nearby.filter(bank_id__in=chunk)):
            if ((row.account_id, row.booked_on, row.amount), row.bank_id) not in moneys:
                rows[row.account_id, row.bank_id].append(row)
    return rows


def _id_key(arrival: Arrival) -> object:
    """What entries of one bank id share. An entry without an id shares it with no other."""
    return (arrival.owner.account_id, arrival.entry.bank_id[:255]) if bank_id(arrival.entry) else arrival.key


def answer_open_pairs(ctx: Context, ids: Ids, accounts: set[int]) -> list[str]:
    """Settle the open pairs of these accounts by what the connection now says of its ids; a note if any were open."""
    if ids is Ids.UNSET:
        return []
    open_pairs = BankLookAlike.objects.for_tenant(ctx.tenant).filter(account_id__in=accounts, answer="")
    pairs = list(open_pairs.exclude(sort=_Sort.FORMAT).select_related("entry", "stored").order_by("pk"))
    counts: Counter[str] = Counter()
    judging = Judging(ctx, ())
    for pair in pairs:
        if ids is Ids.IGNORE and pair.sort == _Sort.TEXTS:
            if judging.are_disjoint(pair.stored.statement_id, pair.entry.statement_id):
                counts["proved twins"] += 1
                continue
            counts["copies"] += _withdraw(ctx, pair.entry_id, BankTransaction.Withdrawn.COPY, pair.stored_id)
        elif ids is Ids.TRUST and pair.sort == _Sort.ID:
            counts["earlier versions"] += _withdraw(
                ctx, pair.stored_id, BankTransaction.Withdrawn.REPLACED, pair.entry_id
            )
    open_pairs.filter(pk__in=[pair.pk for pair in pairs]).update(answer=ids)
    proved = counts.pop("proved twins", 0)
    outcomes = [f"{count} {noun} of stored entries no longer count" for noun, count in counts.items() if count]
    outcomes += [f"{proved} stay, because balances or numbers prove them twins"] if proved else []
    return (
        [f"ids is {ids.value}: {len(pairs)} look-alikes are answered. {'; '.join(outcomes)}".strip()] if pairs else []
    )


def _withdraw(ctx: Context, pk: int, reason: str, replaced_by: int) -> int:
    return ledger(ctx).filter(pk=pk, withdrawn="").update(withdrawn=reason, replaced_by_id=replaced_by)
