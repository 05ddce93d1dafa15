"""The name under which an entry or a statement lies among the dead letters, and how its mended version finds it there.

The part that is wrong must not be in the name, or the mended version would have another one. So an entry with an
unreadable amount is named by its day and texts, one with an unreadable day by its amount and texts, and one without
either by its place; the last two within their statement. An ordinal tells equal entries apart. A refused statement is
named by its opening. Every version that loads knows the names it would have had.

If nothing tells one statement from the next (one entry, no number, no period, no balances) there is no such name, and
the dead letter stays open for a person to settle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from integrations.bank import money
from integrations.bank.account_numbers import qualifier_of
from integrations.bank.identity import (
    Described,
    Ids,
    amount_text,
    day_text,
    digest,
    identifying_words,
    key_of,
    status_words,
)
from integrations.bank.statements import Balance, Entry, Statement
from integrations.bank.twins import booked_day

MAX_DIGITS, MAX_PLACES = 24, 5
"""What the ledger's column takes."""


class DeadLetterNames(NamedTuple):
    """The names that one entry would have without the part that cannot be read; '' for a name it cannot have."""

    without_amount: str
    without_day: str
    without_both: str
    of_day: int = 1
    """Entries of the statement with the same day and texts, this one included."""
    of_amount: int = 1
    """Entries of the statement with the same amount and texts, this one included."""

    def all(self) -> list[str]:
        """The names that exist."""
        return [name for name in (self.without_amount, self.without_day, self.without_both) if name]

    def of(self, amount_is_wrong: bool, day_is_wrong: bool) -> str:
        """The name of an entry with these faults, '' for one that has its own id."""
        if amount_is_wrong and day_is_wrong:
            return self.without_both
        return self.without_amount if amount_is_wrong else self.without_day if day_is_wrong else ""


def letter_names(statement: Statement, ids: Ids) -> list[DeadLetterNames]:
    """The names of each entry of the statement."""
    account, counts = statement.account.known_by, Counter[str]()
    head, days = _head_words(statement), _days(statement)
    entry_names: list[DeadLetterNames] = []
    looks: list[tuple[str, str]] = []
    for entry, (other_days, is_only_dated) in zip(statement.entries, days, strict=True):
        words = (*identifying_words(entry, ids), *status_words(entry))
        context = head or (() if is_only_dated else other_days)
        by_day, alike = traits_of(account, entry, ids)
        by_amount = digest(account, "without day", amount_text(entry), *words, *context) if context else ""
        place = digest(account, "without both", *words, *context, str(entry.position)) if context else ""
        ordinals = [counts[by_day], counts[by_amount]]
        counts.update((by_day, by_amount, alike))
        entry_names.append(
            DeadLetterNames(
                key_of(by_day, ordinals[0]),
                key_of(by_amount, ordinals[1]) if by_amount else "",
                key_of(place, 0) if place else "",
            )
        )
        looks.append((by_day, alike))
    return [
        names._replace(of_day=counts[by_day], of_amount=counts[alike])
        for names, (by_day, alike) in zip(entry_names, looks, strict=True)
    ]


def traits_of(account: str, entry: Described, ids: Ids) -> tuple[str, str]:
    """Digests of what an entry shares with entries that differ only in the amount, and only in the day."""
    words = (*identifying_words(entry, ids), *status_words(entry))
    return (
        digest(account, "without amount", day_text(entry), *words),
        digest(account, "alike without day", amount_text(entry), *words),
    )


def faults(statement: Statement, entry: Entry) -> tuple[bool, bool]:
    """Whether the schema will refuse the entry for its amount or currency, and whether for its day."""
    return is_no_amount(entry.amount, entry.currency or statement.account.currency), booked_day(entry) is None


def variants_with_less(statement: Statement) -> list[Statement]:
    """The statement as files of its account write it that leave out bank or kind, or name the bank in words.

    Only the stored accounts show which one such a file means, so its unreadable entries wait under what it says.
    """
    account = statement.account
    if not account.qualifier:
        return []
    banks, kinds = dict.fromkeys(("", account.institution, account.bank)), dict.fromkeys(("", account.kind))
    qualifiers = {qualifier_of(bank, kind) for bank in banks for kind in kinds} - {account.qualifier}
    return [replace(statement, account=replace(account, qualifier=qualifier)) for qualifier in sorted(qualifiers)]


def statement_name(statement: Statement) -> str:
    """The name of a refused statement. It depends on number, period and opening balance, whatever else is wrong.

    In a CSV the pocket of the account counts too: one file holds several, each with balances of its own.
    """
    return _statement_name(statement, statement.account.name if _is_csv(statement) else "")


def statement_names(statement: Statement) -> list[str]:
    """The names of earlier, refused versions of the statement.

    A CSV opens with what its rows make, if they tie: a refused version of it had no opening balance. That name is left
    out for a single day, of which there may be several exports. Dead letters older than pockets are named without one.
    """
    names = [statement_name(statement)]
    if _is_csv(statement) and statement.opening is not None:
        first, last = _period(statement)
        names += [statement_name(replace(statement, opening=None))] if first != last else []
        names += [_statement_name(statement)] if statement.account.name else []
    return names


def _is_csv(statement: Statement) -> bool:
    return statement.format.startswith("csv:")


def _statement_name(statement: Statement, pocket: str = "") -> str:
    account, opening = statement.account, statement.opening
    description = f"{account.identifier} {statement.reference or statement.number}".strip()
    parts = (statement.number, _balance(opening), *map(str, _period(statement)), *([pocket] if pocket else []))
    return f"statement {description[:120]} {digest(account.known_by, account.currency, *parts)[:16]}"


def is_no_amount(amount: Decimal | None, currency: str) -> bool:
    """Whether the schema refuses the amount in that currency."""
    if amount is None or not amount.is_finite():
        return True
    try:
        most_places = money.exponent(currency)
    except money.UnknownCurrencyError:
        return True
    decimal = amount.as_tuple()
    return money.places(amount) > min(most_places, MAX_PLACES) or len(decimal.digits) > MAX_DIGITS


def _head_words(statement: Statement) -> tuple[str, ...]:
    """What tells the statement from others of its account; () if the file has nothing of that kind."""
    words = (
        statement.number,
        _balance(statement.opening),
        _balance(statement.closing),
        str(statement.period_start or ""),
        str(statement.period_end or ""),
    )
    return words if any(words[1:]) else ()


def _balance(balance: Balance | None) -> str:
    return "" if balance is None else f"{balance.amount.normalize():f} {balance.currency}"


def _period(statement: Statement) -> Sequence[date | None]:
    """The period that the statement gives, else the one that its readable entries make."""
    days = [day for day in map(booked_day, statement.entries) if day is not None]
    first, last = min(days, default=None), max(days, default=None)
    return statement.period_start or first, statement.period_end or last


def _days(statement: Statement) -> list[tuple[tuple[str, ...], bool]]:
    """For each entry, what the days of all other entries make together, and whether no other entry has a day.

    The days are added up, so that leaving out one entry needs no second pass over the others.
    """
    numbers = [_day_number(entry) for entry in statement.entries]
    total, readable = sum(numbers), sum(number > 0 for number in numbers)
    return [((str(total - number), str(len(numbers))), readable == (number > 0)) for number in numbers]


def _day_number(entry: Entry) -> int:
    day = booked_day(entry)
    return int(digest(str(entry.position), day.isoformat())[:16], 16) if day else 0
