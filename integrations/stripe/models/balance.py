"""What moved on an account's balance, and what was paid out of it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.stripe.models.base import StripeObject, money, newest, once, reference


class StripeBalanceTransaction(StripeObject):
    source = reference(_("source"))
    kind = models.CharField(_("type"), max_length=50, blank=True, default="")
    category = models.CharField(_("reporting category"), max_length=50, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    amount = money(_("amount"))
    fee = money(_("fee"))
    net = money(_("net"))
    available_at = models.DateTimeField(_("available"), null=True, blank=True)
    """From then on it can be paid out; Stripe tells no news of it."""

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = once("balance")
        indexes = newest("balance", "source")
        verbose_name = _("Stripe balance transaction")
        verbose_name_plural = _("Stripe balance transactions")


class StripePayout(StripeObject):
    currency = models.CharField(_("currency"), max_length=3)
    amount = money(_("amount"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    kind = models.CharField(_("type"), max_length=30, blank=True, default="")
    method = models.CharField(_("method"), max_length=30, blank=True, default="")
    automatic = models.BooleanField(_("automatic"), default=False)
    arrives_on = models.DateField(_("arrives"), null=True, blank=True)
    balance_transaction = reference(_("balance transaction"))
    destination = reference(_("destination"))
    failure_code = models.CharField(_("failure code"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = once("payout")
        indexes = newest("payout")
        verbose_name = _("Stripe payout")
        verbose_name_plural = _("Stripe payouts")
