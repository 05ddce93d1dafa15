"""Accounts of one file whose names differ only in blanks.

They were one account while blanks of names did not count, and what was loaded then may belong to either: each takes
what its own file shows, see accounts.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from integrations.bank.statements import Account, Statement


def mark_shared_names(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, with those whose accounts share a former name marked, and first.

    First, because the account that is spelled without blanks keeps the rows that no other account has taken.
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
