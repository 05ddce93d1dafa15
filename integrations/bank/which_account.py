"""Which stored account a statement belongs to, where files name bank and kind of the account, or leave one of them out.

In a format that promises both (OFX), one number is a different account at another bank, or of another kind. A heading
that leaves one out may mean each account of its number that says nothing different: if there is one such account it is
that one, and if there are several the file cannot be loaded. Other formats name an account by its number alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ingestion import UnreadableFile
from integrations.bank.account_numbers import bank_code, qualifier_of
from integrations.bank.models import BankAccount
from integrations.bank.schema import AccountHead

_PROMISING = "ofx"
"""The format whose files name the bank and the kind of their accounts."""


def names_bank_and_kind(form: str) -> bool:
    """Whether files of this format name bank and kind of their accounts."""
    return form == _PROMISING


def add_settings(head: AccountHead, config: Mapping[str, Any]) -> AccountHead:
    """The heading with the bank and kind that the config names, if the file does not name them."""
    bank = head.bank if _code(head) else str(config.get("bank") or "").strip() or head.bank
    kind = head.kind or str(config.get("kind") or "").strip().lower()
    if (bank, kind) == (head.bank, head.kind):
        return head
    return head.model_copy(update={"bank": bank, "kind": kind, "qualifier": qualifier_of(bank, kind)})


def choose_account(head: AccountHead, accounts: Sequence[BankAccount], form: str) -> BankAccount | None:
    """The account that the heading means, of those with its number; None if it is a new one. Raises UnreadableFile if
    several are possible.
    """
    exact = [account for account in accounts if account.qualifier == head.qualifier]
    if exact:
        return exact[0]
    if not names_bank_and_kind(form):
        same_name = [account for account in accounts if head.known_by in (account.keyed_as, account.former)]
        return next(iter(same_name), accounts[0] if len(accounts) == 1 else None)
    possible = [account for account in accounts if _may_be(head, account)]
    if len(possible) > 1 and not (head.bank and head.kind):
        raise UnreadableFile(_describe_ambiguity(head, possible))
    return max(possible, key=lambda account: (bool(account.bank) + bool(account.kind), -account.pk), default=None)


def complete_account(account: BankAccount, head: AccountHead, same_number: Collection[BankAccount]) -> bool:
    """Add to the account what the heading says more of it, and return whether it did. The entries keep their ids."""
    bank = head.bank if _code(head) or not account.bank else account.bank
    institution, kind = (account.institution or head.institution)[:100], account.kind or head.kind
    qualifier = qualifier_of(bank, kind)
    qualifier_changes = qualifier != account.qualifier
    if (
        qualifier_changes and any(account_of_number.qualifier == qualifier for account_of_number in same_number)
    ) or not (qualifier_changes or institution != account.institution):
        return False
    if qualifier_changes and (before := account.known_by) != account.former:
        account.keyed_as = before  # else its entries move to their new ids one by one, see arrivals.py
    if qualifier_changes:
        account.bank, account.kind, account.qualifier = bank[:100], kind[:30], qualifier
    account.institution = institution
    return True


def _describe_ambiguity(head: AccountHead, possible: Sequence[BankAccount]) -> str:
    examples = ", ".join(str(account) for account in possible[:5])
    return (
        f"The file does not say which account {head.identifier} it belongs to: there are {examples}. Give what it "
        "leaves "
        f"out: {describe_missing_settings(head)}, or in the connection's config."
    )


def describe_missing_settings(head: AccountHead) -> str:
    """How to give what the heading leaves out, on the command line and in the console; '' if nothing is missing."""
    bank, kind = ("bank=NUMBER", "BANKID"), ("kind=checking", "ACCTTYPE")
    missing = [setting for setting, value in ((bank, _code(head)), (kind, head.kind)) if not value]
    if not missing:
        return ""
    options = " ".join(f"--config {setting} ({element})" for setting, element in missing)
    return f"{options}; in the console's upload form under Other settings: {', '.join(pair for pair, _ in missing)}"


def _may_be(head: AccountHead, account: BankAccount) -> bool:
    kinds = {head.kind.casefold(), account.kind.casefold()} - {""}
    return len(kinds) < 2 and _may_be_at(head, account)


def _may_be_at(head: AccountHead, account: BankAccount) -> bool:
    """Whether the banks agree as far as both are named: by number, else by name."""
    head_code, stored_code = _code(head), _code(account)
    name, stored_name = head.institution.casefold(), account.institution.casefold()
    if head_code and stored_code and head_code != stored_code:
        return bool(name) and not stored_name and name == stored_code  # stored when a name took the place of the number
    if (head_code and stored_code) or not (name and stored_name):
        return True
    return name == stored_name


def _code(account: AccountHead | BankAccount) -> str:
    """The bank's number, '' if the file gives the institution's name in its place, or nothing."""
    bank = account.bank.casefold()
    return "" if bank == account.institution.casefold() else bank_code(bank)
