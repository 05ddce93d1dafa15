"""Under which name an entry or a statement lies among the dead letters, and how its mended version finds it there.

What is wrong must not be part of that name, or the mended version could never be matched with it. So an entry whose
amount cannot be read is named by its day and texts, one whose day cannot be read by its amount and texts, and one
without either by its place; the last two within their statement. The nth of equal ones is told by its ordinal. A
refused statement is named by what it opens with. Every version that loads knows the names it would have had.

Where nothing tells one statement from the next (one entry, no number, no period, no balances) there is no such name,
and the letter stays open for a person to settle.
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
from integrations.bank.identity import Described, Ids, amount_text, day_text, digest, key_of, status_words, words
from integrations.bank.statements import Balance, Entry, Statement
from integrations.bank.twins import booked_day

MAX_DIGITS, MAX_PLACES = 24, 5
"""What the ledger's column takes."""


class Names(NamedTuple):
    """The names one entry would have without what cannot be read; '' where it would have none."""

    without_amount: str
    without_day: str
    without_both: str
    of_day: int = 1
    """Entries of the statement of the same day and texts, this one among them."""
    of_amount: int = 1
    """The same with the amount in the place of the day."""

    def all(self) -> list[str]:
        """The names there are."""
        return [name for name in (self.without_amount, self.without_day, self.without_both) if name]

    def of(self, amount_is_wrong: bool, day_is_wrong: bool) -> str:
        """The name of an entry with these faults, '' for one that has its own id."""
        if amount_is_wrong and day_is_wrong:
            return self.without_both
        return self.without_amount if amount_is_wrong else self.without_day if day_is_wrong else ""


def names(statement: Statement, ids: Ids) -> list[Names]:
    """The names of each entry of the statement."""
    account, seen = statement.account.known_by, Counter[str]()
    head, days = _head(statement), _days(statement)
    named: list[Names] = []
    looks: list[tuple[str, str]] = []
    for entry, (others, alone) in zip(statement.entries, days, strict=True):
        what = (*words(entry, ids), *status_words(entry))
        within = head or (() if alone else others)
        by_day, alike = traits(account, entry, ids)
        by_amount = digest(account, "without day", amount_text(entry), *what, *within) if within else ""
        place = digest(account, "without both", *what, *within, str(entry.position)) if within else ""
        ordinals = [seen[by_day], seen[by_amount]]
        seen.update((by_day, by_amount, alike))
        named.append(
            Names(
                key_of(by_day, ordinals[0]),
                key_of(by_amount, ordinals[1]) if by_amount else "",
                key_of(place, 0) if place else "",
            )
        )
        looks.append((by_day, alike))
    return [
        names._replace(of_day=seen[by_day], of_amount=seen[alike])
        for names, (by_day, alike) in zip(named, looks, strict=True)
    ]


def traits(account: str, entry: Described, ids: Ids) -> tuple[str, str]:
    """What an entry shares with those that are like it in all but the amount, and in all but the day."""
    what = (*words(entry, ids), *status_words(entry))
    return (
        digest(account, "without amount", day_text(entry), *what),
        digest(account, "alike without day", amount_text(entry), *what),
    )


def faults(statement: Statement, entry: Entry) -> tuple[bool, bool]:
    """Whether the schema will refuse the entry for its amount or currency, and whether for its day."""
    return is_no_amount(entry.amount, entry.currency or statement.account.currency), booked_day(entry) is None


def less_said(statement: Statement) -> list[Statement]:
    """The statement as files of its account write it that leave out bank or kind, or name the bank in words.

    Which account they are of only the stored ones tell; what they could not read waits under what they say.
    """
    account = statement.account
    if not account.qualifier:
        return []
    banks, kinds = dict.fromkeys(("", account.institution, account.bank)), dict.fromkeys(("", account.kind))
    qualifiers = {qualifier_of(bank, kind) for bank in banks for kind in kinds} - {account.qualifier}
    return [replace(statement, account=replace(account, qualifier=each)) for each in sorted(qualifiers)]


def statement_name(statement: Statement) -> str:
    """What a refused statement is called, whatever in it is wrong but its number, its period and what it opens with.

    In a CSV the pocket of the account counts too: one file holds several, each with balances of its own.
    """
    return _statement_name(statement, statement.account.name if _is_csv(statement) else "")


def statement_names(statement: Statement) -> list[str]:
    """What earlier, refused versions of the statement may be called.

    A CSV opens with what its rows make, where they tie: a refused version of it opened with nothing. That is not said
    of a single day, of which there may be several exports. Letters from before pockets counted are named without one.
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
    where = f"{account.identifier} {statement.reference or statement.number}".strip()
    parts = (statement.number, _balance(opening), *map(str, _period(statement)), *([pocket] if pocket else []))
    return f"statement {where[:120]} {digest(account.known_by, account.currency, *parts)[:16]}"


def is_no_amount(amount: Decimal | None, currency: str) -> bool:
    """Whether the schema refuses it, in that currency."""
    if amount is None or not amount.is_finite():
        return True
    try:
        most = money.exponent(currency)
    except money.UnknownCurrencyError:
        return True
    exact = amount.as_tuple()
    return money.places(amount) > min(most, MAX_PLACES) or len(exact.digits) > MAX_DIGITS


def _head(statement: Statement) -> tuple[str, ...]:
    """What tells the statement from others of its account; () where nothing of that kind is written in it."""
    told = (
        statement.number,
        _balance(statement.opening),
        _balance(statement.closing),
        str(statement.period_start or ""),
        str(statement.period_end or ""),
    )
    return told if any(told[1:]) else ()


def _balance(balance: Balance | None) -> str:
    return "" if balance is None else f"{balance.amount.normalize():f} {balance.currency}"


def _period(statement: Statement) -> Sequence[date | None]:
    """The period the statement gives, else the one its readable entries make."""
    days = [day for day in map(booked_day, statement.entries) if day is not None]
    first, last = min(days, default=None), max(days, default=None)
    return statement.period_start or first, statement.period_end or last


def _days(statement: Statement) -> list[tuple[tuple[str, ...], bool]]:
    """For each entry what the days of the others make together, and whether there are none.

    A sum, so that taking one away needs no second pass over the others.
    """
    own = [_number(entry) for entry in statement.entries]
    total, readable = sum(own), sum(number > 0 for number in own)
    return [((str(total - number), str(len(own))), readable == (number > 0)) for number in own]


def _number(entry: Entry) -> int:
    day = booked_day(entry)
    return int(digest(str(entry.position), day.isoformat())[:16], 16) if day else 0
