"""QIF, the text format of Quicken: bank, cash and card accounts; whatever else the file holds is counted, not loaded.

A record is a line for each field, known by its first letter, and ends with a line `^`. The file names neither a
currency nor the order of day and month; years are 2026, 26 or '26. There are no balances and no ids of the bank, so
nothing can be proved from the file, and overlaps are judged by day, amount and texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ingestion import FileTooLarge, UnreadableFile
from integrations.bank.account_numbers import spelled
from integrations.bank.formats.charset import decode
from integrations.bank.formats.either_mark import amount
from integrations.bank.formats.qif_dates import ORDERS, QifDates
from integrations.bank.statements import MAX_ENTRIES, Account, Entry, EntryPart, Statement

_CASH = {"bank": "checking", "cash": "cash", "ccard": "creditcard", "oth a": "asset", "oth l": "liability"}
"""The lists whose records are entries of an account, and the account's kind."""
_OTHERS = {
    "invst": "investment trades",
    "cat": "categories",
    "class": "classes",
    "memorized": "memorized entries",
    "prices": "prices of securities",
    "security": "securities",
    "budget": "budgets",
    "invitem": "articles",
    "template": "templates",
}
_OPENING = frozenset({
    *("opening balance", "solde initial", "solde d'ouverture", "anfangssaldo", "anfangsbestand", "eröffnungssaldo"),
    *("saldo iniziale", "saldo inicial", "beginsaldo", "openingssaldo", "ingående saldo", "saldo początkowe"),
})  # fmt: skip
"""The payee of the record with which programs carry the balance before the first entry into the list."""
_ORDERS = frozenset(f"option:{order}" for order in ORDERS)
"""Some programs name the order of day and month."""

_RUN_TOGETHER = "an entry has two days or two amounts: the line ^ between two entries is missing"

Record = dict[str, list[str]]
"""The texts of each letter, in the order of the file."""


@dataclass(slots=True)
class _List:
    """The records under one `!Type:` line, of the account named above it."""

    kind: str
    account: str = ""
    records: list[tuple[Record, str]] = field(default_factory=list)
    """With their exact text."""


def read(data: bytes, dates: str = "", currency: str = "", max_entries: int = MAX_ENTRIES) -> tuple[Statement, ...]:
    """One statement per account, in the order of the file.

    `dates` is the order of day, month and year where the file's dates do not show it. Raises UnreadableFile,
    AmbiguousFormat (days and months that cannot be told apart) and FileTooLarge.
    """
    lists = list(_lists(decode(data, last_resorts=("cp1252", "latin-1")), max_entries))
    cash = [each for each in lists if each.kind in _CASH]
    others = Counter[str]()
    for each in lists:
        if each.kind not in _CASH and each.records:
            others[_OTHERS.get(each.kind, f"QIF records ({each.kind[:30]})")] += len(each.records)
    if not any(each.records for each in cash):
        holds = "; ".join(f"{count:,} {name}" for name, count in others.items())
        raise UnreadableFile(f"the QIF file holds no entries of an account{holds and f', but {holds}'}")
    told = dates or next((each.kind[-3:] for each in lists if each.kind in _ORDERS), "")
    order = QifDates.told_or_seen(told, [_text(record, "D") for each in cash for record, _ in each.records])
    statements = [_statement(each, order, currency, others) for each in _by_account(cash)]
    return (replace(statements[0], left_out=dict(others)), *statements[1:])


def _lists(text: str, max_entries: int) -> Iterator[_List]:
    """Raises FileTooLarge. `!Account` names the account of the lists below it."""
    current, account = _List("bank"), ""
    left = max_entries
    lines: list[str] = []
    for line in (*re.split(r"\r\n|\r|\n", text), "!"):
        line = line.strip("\ufeff\0 \t")
        if line != "^" and not line.startswith("!"):
            lines += [line] if line else []
            continue
        # A record also ends where the next list begins: its own end may be lost.
        record = _record(lines)
        if current.kind == "account":
            account = spelled(_text(record, "N")) or account
        elif record:
            current.records.append((record, "\n".join(lines)))
            left -= 1
        if left < 0:
            raise FileTooLarge(f"The QIF file has more than {max_entries:,} records: split it.")
        lines = []
        if line.startswith("!"):
            yield current
            current = _List(line[1:].casefold().removeprefix("type:").strip(), account)


def _record(lines: Sequence[str]) -> Record:
    record: Record = {}
    for line in lines:
        record.setdefault(line[0], []).append(line[1:].strip())
    return record


def _by_account(lists: list[_List]) -> list[_List]:
    accounts: dict[tuple[str, str], _List] = {}
    for each in lists:
        accounts.setdefault((each.account, each.kind), _List(each.kind, each.account)).records += each.records
    return [each for each in accounts.values() if each.records]


def _statement(each: _List, dates: QifDates, currency: str, others: Counter[str]) -> Statement:
    entries: list[Entry] = []
    for record, raw in each.records:
        if _text(record, "P").casefold() in _OPENING and _text(record, "L").startswith("["):
            others["opening balances (a QIF file has no closing one)"] += 1
        else:
            entries.append(_entry(len(entries), record, raw, dates, currency))
    return Statement(
        account=Account(each.account, currency, kind=_CASH[each.kind]),
        entries=tuple(entries),
        format="qif",
        problems=(_RUN_TOGETHER,) if any(_runs_together(record) for record, _ in each.records) else (),
        unproved="QIF states no balances",
        notes=_unequal_splits(entries),
    )


def _unequal_splits(entries: Sequence[Entry]) -> tuple[str, ...]:
    """One note for all. The amount is what moves the balance, so such an entry loads as it is."""
    unequal = [
        entry for entry in entries if entry.parts and entry.amount is not None and _splits(entry) != entry.amount
    ]
    if not unequal:
        return ()
    first, more = unequal[0], len(unequal) - 1
    which = f"entry {first.position + 1} of {first.booked_text}"
    said = f"the splits of {which} make {_splits(first):f}, not {first.amount_text}"
    return (f"{said}; and {more:,} more" if more else said,)


def _splits(entry: Entry) -> Decimal:
    """What can be read of them."""
    return sum((part.amount for part in entry.parts if part.amount is not None), Decimal())


def _runs_together(record: Record) -> bool:
    return any(len(record.get(letter, ())) > 1 for letter in "DT")


def _entry(position: int, record: Record, raw: str, dates: QifDates, currency: str) -> Entry:
    amount_text, booked_text = _text(record, "T") or _text(record, "U"), _text(record, "D")
    return Entry(
        position=position,
        amount=amount(amount_text, currency),
        amount_text=amount_text,
        currency=currency,
        booked_on=dates.day(booked_text),
        booked_text=booked_text,
        reference=_text(record, "N"),
        counterparty=_text(record, "P"),
        # The category. Not among the texts, which tell entries apart: owners sort their entries anew.
        kind=_text(record, "L"),
        description=_text(record, "M"),
        parts=_parts(record, currency),
        raw=raw,
    )


def _parts(record: Record, currency: str) -> tuple[EntryPart, ...]:
    """The lines that the owner of the books split the entry into."""
    amounts, memos = record.get("$", []), record.get("E", [])
    splits = record.get("S", [])
    if len(splits) != len(amounts):
        return ()
    texts = (
        [" ".join(filter(None, pair)) for pair in zip(memos, splits, strict=True)]
        if len(memos) == len(splits)
        else splits
    )
    return tuple(
        EntryPart(amount(text, currency), text, currency, description=said)
        for text, said in zip(amounts, texts, strict=True)
    )


def _text(record: Record, letter: str) -> str:
    return next(filter(None, record.get(letter, ())), "")
