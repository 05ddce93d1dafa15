"""Canonical tables of the bank kind."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models import ExternalIdField, Ingested, TenantOwned

MAX_DIGITS, PLACES = 24, 5
"""CAMT allows five decimals; no currency has more than four."""


class BankAccount(TenantOwned):
    """One account of one tenant, known by its number and currency."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    identifier = ExternalIdField(_("account number"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3)
    bank = models.CharField(_("bank"), max_length=100, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=30, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["identifier"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "identifier", "currency"], name="bank_account_once"),
        ]
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")

    def __str__(self) -> str:
        return f"{self.identifier} {self.currency}".strip()


class BankStatement(TenantOwned):
    """One statement that was read and tied. `external_id` digests what makes it this statement."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    external_id = ExternalIdField(max_length=40)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="statements")
    format = models.CharField(_("format"), max_length=50)
    reference = models.CharField(_("reference"), max_length=100, blank=True)
    number = models.CharField(_("number"), max_length=50, blank=True)
    opening = models.DecimalField(_("opening balance"), max_digits=MAX_DIGITS, decimal_places=PLACES, null=True)
    closing = models.DecimalField(_("closing balance"), max_digits=MAX_DIGITS, decimal_places=PLACES, null=True)
    period_start = models.DateField(_("from"), null=True)
    period_end = models.DateField(_("to"), null=True)
    entries = models.PositiveIntegerField(_("entries"))
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, related_name="+")
    """The run that first read it."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-period_end", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="bank_statement_once")]
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")

    def __str__(self) -> str:
        return self.reference or self.number or str(self.pk)


class BankTransaction(Ingested):
    """One booked entry. See identity.py for what makes two entries the same."""

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
    """What only some banks say. The keys of both are in docs/reference/bank-details.md."""

    class Meta(Ingested.Meta):
        abstract = False
        ordering = ["-booked_on", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="bank_transaction_once")]
        indexes = [models.Index(fields=["account", "-booked_on"], name="bank_transaction_recent")]
        verbose_name = _("bank transaction")
        verbose_name_plural = _("bank transactions")

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount:f} {self.currency}"
