"""QIF, the text format of Quicken: bank, cash and card accounts. Other lists in the file are counted, not loaded.

A record is a line for each field, known by its first letter, and ends with a line `^`. The file names neither a
currency nor the order of day and month; years are 2026, 26 or '26. It has no balances and no bank ids, so the file
proves nothing, and overlaps are found by day, amount and texts.
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
from integrations.bank.formats.either_mark import find_mark, parse_either
from integrations.bank.formats.options import LEAVE_OUT, POST
from integrations.bank.formats.qif_dates import ORDERS, QifDates
from integrations.bank.formats.qif_records import (
    LOOSE,
    Record,
    describe_joined_entries,
    lines_of,
    note_loose_lines,
    record_of,
    states_opening_balance,
    text_of,
)
from integrations.bank.formats.seams import (
    APART,
    SHOWN,
    Crossing,
    describe_twins,
    equal_rows,
    is_repeated,
    judge_by_days,
    were_joined,
)
from integrations.bank.statements import BALANCE_OR_MONEY, MAX_ENTRIES, Account, Entry, EntryPart, Statement

_CASH = {"bank": "checking", "cash": "cash", "ccard": "creditcard", "oth a": "asset", "oth l": "liability"}
"""The lists whose records are entries of an account, and the account's kind."""
_LIST_NAMES = {
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
"""How many records on either side of the beginning of a list are compared."""
_ORDERS = frozenset(f"option:{order}" for order in ORDERS)
"""Some programs name the order of day and month."""


@dataclass(frozen=True, slots=True)
class _QifSettings:
    """How the texts of the file are read."""

    dates: QifDates
    currency: str
    mark: str
    """The decimal mark, if the file shows it or the config names it."""
    balance_rows: str

    def amount(self, text: str) -> Decimal | None:
        return parse_either(text, self.currency, self.mark)


@dataclass(slots=True)
class _Section:
    """The records under one `!Type:` line, of the account named above it."""

    kind: str
    account: str = ""
    records: list[tuple[Record, str]] = field(default_factory=list)
    """Each record with its exact text."""
    twins: tuple[str, ...] = ()
    """Day and amount of equal records that were joined here, if nothing shows that they come from one export."""

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

    `dates` is the order of day, month and year for files whose dates do not show it; the other arguments are those of
    the options. Raises UnreadableFile, AmbiguousFormat (days and months that cannot be told apart) and FileTooLarge.
    """
    sections = list(_read_sections(decode(data, last_resorts=("cp1252", "latin-1")), max_entries))
    cash = [section for section in sections if section.kind in _CASH]
    left_out = Counter[str]()
    for section in sections:
        if section.kind not in _CASH and section.records:
            name = _LIST_NAMES.get(section.kind, f"QIF records ({section.kind[:30]})")
            left_out[name] += len(section.records)
    if not any(section.records for section in cash):
        contents = "; ".join(f"{count:,} {name}" for name, count in left_out.items())
        but_contents = f"{contents and f', but {contents}'}{_advise_on_investments(left_out)}"
        raise UnreadableFile(f"the QIF file holds no entries of an account{but_contents}")
    order_name = dates or next((section.kind[-3:] for section in sections if section.kind in _ORDERS), "")
    records = [record for section in cash for record, _ in section.records]
    order = QifDates.find(order_name, [text_of(record, "D") for record in records])
    mark = decimal or find_mark(text for record in records for letter in "TU$" for text in record.get(letter, ()))
    settings = _QifSettings(order, currency, mark, balance_rows)
    exports = [export for sections in _group_by_account(cash) for export in _join_sections(sections, order)]
    statements = [_statement(export, settings, left_out) for export in exports]
    return (replace(statements[0], left_out=dict(left_out)), *statements[1:])


def _advise_on_investments(left_out: Counter[str]) -> str:
    """What to do with a file of which everything belongs to an investment account."""
    if _LIST_NAMES["invst"] not in left_out:
        return ""
    return (
        ". Investment lists are not read, their cash neither: export the account as OFX, of which the cash entries "
        "load, or the cash account that belongs to it"
    )


def _read_sections(text: str, max_entries: int) -> Iterator[_Section]:
    """The sections of the file. `!Account` names the account of the sections below it. Raises FileTooLarge."""
    current, account = _Section("bank"), ""
    remaining = max_entries
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
            remaining -= 1
        if remaining < 0:
            raise FileTooLarge(f"The QIF file has more than {max_entries:,} records: split it.")
        lines = []
        if line.startswith("!"):
            yield current
            current = _Section(line[1:].casefold().removeprefix("type:").strip(), account)


def _group_by_account(sections: list[_Section]) -> list[list[_Section]]:
    accounts: dict[tuple[str, str], list[_Section]] = defaultdict(list)
    for section in sections:
        if section.records:
            accounts[section.account, section.kind].append(section)
    return list(accounts.values())


def _join_sections(sections: list[_Section], dates: QifDates) -> list[_Section]:
    """The sections of an account, joined if they continue each other. Sections of other exports overlap as files do."""
    crossings = [_crossing(*pair, dates) for pair in pairwise(sections)]
    # Some programs begin a list for each record.
    are_joined = any(len(section.records) > 1 for section in sections) and were_joined(crossings)
    exports = [sections[0]]
    for section, crossing in zip(sections[1:], crossings, strict=True):
        if crossing.is_page_break is False or are_joined:
            exports.append(section)
        else:
            exports[-1].records += section.records
            exports[-1].twins += crossing.twins
    return exports


def _crossing(above: _Section, below: _Section, dates: QifDates) -> Crossing:
    rows = above.raws[-_WINDOW:], below.raws[:_WINDOW]
    if len(set(rows[1])) > 1 and is_repeated(*rows):
        return Crossing(False)
    ends = [above.records[0], above.records[-1], below.records[0], below.records[-1]]
    days = [day for record, _ in ends if (day := dates.day(text_of(record, "D"))) is not None]
    steps = tuple((later - earlier).days for earlier, later in pairwise(days)) if len(days) == len(ends) else ()
    twins = (below.records[index][0] for index in islice(equal_rows(*rows), SHOWN + 1))
    return judge_by_days(steps, (f"{text_of(twin, 'D')} {text_of(twin, 'T') or text_of(twin, 'U')}" for twin in twins))


def _statement(section: _Section, settings: _QifSettings, left_out: Counter[str]) -> Statement:
    entries: list[Entry] = []
    balances = _find_balance_records(section, settings)
    for index, (record, raw) in enumerate(section.records):
        if balances.get(index) == LEAVE_OUT:
            left_out["opening balances (a QIF file has no closing one)"] += 1
            continue
        entry = _entry(len(entries), record, raw, settings)
        if balances.get(index) == "":
            amount_text = f"{entry.amount_text} of {entry.counterparty[:40]!r}{BALANCE_OR_MONEY}"
            entry = replace(entry, amount=None, amount_text=amount_text)
        entries.append(entry)
    records = [record for record, _ in section.records]
    joined_records = next(filter(None, map(describe_joined_entries, records)), "")
    twins = describe_twins(section.twins, "equal entries of two of them")
    twins_note = f"several lists of the account are read as one{twins}{APART}" if twins else ""
    return Statement(
        account=Account(section.account, settings.currency, kind=_CASH[section.kind]),
        entries=tuple(entries),
        format="qif",
        problems=(joined_records,) if joined_records else (),
        unproved="QIF states no balances",
        notes=(*filter(None, [note_loose_lines(records), twins_note]), *_note_unequal_splits(entries)),
    )


def _find_balance_records(section: _Section, settings: _QifSettings) -> dict[int, str]:
    """The records that are called an opening balance of their own account, each with what becomes of it.

    A record is one if it stands first in the section, or last in a section that begins with the newest entry. Any other
    may be money, or may come from a second export: `balance_rows` decides, and without it the record becomes a dead
    letter that asks.
    """
    candidates = [
        index for index, (record, _) in enumerate(section.records) if states_opening_balance(record, section.account)
    ]
    if not candidates or settings.balance_rows == POST:
        return {}
    last = len(section.records) - 1
    first_day, last_day = (settings.dates.day(text_of(section.records[index][0], "D")) for index in (0, last))
    is_newest_first = first_day is not None and last_day is not None and last_day < first_day
    first = last if is_newest_first else 0
    return {index: LEAVE_OUT if index == first else settings.balance_rows for index in candidates}


def _note_unequal_splits(entries: Sequence[Entry]) -> tuple[str, ...]:
    """One note on all entries whose splits make another sum. They load as they are: the amount moves the balance."""
    unequal = [
        entry for entry in entries if entry.parts and entry.amount is not None and _sum_of_splits(entry) != entry.amount
    ]
    if not unequal:
        return ()
    first, more = unequal[0], len(unequal) - 1
    description = f"entry {first.position + 1} of {first.booked_text}"
    note = f"the splits of {description} make {_sum_of_splits(first):f}, not {first.amount_text}"
    return (f"{note}; and {more:,} more" if more else note,)


def _sum_of_splits(entry: Entry) -> Decimal:
    """The sum of the splits that can be read."""
    return sum((part.amount for part in entry.parts if part.amount is not None), Decimal())


def _entry(position: int, record: Record, raw: str, settings: _QifSettings) -> Entry:
    booked_text = text_of(record, "D")
    value, amount_text = _amount(record, settings)
    return Entry(
        position=position,
        amount=value,
        amount_text=amount_text,
        currency=settings.currency,
        booked_on=settings.dates.day(booked_text),
        booked_text=booked_text,
        reference=text_of(record, "N"),
        counterparty=text_of(record, "P"),
        # The category. Not among the texts, which tell entries apart: owners sort their entries anew.
        kind=text_of(record, "L"),
        description=" ".join(filter(None, [text_of(record, "M"), *record.get(LOOSE, ())])),
        parts=_parts(record, settings),
        raw=raw,
    )


def _amount(record: Record, settings: _QifSettings) -> tuple[Decimal | None, str]:
    """The amount of lines T and U, which say the same; None if they differ, with a text that says so."""
    written, written_again = text_of(record, "T"), text_of(record, "U")
    value, second_value = settings.amount(written), settings.amount(written_again)
    if value is not None and second_value is not None and value != second_value:
        return None, f"the entry says {written} in its line T and {written_again} in its line U"
    return (value, written) if written else (second_value, written_again)


def _parts(record: Record, settings: _QifSettings) -> tuple[EntryPart, ...]:
    """The lines into which the owner of the books split the entry."""
    amounts, memos = record.get("$", []), record.get("E", [])
    splits = record.get("S", [])
    if len(splits) != len(amounts):
        return ()
    if len(memos) == len(splits):
        splits = [" ".join(filter(None, pair)) for pair in zip(memos, splits, strict=True)]
    return tuple(
        EntryPart(settings.amount(text), text, settings.currency, description=memo)
        for text, memo in zip(amounts, splits, strict=True)
    )
