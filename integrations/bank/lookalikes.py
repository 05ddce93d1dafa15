"""New entries that may be stored ones: named on the run, kept as pairs, and answered by what `ids` says.

An entry is not suspected because another one is like it: two coffees are two. It is suspected when the ledger would
hold more like it than any one statement shows. Rows that arrived with the same statement therefore never count against
each other, nor do those of statements that have nothing in common, see courses.py; and without an id none is doubted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from ingestion import Context, counted
from integrations.bank import changed_texts
from integrations.bank.arrivals import Arrival, Nearby, Row, by_key, chunks, ledger, of_others, read
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.models import BankLookAlike, BankTransaction

_NEAR = timedelta(days=10)
"""How far apart the days of one entry may be that the bank booked anew under its id. Ids that restart are further."""
_SHOWN = 5
_Sort = BankLookAlike.Sort
_QUESTION = {
    _Sort.TEXTS: "an id that is new, all else as stored",
    _Sort.ID: "an id that is stored with another day or amount",
    _Sort.FORMAT: "a day and amount that are stored from another format; keep to one format per account",
}


class Pair(NamedTuple):
    arrival: Arrival
    row: Row
    sort: str


def suspected(
    ctx: Context, ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]
) -> tuple[list[Pair], list[changed_texts.Pair]]:
    """The new entries that may be stored ones, each with one of these, as far as nobody told yet what they are.

    Beside those of which the connection may tell, those of another text that changed_texts.py names.
    """
    new = [one for one in arrivals if one.stored is None and not one.owner.account_is_new and not one.entry.correction]
    if not new:
        return [], []
    batch = {arrival.key for arrival in arrivals}
    pairs: list[Pair] = []
    texts: dict[object, list[Row]] = defaultdict(list)
    formats: dict[object, list[Row]] = defaultdict(list)
    same = {arrival.money: arrival.entry.statement.format for arrival in new}
    doubted = _doubted(new)
    near = [each for each in nearby.rows if not each.row.withdrawn and each.money in same]
    for each in near:
        if each.format != same[each.money]:
            formats[each.money].append(each.row)
        elif not all(judging.are_others(each.row.statement_id, own) for own in doubted.get(each.texts, ())):
            texts[each.texts].append(each.row)
    named = _named(ctx, new, arrivals) if ids is Ids.UNTOLD else {}
    if ids is Ids.UNTOLD:
        pairs += _surplus(new, texts, lambda one: one.texts, lambda one: one.entry.twins, _Sort.TEXTS, batch)
        pairs += _surplus(_left(new, pairs), named, _name, lambda one: one.entry.namesakes, _Sort.ID, batch)
    pairs += _surplus(
        _left(new, pairs), formats, lambda one: one.money, lambda one: one.entry.alike, _Sort.FORMAT, batch
    )
    of_the_format = [each for each in near if each.format == same[each.money]]
    taken = batch | {arrival.stored.external_id for arrival in arrivals if arrival.stored is not None}
    return pairs, list(changed_texts.suspected(ids, judging, _left(new, pairs), of_the_format, taken))


def _doubted(new: Sequence[Arrival]) -> dict[object, set[int]]:
    """The statements of the entries of each look that have an id."""
    doubted: dict[object, set[int]] = defaultdict(set)
    for arrival in new:
        if bank_id(arrival.entry):
            doubted[arrival.texts].add(arrival.owner.statement_id)
    return doubted


def remember(ctx: Context, pairs: Sequence[Pair]) -> list[str]:
    """Keep the pairs of entries that are loaded now; a sentence for each sort."""
    rows = by_key(ctx, [pair.arrival.key for pair in pairs])
    kept = [pair for pair in pairs if pair.arrival.key in rows]
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
            for pair in kept
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
    return [
        _sentence(sort, [pair for pair in kept if pair.sort == sort]) for sort in dict.fromkeys(p.sort for p in kept)
    ]


def _sentence(sort: str, pairs: Sequence[Pair]) -> str:
    shown = "; ".join(f"{pair.arrival.shown} beside {pair.row.shown}" for pair in pairs[:_SHOWN])
    more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    tell = "" if sort == _Sort.FORMAT else (
        " Both stay until the connection's config says what this bank's ids are worth: ids trust (the id alone names "
        "an entry), ignore (the texts do) or once (they are two entries)."
    )  # fmt: skip
    noun = counted(len(pairs), "entry resembles a stored one", "entries resemble stored ones")
    return f"{noun}, with {_QUESTION[_Sort(sort)]}: {shown}{more}.{tell}"


def _left(new: Sequence[Arrival], pairs: Sequence[Pair]) -> list[Arrival]:
    suspects = {pair.arrival.key for pair in pairs}
    return [arrival for arrival in new if arrival.key not in suspects]


def _surplus(
    new: Sequence[Arrival],
    rows: dict[object, list[Row]],
    look_of: Callable[[Arrival], object],
    shown_by_statement: Callable[[Arrival], int],
    sort: str,
    batch: set[str],
) -> Iterator[Pair]:
    """As many pairs of a look as the ledger would hold more than the statement shows."""
    looks: dict[object, list[Arrival]] = defaultdict(list)
    for arrival in new:
        looks[look_of(arrival)].append(arrival)
    for look, arrivals in looks.items():
        stored = rows.get(look, [])
        too_many = len(stored) + len(arrivals) - max(map(shown_by_statement, arrivals))
        others = [row for row in stored if row.external_id not in batch]
        if too_many > 0 and others:
            for at, arrival in enumerate(arrivals[-too_many:]):
                yield Pair(arrival, others[min(at, len(others) - 1)], sort)


def _named(ctx: Context, new: Sequence[Arrival], arrivals: Sequence[Arrival]) -> dict[object, list[Row]]:
    """The rows of the same ids whose day or amount is another."""
    rows: dict[object, list[Row]] = defaultdict(list)
    names = {arrival.entry.bank_id[:255] for arrival in new if bank_id(arrival.entry)}
    if not names:
        return rows
    days = [arrival.entry.day for arrival in new]
    near = ledger(ctx).filter(
        account_id__in={arrival.owner.account_id for arrival in new},
        booked_on__range=(min(days) - _NEAR, max(days) + _NEAR),
        withdrawn="",
    )
    moneys = {(arrival.money, arrival.entry.bank_id[:255]) for arrival in new}
    near = of_others(ctx, near, arrivals)
    for chunk in chunks(names):
        for row in read(near.filter(bank_id__in=chunk)):
            if ((row.account_id, row.booked_on, row.amount), row.bank_id) not in moneys:
                rows[row.account_id, row.bank_id].append(row)
    return rows


def _name(arrival: Arrival) -> object:
    """Entries without an id have nobody's name."""
    return (arrival.owner.account_id, arrival.entry.bank_id[:255]) if bank_id(arrival.entry) else arrival.key


def answer(ctx: Context, ids: Ids, accounts: set[int]) -> list[str]:
    """Settle the open pairs of these accounts by what the connection now says; a sentence where it did."""
    if ids is Ids.UNTOLD:
        return []
    open_pairs = BankLookAlike.objects.for_tenant(ctx.tenant).filter(account_id__in=accounts, answer="")
    pairs = list(open_pairs.exclude(sort=_Sort.FORMAT).select_related("entry", "stored").order_by("pk"))
    done: Counter[str] = Counter()
    judging = Judging(ctx, ())
    for pair in pairs:
        if ids is Ids.IGNORE and pair.sort == _Sort.TEXTS:
            if judging.are_others(pair.stored.statement_id, pair.entry.statement_id):
                done["proved twins"] += 1
                continue
            done["copies"] += _withdraw(ctx, pair.entry_id, BankTransaction.Withdrawn.COPY, pair.stored_id)
        elif ids is Ids.TRUST and pair.sort == _Sort.ID:
            done["earlier versions"] += _withdraw(
                ctx, pair.stored_id, BankTransaction.Withdrawn.REPLACED, pair.entry_id
            )
    open_pairs.filter(pk__in=[pair.pk for pair in pairs]).update(answer=ids)
    proved = done.pop("proved twins", 0)
    told = [f"{count} {what} of stored entries no longer count" for what, count in done.items() if count]
    told += [f"{proved} stay, because balances or numbers prove them twins"] if proved else []
    return [f"ids is {ids.value}: {len(pairs)} look-alikes are answered. {'; '.join(told)}".strip()] if pairs else []


def _withdraw(ctx: Context, row: int, why: str, replaced_by: int) -> int:
    return ledger(ctx).filter(pk=row, withdrawn="").update(withdrawn=why, replaced_by_id=replaced_by)
