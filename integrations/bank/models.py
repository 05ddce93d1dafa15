"""The bank's tables: accounts, statements and transactions."""

from __future__ import annotations

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion import TenantRef
from ingestion.models import ExternalIdField, Ingested, TenantManager, TenantOwned, TenantQuerySet
from integrations.bank.account_numbers import shown_qualifier
from integrations.bank.statements import known_by

MAX_DIGITS, PLACES = 24, 5
"""CAMT allows five decimals; no currency has more than four."""


class BankAccount(TenantOwned):
    """One account of one tenant, identified by its number and currency, and by bank and kind if the format has them."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    identifier = ExternalIdField(_("account number"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3)
    bank = models.CharField(_("bank"), max_length=100, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=30, blank=True)
    qualifier = ExternalIdField(max_length=100, default="", db_default="", blank=True, editable=False)
    """Bank and kind if the format promises both (OFX): one number is a different account at another bank."""
    institution = models.CharField(max_length=100, default="", db_default="", blank=True, editable=False)
    """The bank's name, if the format has one beside the number."""
    keyed_as = ExternalIdField(max_length=201, default="", db_default="", blank=True, editable=False)
    """What the ids of its entries are made of, if that is not its number and qualifier: it was completed later.

    It is also set for a name without blanks as soon as a file spells it so: names of older accounts lost their blanks.
    """
    former = ExternalIdField(max_length=100, default="", db_default="", blank=True, editable=False)
    """The name its entries had before bank and kind counted and spellings were one; '' for later accounts."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["identifier"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "identifier", "currency", "qualifier"], name="bank_account_once"),
        ]
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")

    @property
    def known_by(self) -> str:
        """What the ids of its entries are made of, beside its currency."""
        return self.keyed_as or known_by(self.identifier, self.qualifier)

    @property
    def is_as_written(self) -> bool:
        """Whether a file is known to spell its name like this."""
        return " " in self.identifier or self.keyed_as.rpartition("\n")[2] == self.identifier

    def __str__(self) -> str:
        qualifier = shown_qualifier(self.qualifier, self.bank)
        return f"{self.identifier} {self.currency}".strip() + (f" ({qualifier})" if qualifier else "")


class BankStatement(TenantOwned):
    """One statement that was read and tied. `external_id` digests what makes it this statement."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    external_id = ExternalIdField(max_length=40)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="statements")
    format = models.CharField(_("format"), max_length=50)
    reference = models.CharField(_("reference"), max_length=100, blank=True)
    number = models.CharField(_("number"), max_length=50, blank=True)
    page = models.PositiveIntegerField(_("page"), null=True)
    """The page of a statement that the bank cut up, if its number does not say it; None for older rows."""
    opening = models.DecimalField(_("opening balance"), max_digits=MAX_DIGITS, decimal_places=PLACES, null=True)
    closing = models.DecimalField(_("closing balance"), max_digits=MAX_DIGITS, decimal_places=PLACES, null=True)
    period_start = models.DateField(_("from"), null=True)
    period_end = models.DateField(_("to"), null=True)
    first_on = models.DateField(_("first entry"), null=True)
    last_on = models.DateField(_("last entry"), null=True)
    """The days of its booked entries; None for statements without balances, and for older rows."""
    entries = models.PositiveIntegerField(_("entries"))
    listing = models.BinaryField(null=True, editable=False)
    """Days and amounts of its entries, compressed: listings.py, and day_ends.py for a statement without balances."""
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, related_name="+")
    """The run that first read it."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-period_end", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="bank_statement_once")]
        indexes = [models.Index(fields=["-period_end", "-id"], name="bank_statement_newest")]
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")

    def __str__(self) -> str:
        return self.reference or self.number or str(self.pk)


class TransactionQuerySet(TenantQuerySet["BankTransaction"]):
    """Scoped like every other; says which rows are money."""

    def active(self) -> Self:
        """What counts: without entries that the bank replaced or deleted, and without copies."""
        return self.filter(withdrawn="")


class TransactionManager(TenantManager["BankTransaction"]):
    """`objects` of transactions."""

    def get_queryset(self) -> TransactionQuerySet:
        return TransactionQuerySet(self.model, using=self.db)

    def for_tenant(self, tenant: models.Model | TenantRef | int) -> TransactionQuerySet:
        return self.get_queryset().for_tenant(tenant)

    def for_user(self, user: AbstractBaseUser | AnonymousUser) -> TransactionQuerySet:
        return self.get_queryset().for_user(user)


class BankTransaction(Ingested):
    """One booked entry. See identity.py for what makes two entries the same. Add up only the `active()` ones."""

    class Withdrawn(models.TextChoices):
        """Why a row does not count. The row stays."""

        REPLACED = "replaced", _("the bank replaced it")
        DELETED = "deleted", _("the bank deleted it")
        DELETION = "deletion", _("deletes another entry and is none itself")
        COPY = "copy", _("a copy of another entry")

    external_id = ExternalIdField(_("external id"), max_length=40)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="transactions", db_index=False)
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="transactions")
    """The statement that delivered it last."""
    booked_on = models.DateField(_("booked"))
    value_on = models.DateField(_("value date"), null=True)
    amount = models.DecimalField(_("amount"), max_digits=MAX_DIGITS, decimal_places=PLACES)
    """Signed, major units: credits positive, debits negative."""
    currency = models.CharField(_("currency"), max_length=3)
    bank_id = models.CharField(_("bank's id"), max_length=255, blank=True)
    reference = models.CharField(_("reference"), max_length=255, blank=True)
    kind = models.CharField(_("type"), max_length=50, blank=True)
    counterparty = models.CharField(_("counterparty"), max_length=255, blank=True)
    counterparty_account = models.CharField(_("counterparty account"), max_length=100, blank=True)
    description = models.TextField(_("description"), blank=True)
    parts = models.JSONField(_("parts"), default=list, blank=True)
    """What the bank booked together as this entry: a list of {amount, currency, counterparty, reference, ...}."""
    details = models.JSONField(_("details"), default=dict, blank=True)
    """What only some banks write. The keys of both are in docs/reference/bank-details.md."""
    position = models.PositiveIntegerField(_("position"), null=True)
    """0-based, in the statement that delivered it last; None for older rows."""
    withdrawn = models.CharField(_("does not count"), max_length=10, choices=Withdrawn, default="", blank=True)
    replaced_by = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("replaced by"),
    )
    """The row because of which this one does not count."""

    objects: ClassVar[TransactionManager] = TransactionManager()

    class Meta(Ingested.Meta):
        abstract = False
        ordering = ["-booked_on", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="bank_transaction_once")]
        indexes = [
            models.Index(fields=["account", "-booked_on"], name="bank_transaction_recent"),
            models.Index(fields=["-booked_on", "-id"], name="bank_transaction_day"),
            models.Index(fields=["bank_id"], name="bank_transaction_bank_id"),
            models.Index(fields=["reference"], name="bank_transaction_reference"),
            models.Index(fields=["withdrawn"], name="bank_transaction_withdrawn"),
        ]
        verbose_name = _("bank transaction")
        verbose_name_plural = _("bank transactions")

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount:f} {self.currency}"


class BankCorrection(TenantOwned):
    """An entry by which the bank corrects another one, which may arrive before it or after it."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry = models.ForeignKey(BankTransaction, on_delete=models.CASCADE, related_name="+")
    corrects = ExternalIdField(_("bank's id"), max_length=191)
    """The bank's id of the corrected entry."""
    action = models.CharField(_("action"), max_length=10)
    target = models.ForeignKey(BankTransaction, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    """The corrected entry; None until it arrives. One correction withdraws one entry, for banks use ids again."""

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "entry"], name="bank_correction_once")]
        indexes = [models.Index(fields=["account", "corrects"], name="bank_correction_of")]


class BankSighting(TenantOwned):
    """A statement that delivered an entry which another one delivered too, on a day at which one of them ends.

    A third statement may show that the two have nothing in common; the row is split then, see sightings.py.
    """

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    booked_on = models.DateField()
    statement = models.ForeignKey(BankStatement, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    entry = models.ForeignKey(BankTransaction, on_delete=models.CASCADE, related_name="sightings")
    look = models.CharField(max_length=64)
    """What twins of the entry share, see identity.py."""

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "statement", "position"], name="bank_sighting_once"),
        ]
        indexes = [models.Index(fields=["account", "booked_on"], name="bank_sighting_of_day")]


class BankLookAlike(TenantOwned):
    """Two stored entries that may be the same. The connection's setting `ids` answers most of them."""

    class Sort(models.TextChoices):
        """What the two have in common."""

        TEXTS = "texts", _("same day, amount and texts; another id")
        ID = "id", _("same id; another day or amount")
        FORMAT = "format", _("same day and amount; another format")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("account")
    )
    entry = models.ForeignKey(
        BankTransaction, on_delete=models.CASCADE, related_name="+", verbose_name=_("newer entry")
    )
    stored = models.ForeignKey(
        BankTransaction, on_delete=models.CASCADE, related_name="+", verbose_name=_("stored entry")
    )
    sort = models.CharField(_("alike in"), max_length=10, choices=Sort)
    answer = models.CharField(_("answer"), max_length=10, default="", blank=True)
    """'' while it is open, else the word of `ids` that answered it."""
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, related_name="+")

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "entry", "stored"], name="bank_look_alike_once")]
        indexes = [models.Index(fields=["account", "answer"], name="bank_look_alike_open")]
        verbose_name = _("look-alike")
        verbose_name_plural = _("look-alikes")

    def __str__(self) -> str:
        return f"{self.entry_id} / {self.stored_id}"
