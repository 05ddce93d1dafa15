"""Accounts of a tenant that may be the same, spelled in two ways: leading zeros, hyphens, with and without a bank.

Nothing proves it, so the accounts stay apart, and the run that makes the second one names both. It also names the
account that a file without bank or kind was loaded into.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestion import Context
from integrations.bank.arrivals import Arrival
from integrations.bank.models import BankAccount

_MOST = 1000
"""How many accounts of the tenant a new one is compared with: far more than a company has."""
_LEAST_DIGITS = 5
"""Shorter numbers are similar by chance."""
_BLANKS = (
    " If they are two, which only blanks tell apart: what was loaded of it before blanks counted in names may be among "
    "the entries of that account."
)


def note_similar_accounts(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """A note for each new account that looks like another one of the tenant in its currency, for each account with a
    new name, and for each statement that was loaded into the only account it may belong to.

    One query if any account is new.
    """
    owners = {arrival.owner.statement_id: arrival.owner for arrival in arrivals}.values()
    notes = {owner.holder.renamed_note for owner in owners} | {
        owner.holder.assigned_note for owner in owners if owner.is_new
    }
    return sorted(notes - {""}) + _note_new_accounts(ctx, arrivals)


def _note_new_accounts(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    new = {arrival.owner.account_id for arrival in arrivals if arrival.owner.account_is_new}
    if not new:
        return []
    older = BankAccount.objects.for_tenant(ctx.tenant).exclude(pk__in=new).order_by("-pk")
    stored = list(older.values_list("identifier", "qualifier", "currency")[:_MOST])
    heads = {
        (arrival.entry.account.identifier, arrival.entry.account.qualifier, _currency(arrival))
        for arrival in arrivals
        if arrival.owner.account_is_new
    }
    notes = [
        f"The account {_describe_account(identifier, qualifier)} is new and looks like the account "
        f"{_describe_account(stored_identifier, stored_qualifier)}: if "
        "they are one, its entries are here twice. Give one spelling to both files, or load them from one export."
        f"{more}"
        for identifier, qualifier, currency in sorted(heads)
        for stored_identifier, stored_qualifier, stored_currency in stored
        for more in [_BLANKS if _differ_in_blanks(identifier, stored_identifier) else ""]
        if stored_currency == currency
        and (more or are_similar(identifier, stored_identifier))
        and _may_be_one(qualifier, stored_qualifier)
    ]
    return notes[:10]


def _differ_in_blanks(first: str, second: str) -> bool:
    return "".join(first.split()) == "".join(second.split())


def _currency(arrival: Arrival) -> str:
    return arrival.entry.account.currency or arrival.entry.currency


def _describe_account(identifier: str, qualifier: str) -> str:
    return f"{identifier} ({qualifier})" if qualifier else identifier


def _may_be_one(qualifier: str, stored_qualifier: str) -> bool:
    """Whether bank and kind of the two accounts agree as far as both have them."""
    words, stored_words = set(qualifier.split()), set(stored_qualifier.split())
    return words <= stored_words or stored_words <= words


def are_similar(first: str, second: str) -> bool:
    """Whether the last parts are the same number and the parts before them, if both have any, agree too."""
    *bank, number = _parts(first)
    *other_bank, other_number = _parts(second)
    if number != other_number or sum(map(str.isdigit, number)) < _LEAST_DIGITS:
        return False
    return not bank or not other_bank or bank == other_bank


def _parts(identifier: str) -> list[str]:
    parts = (re.sub(r"[^0-9a-z]", "", part).lstrip("0") for part in identifier.casefold().split("/"))
    return [part for part in parts if part] or [""]
