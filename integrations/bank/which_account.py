"""Which stored account a statement is of, where files name bank and kind of the account, or leave one of them out.

In formats that promise both (OFX) a number is another account at another bank, or of another kind. A heading that
leaves one out may be of each account of its number that says nothing else: it is of the only one, and of several
nobody can tell which. Other formats name an account by its number alone.
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


def promises(form: str) -> bool:
    """Whether files of this format name bank and kind of their accounts."""
    return form == _PROMISING


def with_settings(head: AccountHead, config: Mapping[str, Any]) -> AccountHead:
    """The heading with what the config says of bank and kind, where the file does not say it."""
    bank = head.bank if _code(head) else str(config.get("bank") or "").strip() or head.bank
    kind = head.kind or str(config.get("kind") or "").strip().lower()
    if (bank, kind) == (head.bank, head.kind):
        return head
    return head.model_copy(update={"bank": bank, "kind": kind, "qualifier": qualifier_of(bank, kind)})


def chosen(head: AccountHead, accounts: Sequence[BankAccount], form: str) -> BankAccount | None:
    """The account of these, all of the heading's number; None for one of its own. Raises UnreadableFile for several."""
    same = [account for account in accounts if account.qualifier == head.qualifier]
    if same:
        return same[0]
    if not promises(form):
        known = [one for one in accounts if head.known_by in (one.keyed_as, one.former)]
        return next(iter(known), accounts[0] if len(accounts) == 1 else None)
    possible = [account for account in accounts if _may_be(head, account)]
    if len(possible) > 1 and not (head.bank and head.kind):
        raise UnreadableFile(_several(head, possible))
    return max(possible, key=lambda account: (bool(account.bank) + bool(account.kind), -account.pk), default=None)


def complete(account: BankAccount, head: AccountHead, others: Collection[BankAccount]) -> bool:
    """Give the account what the heading says more of it; whether that was anything. Its entries keep their ids."""
    bank = head.bank if _code(head) or not account.bank else account.bank
    institution, kind = (account.institution or head.institution)[:100], account.kind or head.kind
    qualifier = qualifier_of(bank, kind)
    is_other = qualifier != account.qualifier
    if (is_other and any(other.qualifier == qualifier for other in others)) or not (
        is_other or institution != account.institution
    ):
        return False
    if is_other and (before := account.known_by) != account.former:
        account.keyed_as = before  # else its entries move to their new ids one by one, see arrivals.py
    if is_other:
        account.bank, account.kind, account.qualifier = bank[:100], kind[:30], qualifier
    account.institution = institution
    return True


def _several(head: AccountHead, possible: Sequence[BankAccount]) -> str:
    shown = ", ".join(str(account) for account in possible[:5])
    return (
        f"The file does not say which account {head.identifier} it belongs to: there are {shown}. Give what it leaves "
        f"out: {how_to_tell(head)}, or in the connection's config."
    )


def how_to_tell(head: AccountHead) -> str:
    """How to give what the heading leaves out, on the command line and in the console; '' where it says everything."""
    bank, kind = ("bank=NUMBER", "BANKID"), ("kind=checking", "ACCTTYPE")
    lacking = [setting for setting, is_there in ((bank, _code(head)), (kind, head.kind)) if not is_there]
    if not lacking:
        return ""
    options = " ".join(f"--config {setting} ({element})" for setting, element in lacking)
    return f"{options}; in the console's upload form under Other settings: {', '.join(pair for pair, _ in lacking)}"


def _may_be(head: AccountHead, account: BankAccount) -> bool:
    kinds = {head.kind.casefold(), account.kind.casefold()} - {""}
    return len(kinds) < 2 and _may_be_at(head, account)


def _may_be_at(head: AccountHead, account: BankAccount) -> bool:
    """Whether the banks are one as far as both are named: by number, else by name."""
    own, stored = _code(head), _code(account)
    name, other = head.institution.casefold(), account.institution.casefold()
    if own and stored and own != stored:
        return bool(name) and not other and name == stored  # stored when a name took the place of the number
    if (own and stored) or not (name and other):
        return True
    return name == other


def _code(account: AccountHead | BankAccount) -> str:
    """The bank's number, '' where the file gave the institution's name in its place, or nothing."""
    bank = account.bank.casefold()
    return "" if bank == account.institution.casefold() else bank_code(bank)
