"""Invoices with their lines, and credit notes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.stripe.models.base import StripeObject, money, newest, once, reference


class StripeInvoice(StripeObject):
    customer = reference(_("customer"))
    subscription = reference(_("subscription"))
    number = models.CharField(_("number"), max_length=100, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    billing_reason = models.CharField(_("billing reason"), max_length=50, blank=True, default="")
    collection_method = models.CharField(_("collection method"), max_length=30, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = money(_("subtotal"), null=True, blank=True)
    total = money(_("total"))
    amount_due = money(_("amount due"), null=True, blank=True)
    amount_paid = money(_("amount paid"), null=True, blank=True)
    amount_remaining = money(_("amount remaining"), null=True, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("period to"), null=True, blank=True)
    finalized_at = models.DateTimeField(_("finalized"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = once("invoice")
        indexes = newest("invoice", "customer")
        verbose_name = _("Stripe invoice")
        verbose_name_plural = _("Stripe invoices")

    def __str__(self) -> str:
        return self.number or self.external_id


class StripeInvoiceLine(StripeObject):
    """One line of an invoice. It has no date of its own: `created_at` is the invoice's."""

    invoice = reference(_("invoice"))
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    amount = money(_("amount"))
    """Before discounts and taxes, as the invoice's subtotal sums it."""
    discount = money(_("discount"), default=0)
    tax = money(_("tax"), default=0)
    """What is added to the amount; taxes that it includes are not counted."""
    quantity = models.DecimalField(_("quantity"), max_digits=30, decimal_places=12, null=True, blank=True)
    unit_amount = models.DecimalField(_("unit amount"), max_digits=32, decimal_places=15, null=True, blank=True)
    price = reference(_("price"))
    product = reference(_("product"))
    subscription = reference(_("subscription"))
    subscription_item = reference(_("subscription item"))
    invoice_item = reference(_("invoice item"))
    proration = models.BooleanField(_("proration"), default=False)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("period to"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = once("invoice_line")
        indexes = newest("invoice_line", "invoice", "subscription")
        verbose_name = _("Stripe invoice line")
        verbose_name_plural = _("Stripe invoice lines")


class StripeCreditNote(StripeObject):
    invoice = reference(_("invoice"))
    customer = reference(_("customer"))
    number = models.CharField(_("number"), max_length=100, blank=True, default="")
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    kind = models.CharField(_("type"), max_length=30, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=50, blank=True, default="")
    memo = models.TextField(_("memo"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = money(_("subtotal"), null=True, blank=True)
    total = money(_("total"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = once("credit_note")
        indexes = newest("credit_note", "invoice")
        verbose_name = _("Stripe credit note")
        verbose_name_plural = _("Stripe credit notes")

    def __str__(self) -> str:
        return self.number or self.external_id
