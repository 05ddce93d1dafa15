"""Customers, products, prices and subscriptions."""

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


class StripeCustomer(StripeObject):
    name = models.TextField(_("name"), blank=True, default="")
    email = models.CharField(_("email"), max_length=512, blank=True, default="")
    phone = models.CharField(_("phone"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    balance = money_field(_("balance"), null=True, blank=True)
    """Positive when the customer owes it, negative when it is owed to the customer."""
    delinquent = models.BooleanField(_("delinquent"), default=False)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("customer")
        indexes = newest_indexes("customer")
        verbose_name = _("Stripe customer")
        verbose_name_plural = _("Stripe customers")

    def __str__(self) -> str:
        return self.name or self.email or self.external_id


class StripeProduct(StripeObject):
    name = models.TextField(_("name"), blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    active = models.BooleanField(_("active"), default=False)
    default_price = reference_field(_("default price"))
    unit_label = models.CharField(_("unit"), max_length=100, blank=True, default="")

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("product")
        indexes = newest_indexes("product")
        verbose_name = _("Stripe product")
        verbose_name_plural = _("Stripe products")

    def __str__(self) -> str:
        return self.name or self.external_id


class StripePrice(StripeObject):
    product = reference_field(_("product"))
    active = models.BooleanField(_("active"), default=False)
    nickname = models.TextField(_("nickname"), blank=True, default="")
    lookup_key = models.CharField(_("lookup key"), max_length=255, blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    unit_amount = models.DecimalField(_("unit amount"), max_digits=32, decimal_places=15, null=True, blank=True)
    """NULL for a tiered price."""
    kind = models.CharField(_("type"), max_length=30, blank=True, default="")
    billing_scheme = models.CharField(_("billing scheme"), max_length=30, blank=True, default="")
    interval = models.CharField(_("interval"), max_length=20, blank=True, default="")
    interval_count = models.PositiveIntegerField(_("interval count"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("price")
        indexes = newest_indexes("price", "product")
        verbose_name = _("Stripe price")
        verbose_name_plural = _("Stripe prices")


class StripeSubscription(StripeObject):
    customer = reference_field(_("customer"))
    status = models.CharField(_("status"), max_length=30, blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    collection_method = models.CharField(_("collection method"), max_length=30, blank=True, default="")
    latest_invoice = reference_field(_("latest invoice"))
    items = models.JSONField(_("items"), default=list, blank=True)
    """A list of id, price and quantity."""
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    period_start = models.DateTimeField(_("period from"), null=True, blank=True)
    period_end = models.DateTimeField(_("period to"), null=True, blank=True)
    cancel_at_period_end = models.BooleanField(_("cancel at period end"), default=False)
    cancel_at = models.DateTimeField(_("cancel at"), null=True, blank=True)
    canceled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    trial_end = models.DateTimeField(_("trial to"), null=True, blank=True)

    class Meta(StripeObject.Meta):
        abstract = False
        constraints = unique_per_tenant("subscription")
        indexes = newest_indexes("subscription", "customer")
        verbose_name = _("Stripe subscription")
        verbose_name_plural = _("Stripe subscriptions")
