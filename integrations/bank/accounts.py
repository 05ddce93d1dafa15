"""The accounts of a batch, made when they are new, and locked before anything of them is judged or changed."""

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
from integrations.bank.which_account import chosen, complete, how_to_tell, promises

_CHUNK = 800
"""Numbers one query names; older SQLite libraries take 999 values."""


class Holder(NamedTuple):
    """The stored account of a heading."""

    account: BankAccount
    is_new: bool
    head: AccountHead
    """As the account is known: what the ids of its entries are made of."""
    former: str = ""
    """What the account's entries may be known by from before; '' for nothing."""
    respelled: frozenset[int] = frozenset()
    """Accounts of a spelling of before, whose rows are this one's."""
    merged: tuple[BankAccount, ...] = ()
    """Accounts that may hold statements of it from when the number alone counted."""
    renamed: str = ""
    """A sentence where the account is known otherwise from now on."""
    taken_for: str = ""
    """A sentence where the file says less of the account than is known of it."""
    others: frozenset[int] = frozenset()
    """Accounts that are spelled as it was known before, and are others all the same."""

    @property
    def has_no_rows(self) -> bool:
        """Whether nothing that is stored can be of it. What is stored by a name may be of one that lost its blanks."""
        return self.is_new and not (self.merged or self.respelled or self.head.is_name)


class Accounts:
    """The stored accounts of the numbers of a batch, in the order of their rows, locked until the transaction ends.

    Locked in one order by every batch, so that no two wait for each other, and first of all: what is read of them next
    stays as it is.
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

    def of(self, head: AccountHead, currency: str, form: str) -> Holder:
        """The account of this heading, in a file of this format. Raises UnreadableFile where nobody can tell which."""
        respelled, renamed = self._respelled(head, currency)
        account = chosen(head, self._of_number[head.identifier, currency], form)
        is_new, taken_for = False, ""
        if account is None:
            account, is_new = self._new(head, currency, form)
        elif head.is_name and not account.is_as_written:
            account.keyed_as = account.known_by
            account.save(update_fields=["keyed_as"])
        accounts = self._of_number[head.identifier, currency]
        if promises(form) and not is_new:
            others = [each for each in accounts if each is not account]
            completed, taken_for = self._completed(account, head, others)
            renamed = completed or renamed
        merged = [each for each in accounts if each.former and each.qualifier != account.qualifier]
        return Holder(
            account,
            is_new,
            head.model_copy(update={"qualifier": account.qualifier, "keyed_as": account.known_by}),
            head.former if respelled else account.former,
            frozenset(each.pk for each in respelled),
            tuple(merged) if account.qualifier else (),
            renamed,
            taken_for,
            frozenset(each.pk for each in self._former(head, currency) if head.is_name and each.is_as_written),
        )

    def _new(self, head: AccountHead, currency: str, form: str) -> tuple[BankAccount, bool]:
        """A new account, unless another load has made it meanwhile, under whatever qualifier; and whether it is new.

        PostgreSQL shows nothing that is not committed, so loads that make accounts of a tenant wait for each other
        there. MariaDB waits for what others have made when it is looked for; where two wait for each other, the batch
        of one of them is loaded again.
        """
        if not promises(form):
            return self._made(head, currency)
        if connection.features.has_select_for_no_key_update:  # holds up nobody who writes rows that name the tenant
            list(Tenant.objects.filter(pk=self._ctx.tenant.id).select_for_update(no_key=True).values_list("pk"))
            self._lock([head.identifier])
            account = chosen(head, self._of_number[head.identifier, currency], form)
            return (account, False) if account is not None else self._made(head, currency)
        made, is_new = self._made(head, currency)
        if is_new and connection.vendor == "mysql":
            self._lock([head.identifier])
            others = [each for each in self._of_number[head.identifier, currency] if each.pk != made.pk]
            account = chosen(head, others, form)
            if account is not None:
                made.delete()
                self._of_number[head.identifier, currency] = others
                return account, False
        return made, is_new

    @staticmethod
    def _completed(account: BankAccount, head: AccountHead, others: Collection[BankAccount]) -> tuple[str, str]:
        """Sentences about the account that is taken for the heading's, once it has what the heading says more."""
        before = str(account)
        if complete(account, head, others):
            account.save(update_fields=["bank", "institution", "kind", "qualifier", "keyed_as"])
        if str(account) != before:
            return f"The account {before} is known as {account} from now on, since the file says more of it.", ""
        if account.qualifier == head.qualifier:
            return "", ""
        shown, how = shown_qualifier(head.qualifier, head.bank), how_to_tell(head)
        named = f"{head.identifier} ({shown})" if shown else head.identifier
        advice = f" Where it is another one, say so before such a file is loaded: {how}." if how else ""
        return "", f"The account {named} of the file is taken for {account}, the only one that it may be.{advice}"

    def _made(self, head: AccountHead, currency: str) -> tuple[BankAccount, bool]:
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

    def _former(self, head: AccountHead, currency: str) -> list[BankAccount]:
        return self._of_number.get((head.former, currency), []) if head.former else []

    def _respelled(self, head: AccountHead, currency: str) -> tuple[list[BankAccount], str]:
        """The accounts that are stored under a spelling of before; where there are no others they take the new one.

        A name without blanks is another account where a file spells it so, and is nobody's alone where two names of the
        file had it. The sentence says which name changed.
        """
        stored = self._former(head, currency)
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
