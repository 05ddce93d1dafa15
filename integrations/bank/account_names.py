"""Accounts of one file that only blanks in their names tell apart.

They were one account before blanks of names counted, and what was loaded then may be either one's: each takes what its
own file shows, see accounts.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from integrations.bank.statements import Account, Statement


def apart(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, those that share what they were known by marked and first.

    First, because the one that is spelled without blanks keeps what nobody else has taken.
    """
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for statement in statements:
        if statement.account.is_name:
            names[_without_blanks(statement.account)].add(statement.account.identifier)
    marked = [
        replace(statement, account=replace(statement.account, shares_former=True))
        if statement.account.former and len(names[_without_blanks(statement.account)]) > 1
        else statement
        for statement in statements
    ]
    return sorted(marked, key=lambda statement: not statement.account.shares_former)


def _without_blanks(account: Account) -> tuple[str, str]:
    return "".join(account.identifier.split()), account.currency
