"""Stripe's objects and events in the console: read-only, own tenants only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ingestion.actions import Actor
from ingestion.admin import ConsoleAdmin, Done, OffersVerbs, OptionalReasonForm, Verb
from ingestion.admin.kit.searching import find_exactly
from integrations.stripe import models
from integrations.stripe.models import StripeObject
from integrations.stripe.money import UnknownCurrency, exponent
from integrations.stripe.redelivery import PERMISSION, deliver_again

_SHOWN = 20_000
_FIRST = ("tenant", "external_id", "livemode", "deleted_at", "created_at")
_LAST = ("metadata", "as_of", "run", "loaded_at")


def shown(amount: Decimal | None, currency: str) -> str:
    """With as many decimals as Stripe counts in, and more only where there are more."""
    if amount is None:
        return "–"
    exact = format(amount.normalize(), "f")
    try:
        least = exponent(currency)
    except UnknownCurrency:
        least = 0
    given = len(exact.partition(".")[2])
    return f"{amount:,.{max(given, least)}f} {currency}".strip().replace(" ", "\N{NO-BREAK SPACE}")


class StatusFilter(admin.SimpleListFilter):
    """By the statuses that the page declares; to find out which there are would read the whole table."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status, status.replace("_", " ")) for status in model_admin.statuses]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


class ObjectAdmin(ConsoleAdmin):
    """One kind of object. `columns` stand in the list after its id, `amount` names its main amount."""

    columns: Sequence[str] = ()
    amount = ""
    statuses: Sequence[str] = ()
    list_filter: ClassVar[Any] = ["tenant", "livemode", "created_at"]
    sortable_by = ("created_at",)
    search_help_text = _("An id of Stripe's, whole")

    def get_list_display(self, request: HttpRequest) -> Any:
        money = ["money"] if self.amount else []
        return ["external_id", *money, *self.columns, "created_at", "deleted_at", "tenant"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*([StatusFilter] if self.statuses else []), *super().get_list_filter(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        known = {*_FIRST, *_LAST, "id", "digest"}
        own = [field.name for field in self.model._meta.concrete_fields if field.name not in known]
        return [*_FIRST, *own, *_LAST]

    def get_search_fields(self, request: HttpRequest) -> Any:
        """The object's own id, and those of others by which there is an index."""
        second = (index.fields[1] for index in self.model._meta.indexes if index.fields[0] == "tenant")
        return ["external_id", *(name for name in second if name != "created_at")]

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        return find_exactly(queryset, term, self.get_search_fields(request)), False

    @admin.display(description=_("amount"))
    def money(self, row: StripeObject) -> str:
        return shown(getattr(row, self.amount), getattr(row, "currency", ""))


@admin.register(models.StripeBalanceTransaction)
class BalanceTransactionAdmin(ObjectAdmin):
    columns = ("category", "source", "available_at")
    amount = "net"


@admin.register(models.StripeCharge)
class ChargeAdmin(ObjectAdmin):
    columns = ("status", "customer", "disputed")
    amount = "amount"
    statuses = ("succeeded", "pending", "failed")


@admin.register(models.StripeCreditNote)
class CreditNoteAdmin(ObjectAdmin):
    columns = ("number", "status", "invoice")
    amount = "total"
    statuses = ("issued", "void")


@admin.register(models.StripeCustomer)
class CustomerAdmin(ObjectAdmin):
    columns = ("name", "email", "delinquent")


@admin.register(models.StripeDispute)
class DisputeAdmin(ObjectAdmin):
    columns = ("status", "reason", "evidence_due_at")
    amount = "amount"
    statuses = ("needs_response", "under_review", "won", "lost", "warning_needs_response", "warning_closed")


@admin.register(models.StripeInvoice)
class InvoiceAdmin(ObjectAdmin):
    columns = ("number", "status", "customer", "due_at")
    amount = "total"
    statuses = ("draft", "open", "paid", "uncollectible", "void")


@admin.register(models.StripeInvoiceLine)
class InvoiceLineAdmin(ObjectAdmin):
    columns = ("description", "quantity", "invoice", "subscription")
    amount = "amount"


@admin.register(models.StripePaymentIntent)
class PaymentIntentAdmin(ObjectAdmin):
    columns = ("status", "customer")
    amount = "amount"
    statuses = ("succeeded", "processing", "requires_payment_method", "requires_action", "requires_capture", "canceled")


@admin.register(models.StripePayout)
class PayoutAdmin(ObjectAdmin):
    columns = ("status", "arrives_on")
    amount = "amount"
    statuses = ("paid", "pending", "in_transit", "canceled", "failed")


@admin.register(models.StripePrice)
class PriceAdmin(ObjectAdmin):
    columns = ("nickname", "active", "interval", "product")
    amount = "unit_amount"


@admin.register(models.StripeProduct)
class ProductAdmin(ObjectAdmin):
    columns = ("name", "active")


@admin.register(models.StripeRefund)
class RefundAdmin(ObjectAdmin):
    columns = ("status", "charge")
    amount = "amount"
    statuses = ("succeeded", "pending", "failed", "canceled", "requires_action")


@admin.register(models.StripeSubscription)
class SubscriptionAdmin(ObjectAdmin):
    columns = ("status", "customer", "period_end")
    statuses = ("active", "trialing", "past_due", "unpaid", "canceled", "incomplete", "paused")


def _deliver(actor: Actor, event: models.StripeEvent, values: Mapping[str, Any]) -> Done:
    verdicts = deliver_again(actor, event.tenant, ids=[event.pk], reason=values["reason"])
    (verdict,) = verdicts or (event.verdict,)
    return Done(models.StripeEvent.Verdict(verdict).label)


@admin.register(models.StripeEvent)
class EventAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["type", "object_id", "verdict", "account", "created_at", "tenant"]
    list_filter = ["tenant", "verdict", "livemode", "created_at"]
    sortable_by = ("created_at",)
    search_fields = ["external_id", "object_id", "account"]
    search_help_text = _("The id of an event, an object or a connected account, whole")
    fields = [
        "tenant", "external_id", "type", "object_id", "account", "livemode", "api_version", "created_at", "verdict",
        "run", "loaded_at",
    ]  # fmt: skip
    readonly_fields = ["laid_out"]
    change_form_template = "ingestion/with_verbs.html"
    verbs = [
        Verb("deliver", _("Deliver again"), f"ingestion.{PERMISSION}", _deliver, OptionalReasonForm,
             lambda event: bool(event.body),
             _("Passes the event on to the connections that follow its object by now. It stays here where none does.")),
    ]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """What the event says is a payload: for those who may see them."""
        user: Any = request.user
        return [*self.fields, *(["laid_out"] if user.has_perm("ingestion.view_payload") else [])]

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        return find_exactly(queryset, term, self.search_fields), False

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"verbs": self.offered(request, obj)}

    @admin.display(description=_("body"))
    def laid_out(self, event: models.StripeEvent) -> str:
        return format_html('<pre class="sg-pre">{}</pre>', event.body[:_SHOWN]) if event.body else "–"
