"""Accounts of a tenant that may be one, spelled in two ways: zeros in front, hyphens, with and without a bank.

Nothing tells for certain, so nothing is joined; the run on which the second one appears names both. Those of one number
that a file without bank or kind is taken for are named too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestion import Context
from integrations.bank.arrivals import Arrival
from integrations.bank.models import BankAccount

_MOST = 1000
"""Accounts of the tenant that a new one is held against: a bound, far above what a company has."""
_LEAST_DIGITS = 5
"""Shorter numbers are alike by chance."""
_BLANKS = (
    " If they are two, which only blanks tell apart: what was loaded of it before blanks counted in names may be among "
    "the entries of that account."
)


def told(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    """A note for each new account that looks like another of the tenant in its currency; one query where any is new.

    One for each that is known otherwise now, and for each statement that is taken for one's.
    """
    owners = {arrival.owner.statement_id: arrival.owner for arrival in arrivals}.values()
    joined = {one.holder.renamed for one in owners} | {one.holder.taken_for for one in owners if one.is_new}
    return sorted(joined - {""}) + _looking_alike(ctx, arrivals)


def _looking_alike(ctx: Context, arrivals: Sequence[Arrival]) -> list[str]:
    new = {arrival.owner.account_id for arrival in arrivals if arrival.owner.account_is_new}
    if not new:
        return []
    others = BankAccount.objects.for_tenant(ctx.tenant).exclude(pk__in=new).order_by("-pk")
    stored = list(others.values_list("identifier", "qualifier", "currency")[:_MOST])
    heads = {
        (arrival.entry.account.identifier, arrival.entry.account.qualifier, _currency(arrival))
        for arrival in arrivals
        if arrival.owner.account_is_new
    }
    notes = [
        f"The account {_shown(identifier, qualifier)} is new and looks like the account {_shown(other, whose)}: if "
        "they are one, its entries are here twice. Give one spelling to both files, or load them from one export."
        f"{more}"
        for identifier, qualifier, currency in sorted(heads)
        for other, whose, held in stored
        for more in [_BLANKS if _differ_in_blanks(identifier, other) else ""]
        if held == currency and (more or alike(identifier, other)) and _may_be_one(qualifier, whose)
    ]
    return notes[:10]


def _differ_in_blanks(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())


def _currency(arrival: Arrival) -> str:
    return arrival.entry.account.currency or arrival.entry.currency


def _shown(identifier: str, qualifier: str) -> str:
    return f"{identifier} ({qualifier})" if qualifier else identifier


def _may_be_one(qualifier: str, other: str) -> bool:
    """Whether bank and kind of one are those of the other as far as both have them."""
    words, others = set(qualifier.split()), set(other.split())
    return words <= others or others <= words


def alike(left: str, right: str) -> bool:
    """Whether the last parts are one number, and the parts before it, where both have them, are too."""
    *bank, number = _parts(left)
    *other_bank, other = _parts(right)
    if number != other or sum(map(str.isdigit, number)) < _LEAST_DIGITS:
        return False
    return not bank or not other_bank or bank == other_bank


def _parts(identifier: str) -> list[str]:
    parts = (re.sub(r"[^0-9a-z]", "", part).lstrip("0") for part in identifier.casefold().split("/"))
    return [part for part in parts if part] or [""]
