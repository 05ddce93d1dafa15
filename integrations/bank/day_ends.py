"""What a statement without balances shows of its first and its last day, as a short text that its row keeps.

No balance tells whether such a day was exported whole, so that what other statements show of it is held against this,
see parts_of_days.py. `ends=2026-06-01:2026-06-30 2026-06-01 -5 ?1a2b3c4d 2026-06-30 -1 -1 undated ?5e6f7a8b`: a day
goes for all entries after it; `?` is a booked entry that cannot be read, of whatever day, by what could be read of it.
Entries that are not booked are left out.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256

from integrations.bank import unreadable
from integrations.bank.identity import Described, Ids, amount_text, day_text
from integrations.bank.statements import Entry, EntryStatus, Statement
from integrations.bank.twins import booked_day

_ENDS = "ends="
_UNDATED = "undated"
_UNREAD = "?"
_NAME_CHARS = 8
_LONGEST_WORD = 40
"""More than the first word takes."""


@dataclass(slots=True)
class Shown:
    """What a statement shows of one day."""

    amounts: Counter[Decimal] = field(default_factory=Counter)
    unread: set[str] = field(default_factory=set)
    """What could be read of entries that cannot be read whole, digested."""


@dataclass(slots=True)
class Ends:
    """What was kept of a statement."""

    first: date
    last: date
    days: dict[date, Shown]
    undated: set[str]

    def shown(self, day: date) -> Shown | None:
        """What it shows of the day; None for a day between its ends, of which only unreadable entries are kept."""
        return self.days.get(day) if day in (self.first, self.last) else None

    def unread(self, day: date) -> set[str]:
        """The unreadable entries that are of the day or may be."""
        return self.undated | (self.days[day].unread if day in self.days else set())


def are_kept(statement: Statement) -> bool:
    """Whether it is a statement without balances and with entries that are booked."""
    has_balances = None not in (statement.opening, statement.closing) or statement.between
    return not has_balances and any(map(_is_booked, statement.entries))


def listing(statement: Statement, ids: Ids) -> str:
    """The text of a statement; '' where no day can be read, and where it has balances."""
    if not are_kept(statement):
        return ""
    booked = [entry for entry in statement.entries if _is_booked(entry)]
    days = [day for day in map(booked_day, booked) if day is not None]
    if not days:
        return ""
    ends = min(days), max(days)
    words: dict[date | None, list[str]] = defaultdict(list)
    for entry in booked:
        day, faults = booked_day(entry), unreadable.faults(statement, entry)
        if any(faults):
            trait = unreadable.traits(statement.account.known_by, entry, ids)[faults[1]]
            words[day].append(_UNREAD + trait[:_NAME_CHARS])
        elif day in ends and entry.amount is not None:
            words[day].append(f"{entry.amount:f}")
    listed = (f"{day or _UNDATED} {' '.join(of_day)}" for day, of_day in words.items())
    return " ".join([f"{_ENDS}{ends[0]}:{ends[1]}", *listed])


def span(stored: bytes | memoryview | None) -> tuple[date, date] | None:
    """The first and the last day alone, however much is kept of them."""
    begin = zlib.decompressobj().decompress(stored, _LONGEST_WORD) if stored is not None else b""
    word = begin.decode(errors="replace").partition(" ")[0]
    if not word.startswith(_ENDS):
        return None
    first, last = map(date.fromisoformat, word.removeprefix(_ENDS).split(":"))
    return first, last


def read(stored: bytes | memoryview | None) -> Ends | None:
    """What the kept text says; None for the listing of a statement with balances, and where nothing is kept."""
    days = span(stored)
    if stored is None or days is None:
        return None
    ends = Ends(*days, defaultdict(Shown), set())
    day: date | None = None
    for word in zlib.decompress(stored).decode().split()[1:]:
        if word.startswith(_UNREAD):
            (ends.undated if day is None else ends.days[day].unread).add(word.removeprefix(_UNREAD))
        elif word == _UNDATED:
            day = None
        elif "-" in word[1:]:
            day = date.fromisoformat(word)
        elif day is not None:
            ends.days[day].amounts[Decimal(word)] += 1
    return ends


def traits(account: str, entry: Described, ids: Ids) -> set[str]:
    """What a version of the entry that cannot be read may be called among the unreadable ones."""
    return {trait[:_NAME_CHARS] for trait in unreadable.traits(account, entry, ids)}


def digest(statement: Statement) -> str:
    """What tells it from others of as many entries, whatever their texts."""
    return sha256("\n".join(_moneys(statement)).encode()).hexdigest()[:16]


def _moneys(statement: Statement) -> Iterator[str]:
    return (f"{day_text(entry)} {amount_text(entry)}" for entry in statement.entries if _is_booked(entry))


def _is_booked(entry: Entry) -> bool:
    return entry.status is EntryStatus.BOOKED
