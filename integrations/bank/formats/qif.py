"""QIF, the text format of Quicken: bank, cash and card accounts; whatever else the file holds is counted, not loaded.

A record is a line for each field, known by its first letter, and ends with a line `^`. The file names neither a
currency nor the order of day and month; years are 2026, 26 or '26. There are no balances and no ids of the bank, so
nothing can be proved from the file, and overlaps are judged by day, amount and texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingestion import FileTooLarge, UnreadableFile
from integrations.bank.formats.charset import decode
from integrations.bank.formats.either_mark import amount
from integrations.bank.formats.qif_dates import QifDates
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
_OPENING = "opening balance"

Record = dict[str, list[str]]
"""The texts of each letter, in the order of the file."""


@dataclass(slots=True)
class _List:
    """The records under one `!Type:` line, of the account named above it."""

    kind: str
    account: str = ""
    records: list[tuple[Record, str]] = field(default_factory=list)
    """With their exact text."""


def read(data: bytes, dates: str = "", currency: str = "") -> tuple[Statement, ...]:
    """One statement per account, in the order of the file.

    `dates` is the order of day, month and year where the file's dates do not show it. Raises UnreadableFile,
    AmbiguousFormat (days and months that cannot be told apart) and FileTooLarge.
    """
    lists = list(_lists(decode(data, last_resorts=("cp1252", "latin-1"))))
    cash = [each for each in lists if each.kind in _CASH]
    others = Counter[str]()
    for each in lists:
        if each.kind not in _CASH and each.records:
            others[_OTHERS.get(each.kind, f"QIF records ({each.kind[:30]})")] += len(each.records)
    if not any(each.records for each in cash):
        holds = "; ".join(f"{count:,} {name}" for name, count in others.items())
        raise UnreadableFile(f"the QIF file holds no entries of an account{holds and f', but {holds}'}")
    order = QifDates.told_or_seen(dates, [_text(record, "D") for each in cash for record, _ in each.records])
    statements = [_statement(each, order, currency, others) for each in _by_account(cash)]
    return (replace(statements[0], left_out=dict(others)), *statements[1:])


def _lists(text: str) -> Iterator[_List]:
    """Raises FileTooLarge. `!Account` names the account of the lists below it."""
    current, account = _List("bank"), ""
    record: Record = {}
    lines: list[str] = []
    left = MAX_ENTRIES
    for line in (*text.splitlines(), "^"):
        line = line.strip("\ufeff\0 \t")
        if line.startswith("!"):
            yield current
            current = _List(line[1:].casefold().removeprefix("type:").strip(), account)
            record, lines = {}, []
        elif line == "^" and current.kind == "account":
            account = _text(record, "N") or account
            record, lines = {}, []
        elif line == "^":
            left -= bool(record)
            if left < 0:
                raise FileTooLarge(f"The QIF file has more than {MAX_ENTRIES:,} records: split it.")
            if record:
                current.records.append((record, "\n".join(lines)))
            record, lines = {}, []
        elif line:
            record.setdefault(line[0], []).append(line[1:].strip())
            lines.append(line)
    yield current


def _by_account(lists: list[_List]) -> list[_List]:
    accounts: dict[tuple[str, str], _List] = {}
    for each in lists:
        accounts.setdefault((each.account, each.kind), _List(each.kind, each.account)).records += each.records
    return [each for each in accounts.values() if each.records]


def _statement(each: _List, dates: QifDates, currency: str, others: Counter[str]) -> Statement:
    entries: list[Entry] = []
    for record, raw in each.records:
        if _text(record, "P").casefold() == _OPENING:
            others["opening balances (a QIF file has no closing one)"] += 1
        else:
            entries.append(_entry(len(entries), record, raw, dates, currency))
    return Statement(
        account=Account("".join(each.account.split()), currency, kind=_CASH[each.kind]),
        entries=tuple(entries),
        format="qif",
        unproved="QIF states no balances",
    )


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
