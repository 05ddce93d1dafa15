"""Invoices with their lines, and credit notes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.stripe.models.base import (
    StripeObject,
    money_field,
    newest_indexes,
    reference_field,
    unique_per_tenant,
)


class StripeInvoice(StripeObject):
    customer = reference_field(_("customer"))
    subscription = reference_field(_("subscription"))
    number = models.CharField(_("number"), max_length=100, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    billing_reason = models.CharField(_("billing reason"), max_length=50, blank=True, default="")
    collection_method = models.CharField(_("collection method"), max_length=30, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = money_field(_("subtotal"), null=True, blank=True)
    total = money_field(_("total"))
    amount_due = money_field(_("amount due"), null=True, blank=True)
    amount_paid = money_field(_("amount paid"), null=True, blank=True)
    amount_remaining = money_field(_("amount remaining"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("period to"), null=True, blank=True)
    finalized_at = models.DateTimeField(_("finalized"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("invoice")
        indexes = newest_indexes("invoice", "customer")
        verbose_name = _("Stripe invoice")
        verbose_name_plural = _("Stripe invoices")

    def __str__(self) -> str:
        return self.number or self.external_id


class StripeInvoiceLine(StripeObject):
    """One line of an invoice. It has no date of its own: `created_at` is the invoice's."""

    invoice = reference_field(_("invoice"))
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    """The amount before discounts and taxes, which the invoice's subtotal sums."""
    discount = money_field(_("discount"), default=0)
    tax = money_field(_("tax"), default=0)
    """The taxes that are added to the amount; taxes that the amount includes are not counted."""
    quantity = models.DecimalField(_("quantity"), max_digits=30, decimal_places=12, null=True, blank=True)
    unit_amount = models.DecimalField(_("unit amount"), max_digits=32, decimal_places=15, null=True, blank=True)
    price = reference_field(_("price"))
    product = reference_field(_("product"))
    subscription = reference_field(_("subscription"))
    subscription_item = reference_field(_("subscription item"))
    invoice_item = reference_field(_("invoice item"))
    proration = models.BooleanField(_("proration"), default=False)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("period to"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("invoice_line")
        indexes = newest_indexes("invoice_line", "invoice", "subscription")
        verbose_name = _("Stripe invoice line")
        verbose_name_plural = _("Stripe invoice lines")


class StripeCreditNote(StripeObject):
    invoice = reference_field(_("invoice"))
    customer = reference_field(_("customer"))
    number = models.CharField(_("number"), max_length=100, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    kind = models.CharField(_("type"), max_length=30, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=50, blank=True, default="")
    memo = models.TextField(_("memo"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = money_field(_("subtotal"), null=True, blank=True)
    total = money_field(_("total"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("credit_note")
        indexes = newest_indexes("credit_note", "invoice")
        verbose_name = _("Stripe credit note")
        verbose_name_plural = _("Stripe credit notes")

    def __str__(self) -> str:
        return self.number or self.external_id
