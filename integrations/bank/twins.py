"""How many equal entries stand before an entry: what tells true twins from an entry that was sent again.

Statements overlap as files do, wherever they lie, so each of them counts its equal entries from 0, and the nth of one
meets the nth of the other. Only a statement that continues another, and so cannot overlap it, counts on where that one
ended: pages of one statement by their number (MT940 `:28C:7/1` and `7/2`), others by their balances, see courses.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Protocol

from integrations.bank.bank_ids import bank_id_of
from integrations.bank.courses import Course, continues, course, have_nothing_in_common
from integrations.bank.numbering import page_of, spelled
from integrations.bank.statements import EntryStatus, Statement

_NEWEST = 8
"""Statements with one and the same balance that are looked at: where nothing is booked all of them have it."""
_NEWEST_OF_ACCOUNT = 40
"""Statements of one account, or of one chain, that are looked at where none continues the other."""


class Dated(Protocol):
    """What has the days of an entry."""

    @property
    def booked_on(self) -> date | None: ...
    @property
    def booked_text(self) -> str: ...
    @property
    def value_on(self) -> date | None: ...


def booked_day(entry: Dated) -> date | None:
    """The day that is stored: the booking date, or the value date where the format gives no other."""
    return entry.booked_on or (None if entry.booked_text else entry.value_on)


@dataclass(slots=True)
class _Chain:
    """Statements of which each continues another. `places` holds, for each look, which of them have it, rising."""

    places: dict[int, int | list[int]] = field(default_factory=dict)
    """By the number of the look; a list only where more than one entry has it, since most have it alone."""
    length: int = 0
    reads: list[_Read] = field(default_factory=list)

    def until(self, end: int) -> _Chain:
        """The chain as it was with its first `end` statements."""
        if end >= self.length:
            return self
        kept = _Chain(length=end, reads=[read for read in self.reads if read.place.index < end])
        for look, at in self.places.items() if end else ():
            if isinstance(at, int):
                if at < end:
                    kept.places[look] = at
            elif before := [place for place in at if place < end]:
                kept.places[look] = before
        return kept

    def add(self, look: str, index: int) -> list[int]:
        """Count an entry of the statement `index`; the statements of all that have its look so far, it too."""
        number = _number(look)
        at = self.places.get(number)
        if at is None:
            self.places[number] = index
            return [index]
        listed = [at] if isinstance(at, int) else at
        listed.append(index)
        self.places[number] = listed
        return listed

    def total(self, look: str) -> int:
        at = self.places.get(_number(look), [])
        return 1 if isinstance(at, int) else len(at)


def _number(look: str) -> int:
    """120 bits of the digest, in a third of its memory."""
    return int(look[:30], 16)


@dataclass(frozen=True, slots=True)
class Place:
    """One statement's place in its chain."""

    chain: _Chain
    index: int

    def ordinal(self, look: str) -> int:
        """How many entries of this look came before; this one counts from now on."""
        return len(self.chain.add(look, self.index)) - 1

    def nth(self, look: str) -> int:
        """The same, within this statement alone."""
        at = self.chain.add(look, self.index)
        return len(at) - 1 - bisect_left(at, self.index)

    def total(self, look: str) -> int:
        """How many entries of this look there are up to the end of this statement."""
        return self.chain.total(look)


@dataclass(frozen=True, slots=True)
class _Read:
    """A statement that was placed, as far as later ones are held against it."""

    place: Place
    course: Course | None
    number: tuple[str, int] | None
    opening: Decimal | None
    closing: Decimal | None


class Twins:
    """The statements of one run in the order in which they are read, each with its place."""

    def __init__(self) -> None:
        self._sent: dict[Hashable, Place] = {}
        self._ending: dict[Hashable, list[_Read]] = defaultdict(list)
        self._beginning: dict[Hashable, list[_Read]] = defaultdict(list)
        self._pages: dict[Hashable, _Read] = {}
        self._newest: dict[Hashable, list[_Read]] = defaultdict(list)

    def place(self, statement: Statement) -> Place:
        """Where `statement` counts from; afterwards others may continue it."""
        read = _read(statement)
        again = self._sent.get(_identity(statement, read.number))
        if again is not None:
            return _next(again.chain, again.index)
        before = next(self._continued(statement, read), None) or self._other(statement, read)
        if before is not None and _overlaps_with_chain(before.place, read):
            before = None
        place = read.place if before is None else _next(before.place.chain, before.place.index + 1)
        place.chain.length = place.index + 1
        read = replace(read, place=place)
        place.chain.reads.append(read)
        self._remember(statement, read)
        return place

    def _continued(self, statement: Statement, read: _Read) -> Iterator[_Read]:
        account = statement.account
        if read.number is not None:
            page = self._pages.get((account.known_by, account.currency, read.number[0]))
            if page is not None and page.number != read.number and not _contradicted(page, read):
                yield page
        if statement.opening is None or statement.closing is None:
            return
        for earlier in self._ending[account.known_by, statement.opening.currency, statement.opening.amount]:
            if earlier.course and read.course and continues(earlier.course, read.course):
                yield earlier
        for later in self._beginning[account.known_by, statement.closing.currency, statement.closing.amount]:
            # One that continues others already tells nothing: this one may be those others under another number.
            if later.place.index == 0 and later.course and read.course and continues(read.course, later.course):
                yield later

    def _other(self, statement: Statement, read: _Read) -> _Read | None:
        """The newest statement of the same days, where this one has nothing in common with any of them."""
        newest = None
        for earlier in self._newest[statement.account.known_by, statement.account.currency]:
            if earlier.course is None or read.course is None or not _share_days(earlier.course, read.course):
                continue
            if not have_nothing_in_common(earlier.course, read.course):
                return None
            newest = newest or earlier
        return newest

    def _remember(self, statement: Statement, read: _Read) -> None:
        account = statement.account
        if statement.number or read.number or (statement.opening and statement.closing):
            self._sent[_identity(statement, read.number)] = read.place
        if read.number is not None:
            self._pages[account.known_by, account.currency, read.number[0]] = read
        if statement.opening is not None and statement.closing is not None:
            ending = self._ending[account.known_by, statement.closing.currency, statement.closing.amount]
            beginning = self._beginning[account.known_by, statement.opening.currency, statement.opening.amount]
            for newest in (ending, beginning):
                newest.insert(0, read)
                del newest[_NEWEST:]
        if read.course is not None:
            of_account = self._newest[account.known_by, account.currency]
            of_account.insert(0, read)
            del of_account[_NEWEST_OF_ACCOUNT:]


def _read(statement: Statement) -> _Read:
    opening, closing = statement.opening, statement.closing
    first, last = (opening.amount, closing.amount) if opening and closing else (None, None)
    booked, ids = _booked(statement)
    page = page_of(statement.reference, statement.number, statement.page)
    return _Read(Place(_Chain(), 0), course(first, last, booked, statement.number, ids), page, first, last)


def _contradicted(page: _Read, other: _Read) -> bool:
    """Whether the balances deny what the numbers say: that one is the page after the other."""
    first, second = sorted((page, other), key=lambda read: read.number or ("", 0))
    if first.number is None or second.number is None or second.number[1] - first.number[1] != 1:
        return False
    return None not in (first.closing, second.opening) and first.closing != second.opening


def _overlaps_with_chain(place: Place, read: _Read) -> bool:
    """Whether it shows days of a statement that the chain holds up to `place`, and the two may have entries in common.

    What has nothing in common with one statement, or continues it, may well overlap with those before that one.
    """
    earlier = (each for each in reversed(place.chain.reads) if each.place.index <= place.index)
    return any(_may_overlap(each, read) for each in islice(earlier, _NEWEST_OF_ACCOUNT))


def _may_overlap(one: _Read, other: _Read) -> bool:
    if one.course is None or other.course is None or not _share_days(one.course, other.course):
        return False
    if one.number and other.number and one.number[0] == other.number[0] and not _contradicted(one, other):
        return False  # pages of one statement
    return not have_nothing_in_common(one.course, other.course)


def _next(chain: _Chain, index: int) -> Place:
    """The place number `index` of `chain`, beside whoever has it already."""
    return Place(chain.until(index), index)


def _identity(statement: Statement, page: tuple[str, int] | None) -> Hashable:
    """What makes two statements the same one, sent again."""
    account, opening, closing = statement.account, statement.opening, statement.closing
    balances = (opening and opening.amount, closing and closing.amount)
    period = (statement.period_start, statement.period_end)
    named: Hashable = (spelled(statement.number), statement.page or 1)
    if not statement.number and page and None in balances:
        # A bank may give all statements one reference: only what the page lists tells it then.
        named = (page, hash(tuple(_booked(statement)[0])))
    return account.known_by, account.currency, named, balances, period


def _booked(statement: Statement) -> tuple[list[tuple[date, Decimal]], list[str]]:
    """Day and amount of the booked entries, and beside them the ids of the bank."""
    booked, ids = [], []
    for entry in statement.entries:
        day = booked_day(entry)
        if day is not None and entry.amount is not None and entry.status is EntryStatus.BOOKED:
            booked.append((day, entry.amount))
            ids.append(bank_id_of(entry.bank_id))
    return booked, ids


def _share_days(one: Course, other: Course) -> bool:
    return max(one.first, other.first) <= min(one.last, other.last)
