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

_MOST_CHARACTERS = 20_000
"""Characters of an event's body that the page shows."""
_FIRST = ("tenant", "external_id", "livemode", "deleted_at", "created_at")
_LAST = ("metadata", "as_of", "run", "loaded_at")


def money_text(amount: Decimal | None, currency: str) -> str:
    """The amount with its currency, with the decimals of Stripe's integers, and more where the amount has more."""
    if amount is None:
        return "–"
    exact = format(amount.normalize(), "f")
    try:
        usual_decimals = exponent(currency)
    except UnknownCurrency:
        usual_decimals = 0
    decimals = len(exact.partition(".")[2])
    return f"{amount:,.{max(decimals, usual_decimals)}f} {currency}".strip().replace(" ", "\N{NO-BREAK SPACE}")


class ObjectStatusFilter(admin.SimpleListFilter):
    """Filters by the statuses that the page declares; to look up which ones occur would read the whole table."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status, status.replace("_", " ")) for status in model_admin.statuses]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


class ObjectAdmin(ConsoleAdmin):
    """The pages of one kind of object. `columns` follow the id in the list, `amount` names the main amount."""

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
        return [*([ObjectStatusFilter] if self.statuses else []), *super().get_list_filter(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        common = {*_FIRST, *_LAST, "id", "digest"}
        specific = [field.name for field in self.model._meta.concrete_fields if field.name not in common]
        return [*_FIRST, *specific, *_LAST]

    def get_search_fields(self, request: HttpRequest) -> Any:
        """The object's own id, and the ids of other objects that have an index."""
        indexed = (index.fields[1] for index in self.model._meta.indexes if index.fields[0] == "tenant")
        return ["external_id", *(name for name in indexed if name != "created_at")]

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        return find_exactly(queryset, term, self.get_search_fields(request)), False

    @admin.display(description=_("amount"))
    def money(self, row: StripeObject) -> str:
        return money_text(getattr(row, self.amount), getattr(row, "currency", ""))


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
        "tenant",
        "external_id",
        "type",
        "object_id",
        "account",
        "livemode",
        "api_version",
        "created_at",
        "verdict",
        "run",
        "loaded_at",
    ]
    readonly_fields = ["laid_out"]
    change_form_template = "ingestion/with_verbs.html"
    verbs = [
        Verb(
            "deliver",
            _("Deliver again"),
            f"ingestion.{PERMISSION}",
            _deliver,
            OptionalReasonForm,
            lambda event: bool(event.body),
            _("Passes the event on to the connections that follow its object by now. It stays here where none does."),
        ),
    ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields; the event's body is a payload, for users with the permission to see payloads."""
        user: Any = request.user
        return [*self.fields, *(["laid_out"] if user.has_perm("ingestion.view_payload") else [])]

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        return find_exactly(queryset, term, self.search_fields), False

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"verbs": self.offered(request, obj)}

    @admin.display(description=_("body"))
    def laid_out(self, event: models.StripeEvent) -> str:
        return format_html('<pre class="sg-pre">{}</pre>', event.body[:_MOST_CHARACTERS]) if event.body else "–"
