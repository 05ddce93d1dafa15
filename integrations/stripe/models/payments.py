"""Payment intents, charges, refunds and disputes."""

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


class StripePaymentIntent(StripeObject):
    customer = reference_field(_("customer"))
    latest_charge = reference_field(_("latest charge"))
    payment_method = reference_field(_("payment method"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    amount_received = money_field(_("received"))
    amount_capturable = money_field(_("capturable"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    canceled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    cancellation_reason = models.CharField(_("cancellation reason"), max_length=50, blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("intent")
        indexes = newest_indexes("intent", "customer")
        verbose_name = _("Stripe payment intent")
        verbose_name_plural = _("Stripe payment intents")


class StripeCharge(StripeObject):
    customer = reference_field(_("customer"))
    payment_intent = reference_field(_("payment intent"))
    invoice = reference_field(_("invoice"))
    """Only on charges from before 2025."""
    balance_transaction = reference_field(_("balance transaction"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    amount_captured = money_field(_("captured amount"))
    amount_refunded = money_field(_("refunded amount"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    paid = models.BooleanField(_("paid"), default=False)
    captured = models.BooleanField(_("captured"), default=False)
    refunded = models.BooleanField(_("refunded"), default=False)
    """Wholly refunded."""
    disputed = models.BooleanField(_("disputed"), default=False)
    failure_code = models.CharField(_("failure code"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    method = models.CharField(_("payment method type"), max_length=50, blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("charge")
        indexes = newest_indexes("charge", "customer", "payment_intent")
        verbose_name = _("Stripe charge")
        verbose_name_plural = _("Stripe charges")


class StripeRefund(StripeObject):
    charge = reference_field(_("charge"))
    payment_intent = reference_field(_("payment intent"))
    balance_transaction = reference_field(_("balance transaction"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=50, blank=True, default="")
    failure_reason = models.CharField(_("failure reason"), max_length=100, blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("refund")
        indexes = newest_indexes("refund", "charge")
        verbose_name = _("Stripe refund")
        verbose_name_plural = _("Stripe refunds")


class StripeDispute(StripeObject):
    charge = reference_field(_("charge"))
    payment_intent = reference_field(_("payment intent"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    status = models.CharField(_("status"), max_length=50, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=50, blank=True, default="")
    charge_refundable = models.BooleanField(_("charge can be refunded"), default=False)
    evidence_due_at = models.DateTimeField(_("evidence due"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("dispute")
        indexes = newest_indexes("dispute", "charge")
        verbose_name = _("Stripe dispute")
        verbose_name_plural = _("Stripe disputes")
