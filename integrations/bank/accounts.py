"""The accounts of a batch: created if they are new, and locked before anything of them is compared or changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from ingestion import Context
from ingestion.models import Tenant
from integrations.bank.account_numbers import shown_qualifier
from integrations.bank.models import BankAccount
from integrations.bank.schema import AccountHead
from integrations.bank.which_account import (
    choose_account,
    complete_account,
    describe_missing_settings,
    names_bank_and_kind,
)

_CHUNK = 800
"""Numbers one query names; older SQLite libraries take 999 values."""


class MatchedAccount(NamedTuple):
    """The stored account that a heading names."""

    account: BankAccount
    is_new: bool
    head: AccountHead
    """The heading as the account is known: the ids of its entries are made of it."""
    former: str = ""
    """The former name under which the account's entries may be stored; '' for none."""
    respelled: frozenset[int] = frozenset()
    """Accounts under a former spelling, whose rows belong to this one."""
    merged: tuple[BankAccount, ...] = ()
    """Accounts that may hold statements of this one from the time when the number alone counted."""
    renamed_note: str = ""
    """A note if the account has another name from now on."""
    assigned_note: str = ""
    """A note if the file says less of the account than is known of it."""
    distinct_accounts: frozenset[int] = frozenset()
    """Accounts that have the former spelling of this one and are different accounts all the same."""

    @property
    def has_no_rows(self) -> bool:
        """Whether no stored row can belong to it. A row stored under a name may be of one that lost its blanks."""
        return self.is_new and not (self.merged or self.respelled or self.head.is_name)


class Accounts:
    """The stored accounts of the numbers of a batch, in the order of their rows, locked until the transaction ends.

    Every batch locks them in one order, so that no two batches wait for each other, and before it reads anything of
    them, so that what it reads next stays as it is.
    """

    def __init__(self, ctx: Context, heads: Collection[AccountHead]) -> None:
        self._ctx = ctx
        self._of_number: dict[tuple[str, str], list[BankAccount]] = defaultdict(list)
        numbers = sorted({number for head in heads for number in (head.identifier, head.former) if number})
        for start in range(0, len(numbers), _CHUNK):
            self._lock(numbers[start : start + _CHUNK])

    def _lock(self, numbers: Collection[str]) -> None:
        for number, currency in list(self._of_number):
            if number in numbers:
                del self._of_number[number, currency]
        accounts = BankAccount.objects.for_tenant(self._ctx.tenant).filter(identifier__in=numbers)
        for account in accounts.order_by("pk").select_for_update():
            self._of_number[account.identifier, account.currency].append(account)

    def of(self, head: AccountHead, currency: str, form: str) -> MatchedAccount:
        """The account of this heading in a file of this format. Raises UnreadableFile if several are possible."""
        respelled, renamed_note = self._find_respelled(head, currency)
        account = choose_account(head, self._of_number[head.identifier, currency], form)
        is_new, assigned_note = False, ""
        if account is None:
            account, is_new = self._create(head, currency, form)
        elif head.is_name and not account.is_as_written:
            account.keyed_as = account.known_by
            account.save(update_fields=["keyed_as"])
        accounts = self._of_number[head.identifier, currency]
        if names_bank_and_kind(form) and not is_new:
            same_number = [stored for stored in accounts if stored is not account]
            completed_note, assigned_note = self._complete_account(account, head, same_number)
            renamed_note = completed_note or renamed_note
        merged = [stored for stored in accounts if stored.former and stored.qualifier != account.qualifier]
        return MatchedAccount(
            account,
            is_new,
            head.model_copy(update={"qualifier": account.qualifier, "keyed_as": account.known_by}),
            head.former if respelled else account.former,
            frozenset(stored.pk for stored in respelled),
            tuple(merged) if account.qualifier else (),
            renamed_note,
            assigned_note,
            frozenset(
                stored.pk
                for stored in self._accounts_of_former_name(head, currency)
                if head.is_name and stored.is_as_written
            ),
        )

    def _create(self, head: AccountHead, currency: str, form: str) -> tuple[BankAccount, bool]:
        """A new account and True, or the account that another load has made meanwhile, under whatever qualifier, and
        False.

        PostgreSQL shows no uncommitted rows, so loads that make accounts of one tenant wait for each other there.
        MariaDB waits for uncommitted rows when it looks for them; if two loads wait for each other, the batch of one of
        them is loaded again.
        """
        if not names_bank_and_kind(form):
            return self._get_or_create(head, currency)
        if connection.features.has_select_for_no_key_update:  # rows that name the tenant can still be written
            list(Tenant.objects.filter(pk=self._ctx.tenant.id).select_for_update(no_key=True).values_list("pk"))
            self._lock([head.identifier])
            account = choose_account(head, self._of_number[head.identifier, currency], form)
            return (account, False) if account is not None else self._get_or_create(head, currency)
        created, is_new = self._get_or_create(head, currency)
        if is_new and connection.vendor == "mysql":
            self._lock([head.identifier])
            same_number = [stored for stored in self._of_number[head.identifier, currency] if stored.pk != created.pk]
            account = choose_account(head, same_number, form)
            if account is not None:
                created.delete()
                self._of_number[head.identifier, currency] = same_number
                return account, False
        return created, is_new

    @staticmethod
    def _complete_account(
        account: BankAccount, head: AccountHead, same_number: Collection[BankAccount]
    ) -> tuple[str, str]:
        """Give the account what the heading adds to it. Returns a note on its new name and a note on its choice."""
        before = str(account)
        if complete_account(account, head, same_number):
            account.save(update_fields=["bank", "institution", "kind", "qualifier", "keyed_as"])
        if str(account) != before:
            return f"The account {before} is known as {account} from now on, since the file says more of it.", ""
        if account.qualifier == head.qualifier:
            return "", ""
        qualifier, missing_settings = shown_qualifier(head.qualifier, head.bank), describe_missing_settings(head)
        name = f"{head.identifier} ({qualifier})" if qualifier else head.identifier
        advice = (
            f" Where it is another one, say so before such a file is loaded: {missing_settings}."
            if missing_settings
            else ""
        )
        return "", f"The account {name} of the file is taken for {account}, the only one that it may be.{advice}"

    def _get_or_create(self, head: AccountHead, currency: str) -> tuple[BankAccount, bool]:
        account, is_new = BankAccount.objects.for_tenant(self._ctx.tenant).get_or_create(
            tenant_id=self._ctx.tenant.id,
            identifier=head.identifier,
            currency=currency,
            qualifier=head.qualifier,
            defaults={
                "bank": head.bank[:100],
                "institution": head.institution[:100],
                "name": head.name[:200],
                "kind": head.kind[:30],
                "keyed_as": head.known_by if head.is_name and " " not in head.identifier else "",
            },
        )
        if not is_new:  # another load made it after we looked, and was waited for
            account = BankAccount.objects.for_tenant(self._ctx.tenant).select_for_update().get(pk=account.pk)
        self._of_number[head.identifier, currency].append(account)
        return account, is_new

    def _accounts_of_former_name(self, head: AccountHead, currency: str) -> list[BankAccount]:
        return self._of_number.get((head.former, currency), []) if head.former else []

    def _find_respelled(self, head: AccountHead, currency: str) -> tuple[list[BankAccount], str]:
        """The accounts that are stored under a former spelling; if no account has the new spelling, they take it.

        A name without blanks is a different account if a file spells it so, and belongs to neither of two names of one
        file that both had it. The sentence says which name changed.
        """
        stored = self._accounts_of_former_name(head, currency)
        former = [account for account in stored if not (head.is_name and account.is_as_written)]
        if not former or self._of_number[head.identifier, currency] or head.shares_former:
            return former, ""
        before = str(former[0])
        for account in former:
            account.identifier, account.former = head.identifier, head.former
            account.save(update_fields=["identifier", "former"])
        self._of_number[head.identifier, currency] = former
        self._of_number[head.former, currency] = [account for account in stored if account not in former]
        sentence = f"The account {before} is known as {former[0]} from now on, since blanks count in names."
        return former, sentence if head.is_name else ""
