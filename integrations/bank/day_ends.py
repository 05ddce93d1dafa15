"""What a statement without balances shows of its first and its last day, as a short text in the statement's row.

No balance proves that such a day was exported whole, so what other statements show of it is compared with this text,
see parts_of_days.py. `ends=2026-06-01:2026-06-30 2026-06-01 -5 ?1a2b3c4d 2026-06-30 -1 -1 undated ?5e6f7a8b`: a day
applies to all entries after it; `?` is a booked entry that cannot be read, of any day, with a digest of what can be
read of it. Entries that are not booked are left out.
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
class DayEntries:
    """What a statement shows of one day."""

    amounts: Counter[Decimal] = field(default_factory=Counter)
    unreadable: set[str] = field(default_factory=set)
    """Digests of what can be read of entries that cannot be read whole."""


@dataclass(slots=True)
class StatementEnds:
    """What the text of a statement says."""

    first: date
    last: date
    days: dict[date, DayEntries]
    undated: set[str]

    def entries_of(self, day: date) -> DayEntries | None:
        """What the statement shows of the day; None for a day between its ends, of which only unreadable entries are
        stored.
        """
        return self.days.get(day) if day in (self.first, self.last) else None

    def unreadable_on(self, day: date) -> set[str]:
        """The unreadable entries that belong to the day, or may."""
        return self.undated | (self.days[day].unreadable if day in self.days else set())


def keeps_day_ends(statement: Statement) -> bool:
    """Whether the statement has no balances and has booked entries."""
    has_balances = None not in (statement.opening, statement.closing) or statement.between
    return not has_balances and any(map(_is_booked, statement.entries))


def listing(statement: Statement, ids: Ids) -> str:
    """The text of a statement; '' if no day can be read, or if it has balances."""
    if not keeps_day_ends(statement):
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
            trait = unreadable.traits_of(statement.account.known_by, entry, ids)[faults[1]]
            words[day].append(_UNREAD + trait[:_NAME_CHARS])
        elif day in ends and entry.amount is not None:
            words[day].append(f"{entry.amount:f}")
    day_texts = (f"{day or _UNDATED} {' '.join(day_words)}" for day, day_words in words.items())
    return " ".join([f"{_ENDS}{ends[0]}:{ends[1]}", *day_texts])


def read_span(stored: bytes | memoryview | None) -> tuple[date, date] | None:
    """The first and the last day alone, however long the text is."""
    beginning = zlib.decompressobj().decompress(stored, _LONGEST_WORD) if stored is not None else b""
    word = beginning.decode(errors="replace").partition(" ")[0]
    if not word.startswith(_ENDS):
        return None
    first, last = map(date.fromisoformat, word.removeprefix(_ENDS).split(":"))
    return first, last


def read_ends(stored: bytes | memoryview | None) -> StatementEnds | None:
    """What the stored text says; None for the listing of a statement with balances, and without a text."""
    days = read_span(stored)
    if stored is None or days is None:
        return None
    ends = StatementEnds(*days, defaultdict(DayEntries), set())
    day: date | None = None
    for word in zlib.decompress(stored).decode().split()[1:]:
        if word.startswith(_UNREAD):
            (ends.undated if day is None else ends.days[day].unreadable).add(word.removeprefix(_UNREAD))
        elif word == _UNDATED:
            day = None
        elif "-" in word[1:]:
            day = date.fromisoformat(word)
        elif day is not None:
            ends.days[day].amounts[Decimal(word)] += 1
    return ends


def short_traits(account: str, entry: Described, ids: Ids) -> set[str]:
    """The digests under which a version of the entry that cannot be read may be listed."""
    return {trait[:_NAME_CHARS] for trait in unreadable.traits_of(account, entry, ids)}


def digest_moneys(statement: Statement) -> str:
    """What tells the statement from others with as many entries, whatever their texts: its days and amounts."""
    return sha256("\n".join(_moneys(statement)).encode()).hexdigest()[:16]


def _moneys(statement: Statement) -> Iterator[str]:
    return (f"{day_text(entry)} {amount_text(entry)}" for entry in statement.entries if _is_booked(entry))


def _is_booked(entry: Entry) -> bool:
    return entry.status is EntryStatus.BOOKED
