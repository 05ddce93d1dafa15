"""How many equal entries stand before an entry: this tells true twins from an entry that was sent again.

Statements overlap as files do, wherever they lie, so each counts its equal entries from 0, and the nth of one matches
the nth of the other. Only a statement that continues another, and so cannot overlap it, counts on from the end of that
one: pages of one statement by their number (MT940 `:28C:7/1` and `7/2`), other statements by their balances, see
courses.py.
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
"""How many statements with the same balance are compared: if nothing is booked, all of an account have it."""
_NEWEST_OF_ACCOUNT = 40
"""How many statements of one account, or of one chain, are compared if none continues the other."""


class DatedEntry(Protocol):
    """An object with the days of an entry."""

    @property
    def booked_on(self) -> date | None: ...
    @property
    def booked_text(self) -> str: ...
    @property
    def value_on(self) -> date | None: ...


def booked_day(entry: DatedEntry) -> date | None:
    """The stored day: the booking date, or the value date if the format gives no other."""
    return entry.booked_on or (None if entry.booked_text else entry.value_on)


@dataclass(slots=True)
class _StatementChain:
    """Statements of which each continues another. `places` holds, for each look, the indexes of the statements that
    have it, rising.
    """

    places: dict[int, int | list[int]] = field(default_factory=dict)
    """By the number of the look. A list only if more than one entry has the look, since most have it alone."""
    length: int = 0
    placed: list[_PlacedStatement] = field(default_factory=list)

    def until(self, end: int) -> _StatementChain:
        """The chain as it was with its first `end` statements."""
        if end >= self.length:
            return self
        shorter = _StatementChain(length=end, placed=[placed for placed in self.placed if placed.place.index < end])
        for look, indexes in self.places.items() if end else ():
            if isinstance(indexes, int):
                if indexes < end:
                    shorter.places[look] = indexes
            elif earlier_indexes := [place for place in indexes if place < end]:
                shorter.places[look] = earlier_indexes
        return shorter

    def add(self, look: str, index: int) -> list[int]:
        """Count an entry of the statement `index`; returns the statements of all entries of its look so far, this one
        included.
        """
        number = _number(look)
        indexes = self.places.get(number)
        if indexes is None:
            self.places[number] = index
            return [index]
        index_list = [indexes] if isinstance(indexes, int) else indexes
        index_list.append(index)
        self.places[number] = index_list
        return index_list

    def total(self, look: str) -> int:
        indexes = self.places.get(_number(look), [])
        return 1 if isinstance(indexes, int) else len(indexes)


def _number(look: str) -> int:
    """120 bits of the digest, in a third of its memory."""
    return int(look[:30], 16)


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """The place of one statement in its chain."""

    chain: _StatementChain
    index: int

    def ordinal(self, look: str) -> int:
        """How many entries of this look came before. This one counts from now on."""
        return len(self.chain.add(look, self.index)) - 1

    def nth(self, look: str) -> int:
        """The same, within this statement alone."""
        indexes = self.chain.add(look, self.index)
        return len(indexes) - 1 - bisect_left(indexes, self.index)

    def total(self, look: str) -> int:
        """How many entries of this look there are up to the end of this statement."""
        return self.chain.total(look)


@dataclass(frozen=True, slots=True)
class _PlacedStatement:
    """A statement that has its place, with what later statements are compared with."""

    place: ChainPlace
    course: Course | None
    number: tuple[str, int] | None
    opening: Decimal | None
    closing: Decimal | None


class TwinCounter:
    """The statements of one run in the order in which they are read, each with its place."""

    def __init__(self) -> None:
        self._by_identity: dict[Hashable, ChainPlace] = {}
        self._ending: dict[Hashable, list[_PlacedStatement]] = defaultdict(list)
        self._beginning: dict[Hashable, list[_PlacedStatement]] = defaultdict(list)
        self._pages: dict[Hashable, _PlacedStatement] = {}
        self._newest: dict[Hashable, list[_PlacedStatement]] = defaultdict(list)

    def place(self, statement: Statement) -> ChainPlace:
        """Where `statement` counts from. Later statements may continue it."""
        placed = _with_own_place(statement)
        sent_before = self._by_identity.get(_identity(statement, placed.number))
        if sent_before is not None:
            return _place_in_chain(sent_before.chain, sent_before.index)
        predecessor = next(self._find_continued(statement, placed), None) or self._find_newest_disjoint(
            statement, placed
        )
        if predecessor is not None and _overlaps_with_chain(predecessor.place, placed):
            predecessor = None
        place = (
            placed.place
            if predecessor is None
            else _place_in_chain(predecessor.place.chain, predecessor.place.index + 1)
        )
        place.chain.length = place.index + 1
        placed = replace(placed, place=place)
        place.chain.placed.append(placed)
        self._remember(statement, placed)
        return place

    def _find_continued(self, statement: Statement, placed: _PlacedStatement) -> Iterator[_PlacedStatement]:
        account = statement.account
        if placed.number is not None:
            page = self._pages.get((account.known_by, account.currency, placed.number[0]))
            if page is not None and page.number != placed.number and not _contradicted(page, placed):
                yield page
        if statement.opening is None or statement.closing is None:
            return
        for earlier in self._ending[account.known_by, statement.opening.currency, statement.opening.amount]:
            if earlier.course and placed.course and continues(earlier.course, placed.course):
                yield earlier
        for later in self._beginning[account.known_by, statement.closing.currency, statement.closing.amount]:
            # One that continues others already tells nothing: this one may be those others under another number.
            if later.place.index == 0 and later.course and placed.course and continues(placed.course, later.course):
                yield later

    def _find_newest_disjoint(self, statement: Statement, placed: _PlacedStatement) -> _PlacedStatement | None:
        """The newest statement of the same days, if this one has nothing in common with any of them."""
        newest = None
        for earlier in self._newest[statement.account.known_by, statement.account.currency]:
            if earlier.course is None or placed.course is None or not _share_days(earlier.course, placed.course):
                continue
            if not have_nothing_in_common(earlier.course, placed.course):
                return None
            newest = newest or earlier
        return newest

    def _remember(self, statement: Statement, placed: _PlacedStatement) -> None:
        account = statement.account
        if statement.number or placed.number or (statement.opening and statement.closing):
            self._by_identity[_identity(statement, placed.number)] = placed.place
        if placed.number is not None:
            self._pages[account.known_by, account.currency, placed.number[0]] = placed
        if statement.opening is not None and statement.closing is not None:
            ending = self._ending[account.known_by, statement.closing.currency, statement.closing.amount]
            beginning = self._beginning[account.known_by, statement.opening.currency, statement.opening.amount]
            for placed_list in (ending, beginning):
                placed_list.insert(0, placed)
                del placed_list[_NEWEST:]
        if placed.course is not None:
            of_account = self._newest[account.known_by, account.currency]
            of_account.insert(0, placed)
            del of_account[_NEWEST_OF_ACCOUNT:]


def _with_own_place(statement: Statement) -> _PlacedStatement:
    opening, closing = statement.opening, statement.closing
    first, last = (opening.amount, closing.amount) if opening and closing else (None, None)
    booked, ids = _booked(statement)
    page = page_of(statement.reference, statement.number, statement.page)
    return _PlacedStatement(
        ChainPlace(_StatementChain(), 0), course(first, last, booked, statement.number, ids), page, first, last
    )


def _contradicted(page: _PlacedStatement, candidate: _PlacedStatement) -> bool:
    """Whether the balances deny what the numbers say: that one is the page after the other."""
    first, second = sorted((page, candidate), key=lambda placed: placed.number or ("", 0))
    if first.number is None or second.number is None or second.number[1] - first.number[1] != 1:
        return False
    return None not in (first.closing, second.opening) and first.closing != second.opening


def _overlaps_with_chain(place: ChainPlace, placed: _PlacedStatement) -> bool:
    """Whether the statement shows days of one that the chain holds up to `place`, and the two may have entries in
    common.

    A statement that has nothing in common with one statement, or continues it, may still overlap with earlier ones.
    """
    earlier_statements = (
        earlier_statement
        for earlier_statement in reversed(place.chain.placed)
        if earlier_statement.place.index <= place.index
    )
    return any(
        _may_overlap(earlier_statement, placed) for earlier_statement in islice(earlier_statements, _NEWEST_OF_ACCOUNT)
    )


def _may_overlap(first: _PlacedStatement, second: _PlacedStatement) -> bool:
    if first.course is None or second.course is None or not _share_days(first.course, second.course):
        return False
    if first.number and second.number and first.number[0] == second.number[0] and not _contradicted(first, second):
        return False  # pages of one statement
    return not have_nothing_in_common(first.course, second.course)


def _place_in_chain(chain: _StatementChain, index: int) -> ChainPlace:
    """The place number `index` of `chain`, beside any statement that has it already."""
    return ChainPlace(chain.until(index), index)


def _identity(statement: Statement, page: tuple[str, int] | None) -> Hashable:
    """What makes two statements the same one, sent again."""
    account, opening, closing = statement.account, statement.opening, statement.closing
    balances = (opening and opening.amount, closing and closing.amount)
    period = (statement.period_start, statement.period_end)
    name: Hashable = (spelled(statement.number), statement.page or 1)
    if not statement.number and page and None in balances:
        # A bank may give all statements one reference: only what the page lists tells it then.
        name = (page, hash(tuple(_booked(statement)[0])))
    return account.known_by, account.currency, name, balances, period


def _booked(statement: Statement) -> tuple[list[tuple[date, Decimal]], list[str]]:
    """Day and amount of the booked entries, and beside them the ids of the bank."""
    booked, ids = [], []
    for entry in statement.entries:
        day = booked_day(entry)
        if day is not None and entry.amount is not None and entry.status is EntryStatus.BOOKED:
            booked.append((day, entry.amount))
            ids.append(bank_id_of(entry.bank_id))
    return booked, ids


def _share_days(first: Course, second: Course) -> bool:
    return max(first.first, second.first) <= min(first.last, second.last)
