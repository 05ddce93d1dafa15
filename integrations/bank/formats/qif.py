"""QIF, the text format of Quicken: bank, cash and card accounts; whatever else the file holds is counted, not loaded.

A record is a line for each field, known by its first letter, and ends with a line `^`. The file names neither a
currency nor the order of day and month; years are 2026, 26 or '26. There are no balances and no ids of the bank, so
nothing can be proved from the file, and overlaps are judged by day, amount and texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice, pairwise

from ingestion import FileTooLarge, UnreadableFile
from integrations.bank.account_numbers import spelled
from integrations.bank.formats.charset import decode
from integrations.bank.formats.either_mark import amount, mark_shown
from integrations.bank.formats.options import LEAVE_OUT, POST
from integrations.bank.formats.qif_dates import ORDERS, QifDates
from integrations.bank.formats.qif_records import (
    LOOSE,
    Record,
    carries_balance,
    lines_of,
    loose_note,
    record_of,
    run_together,
    text_of,
)
from integrations.bank.formats.seams import APART, SHOWN, Crossing, by_days, comes_again, doubt, equal, were_joined
from integrations.bank.statements import BALANCE_OR_MONEY, MAX_ENTRIES, Account, Entry, EntryPart, Statement

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
_WINDOW = 1000
"""Records on either side of the beginning of a list that are held against each other."""
_ORDERS = frozenset(f"option:{order}" for order in ORDERS)
"""Some programs name the order of day and month."""


@dataclass(frozen=True, slots=True)
class _Told:
    """How the texts of the file are to be read."""

    dates: QifDates
    currency: str
    mark: str
    """Of decimals, where the file shows it or the config says it."""
    balance_rows: str

    def amount(self, text: str) -> Decimal | None:
        return amount(text, self.currency, self.mark)


@dataclass(slots=True)
class _List:
    """The records under one `!Type:` line, of the account named above it."""

    kind: str
    account: str = ""
    records: list[tuple[Record, str]] = field(default_factory=list)
    """With their exact text."""
    twins: tuple[str, ...] = ()
    """Day and amount of equal records in what was put together here, where nothing shows that it is one export."""

    @property
    def raws(self) -> list[str]:
        return [raw for _, raw in self.records]


def read(
    data: bytes,
    dates: str = "",
    currency: str = "",
    max_entries: int = MAX_ENTRIES,
    *,
    balance_rows: str = "",
    decimal: str = "",
) -> tuple[Statement, ...]:
    """One statement per account and export, in the order of the file.

    `dates` is the order of day, month and year where the file's dates do not show it; the others are those of
    the options. Raises UnreadableFile, AmbiguousFormat (days and months that cannot be told apart) and FileTooLarge.
    """
    lists = list(_lists(decode(data, last_resorts=("cp1252", "latin-1")), max_entries))
    cash = [each for each in lists if each.kind in _CASH]
    others = Counter[str]()
    for each in lists:
        if each.kind not in _CASH and each.records:
            others[_OTHERS.get(each.kind, f"QIF records ({each.kind[:30]})")] += len(each.records)
    if not any(each.records for each in cash):
        holds = "; ".join(f"{count:,} {name}" for name, count in others.items())
        but = f"{holds and f', but {holds}'}{_advice(others)}"
        raise UnreadableFile(f"the QIF file holds no entries of an account{but}")
    named = dates or next((each.kind[-3:] for each in lists if each.kind in _ORDERS), "")
    records = [record for each in cash for record, _ in each.records]
    order = QifDates.told_or_seen(named, [text_of(record, "D") for record in records])
    mark = decimal or mark_shown(text for record in records for letter in "TU$" for text in record.get(letter, ()))
    told = _Told(order, currency, mark, balance_rows)
    statements = [
        _statement(each, told, others) for of_account in _by_account(cash) for each in _exports(of_account, order)
    ]
    return (replace(statements[0], left_out=dict(others)), *statements[1:])


def _advice(others: Counter[str]) -> str:
    """What to do where all that the file has is of an investment account."""
    if _OTHERS["invst"] not in others:
        return ""
    return (
        ". Investment lists are not read, their cash neither: export the account as OFX, of which the cash entries "
        "load, or the cash account that belongs to it"
    )


def _lists(text: str, max_entries: int) -> Iterator[_List]:
    """Raises FileTooLarge. `!Account` names the account of the lists below it."""
    current, account = _List("bank"), ""
    left = max_entries
    lines: list[str] = []
    for line in lines_of(text, max_entries):
        if line != "^" and not line.startswith("!"):
            lines += [line] if line else []
            continue
        # A record also ends where the next list begins: its own end may be lost.
        record = record_of(lines)
        if current.kind == "account":
            account = spelled(text_of(record, "N")) or account
        elif record:
            current.records.append((record, "\n".join(lines)))
            left -= 1
        if left < 0:
            raise FileTooLarge(f"The QIF file has more than {max_entries:,} records: split it.")
        lines = []
        if line.startswith("!"):
            yield current
            current = _List(line[1:].casefold().removeprefix("type:").strip(), account)


def _by_account(lists: list[_List]) -> list[list[_List]]:
    accounts: dict[tuple[str, str], list[_List]] = defaultdict(list)
    for each in lists:
        if each.records:
            accounts[each.account, each.kind].append(each)
    return list(accounts.values())


def _exports(lists: list[_List], dates: QifDates) -> list[_List]:
    """The lists of an account, put together where they go on. One that begins another export overlaps as files do."""
    crossings = [_crossing(*pair, dates) for pair in pairwise(lists)]
    # Some programs begin a list for each record.
    are_joined = any(len(each.records) > 1 for each in lists) and were_joined(crossings)
    exports = [lists[0]]
    for each, crossing in zip(lists[1:], crossings, strict=True):
        if crossing.is_page_break is False or are_joined:
            exports.append(each)
        else:
            exports[-1].records += each.records
            exports[-1].twins += crossing.twins
    return exports


def _crossing(above: _List, below: _List, dates: QifDates) -> Crossing:
    rows = above.raws[-_WINDOW:], below.raws[:_WINDOW]
    if len(set(rows[1])) > 1 and comes_again(*rows):
        return Crossing(False)
    ends = [above.records[0], above.records[-1], below.records[0], below.records[-1]]
    days = [day for record, _ in ends if (day := dates.day(text_of(record, "D"))) is not None]
    steps = tuple((later - earlier).days for earlier, later in pairwise(days)) if len(days) == len(ends) else ()
    twins = (below.records[at][0] for at in islice(equal(*rows), SHOWN + 1))
    return by_days(steps, (f"{text_of(each, 'D')} {text_of(each, 'T') or text_of(each, 'U')}" for each in twins))


def _statement(each: _List, told: _Told, others: Counter[str]) -> Statement:
    entries: list[Entry] = []
    balances = _balances(each, told)
    for at, (record, raw) in enumerate(each.records):
        if balances.get(at) == LEAVE_OUT:
            others["opening balances (a QIF file has no closing one)"] += 1
            continue
        entry = _entry(len(entries), record, raw, told)
        if balances.get(at) == "":
            said = f"{entry.amount_text} of {entry.counterparty[:40]!r}{BALANCE_OR_MONEY}"
            entry = replace(entry, amount=None, amount_text=said)
        entries.append(entry)
    records = [record for record, _ in each.records]
    together = next(filter(None, map(run_together, records)), "")
    return Statement(
        account=Account(each.account, told.currency, kind=_CASH[each.kind]),
        entries=tuple(entries),
        format="qif",
        problems=(together,) if together else (),
        unproved="QIF states no balances",
        notes=(*filter(None, [loose_note(records), _twins_note(each)]), *_unequal_splits(entries)),
    )


def _twins_note(each: _List) -> str:
    twins = doubt(each.twins, "equal entries of two of them")
    return f"several lists of the account are read as one{twins}{APART}" if twins else ""


def _balances(each: _List, told: _Told) -> dict[int, str]:
    """Which records are called an opening balance of their own account, and what becomes of them.

    One is, where it is the first of the list, or the last of a list that begins with the newest. Any other may be money
    or may come from a second export: it is what `balance_rows` says, and is asked about where that says nothing.
    """
    candidates = [at for at, (record, _) in enumerate(each.records) if carries_balance(record, each.account)]
    if not candidates:
        return {}
    last = len(each.records) - 1
    first_day, last_day = (told.dates.day(text_of(each.records[at][0], "D")) for at in (0, last))
    is_newest_first = first_day is not None and last_day is not None and last_day < first_day
    first = last if is_newest_first else 0
    if told.balance_rows == POST:
        return {}
    return {at: LEAVE_OUT if at == first else told.balance_rows for at in candidates}


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


def _entry(position: int, record: Record, raw: str, told: _Told) -> Entry:
    booked_text = text_of(record, "D")
    value, amount_text = _amount(record, told)
    return Entry(
        position=position,
        amount=value,
        amount_text=amount_text,
        currency=told.currency,
        booked_on=told.dates.day(booked_text),
        booked_text=booked_text,
        reference=text_of(record, "N"),
        counterparty=text_of(record, "P"),
        # The category. Not among the texts, which tell entries apart: owners sort their entries anew.
        kind=text_of(record, "L"),
        description=" ".join(filter(None, [text_of(record, "M"), *record.get(LOOSE, ())])),
        parts=_parts(record, told),
        raw=raw,
    )


def _amount(record: Record, told: _Told) -> tuple[Decimal | None, str]:
    """Of the lines T and U, which say the same; None where they do not, and the text says so."""
    written, again = text_of(record, "T"), text_of(record, "U")
    value, other = told.amount(written), told.amount(again)
    if value is not None and other is not None and value != other:
        return None, f"the entry says {written} in its line T and {again} in its line U"
    return (value, written) if written else (other, again)


def _parts(record: Record, told: _Told) -> tuple[EntryPart, ...]:
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
        EntryPart(told.amount(text), text, told.currency, description=said)
        for text, said in zip(amounts, texts, strict=True)
    )
