"""Movements on an account's balance, and payouts."""

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


class StripeBalanceTransaction(StripeObject):
    source = reference_field(_("source"))
    kind = models.CharField(_("type"), max_length=50, blank=True, default="")
    category = models.CharField(_("reporting category"), max_length=50, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    fee = money_field(_("fee"))
    net = money_field(_("net"))
    available_at = models.DateTimeField(_("available"), null=True, blank=True)
    """From then on the amount can be paid out; Stripe sends no event for it."""

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("balance")
        indexes = newest_indexes("balance", "source")
        verbose_name = _("Stripe balance transaction")
        verbose_name_plural = _("Stripe balance transactions")


class StripePayout(StripeObject):
    currency = models.CharField(_("currency"), max_length=3)
    amount = money_field(_("amount"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    kind = models.CharField(_("type"), max_length=30, blank=True, default="")
    method = models.CharField(_("method"), max_length=30, blank=True, default="")
    automatic = models.BooleanField(_("automatic"), default=False)
    arrives_on = models.DateField(_("arrives"), null=True, blank=True)
    balance_transaction = reference_field(_("balance transaction"))
    destination = reference_field(_("destination"))
    failure_code = models.CharField(_("failure code"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("payout")
        indexes = newest_indexes("payout")
        verbose_name = _("Stripe payout")
        verbose_name_plural = _("Stripe payouts")
