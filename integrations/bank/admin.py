"""Bank accounts, statements and transactions in the console: read-only, own tenants only."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ingestion.admin import ConsoleAdmin
from ingestion.admin.kit import cells
from ingestion.admin.kit.payloads import visible
from integrations.bank import money
from integrations.bank.identity import Ids
from integrations.bank.models import BankAccount, BankLookAlike, BankStatement, BankTransaction


def format_amount(amount: Decimal | None, currency: str) -> str:
    """The amount with the currency's own number of decimals, and more only if the bank gave more."""
    if amount is None:
        return "–"
    text = format(amount.normalize(), "f")
    places = len(text.partition(".")[2])
    try:
        least_places = money.exponent(currency)
    except money.UnknownCurrencyError:
        least_places = 2
    return f"{amount:,.{max(places, least_places)}f} {currency}".strip().replace(" ", "\N{NO-BREAK SPACE}")


def as_json(value: Any) -> str:
    """The value as JSON, cut, because a batch may have thousands of parts."""
    if not value:
        return cells.EMPTY
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="sg-pre">{}</pre>', visible(cells.cut(text, 20_000)))


@admin.register(BankAccount)
class BankAccountAdmin(ConsoleAdmin):
    list_display = ["identifier", "currency", "tenant", "bank", "name", "kind"]
    list_filter = ["tenant", "currency"]
    search_fields = ["identifier"]
    fields = ["tenant", "identifier", "currency", "bank", "name", "kind"]


@admin.register(BankStatement)
class BankStatementAdmin(ConsoleAdmin):
    list_display = ["account", "period_start", "period_end", "opens", "closes", "entries", "format", "tenant"]
    list_display_links = ["account"]
    list_filter = ["tenant", "period_end"]
    list_prefetch = ("tenant", "account")
    sortable_by = ("period_end",)
    fields = [
        "tenant",
        "account",
        "reference",
        "number",
        "format",
        "period_start",
        "period_end",
        "opens",
        "closes",
        "entries",
        "run",
    ]
    readonly_fields = ["opens", "closes"]

    @admin.display(description=_("opening balance"))
    def opens(self, statement: BankStatement) -> str:
        return format_amount(statement.opening, statement.account.currency)

    @admin.display(description=_("closing balance"))
    def closes(self, statement: BankStatement) -> str:
        return format_amount(statement.closing, statement.account.currency)


@admin.register(BankTransaction)
class BankTransactionAdmin(ConsoleAdmin):
    list_display = ["booked_on", "money", "counterparty", "text", "withdrawn", "account", "tenant"]
    list_filter = ["tenant", "account", "booked_on", "withdrawn"]
    list_prefetch = ("tenant", "account")
    sortable_by = ("booked_on",)
    search_fields = ["bank_id__exact", "reference__exact"]  # "=" would ignore case, and the index
    fields = [
        "tenant",
        "account",
        "statement",
        "booked_on",
        "value_on",
        "money",
        "kind",
        "counterparty",
        "counterparty_account",
        "reference",
        "bank_id",
        "description",
        "parts_of_it",
        "more",
        "withdrawn",
        "replaced_by",
        "position",
        "external_id",
        "run",
        "loaded_at",
    ]
    readonly_fields = ["money", "parts_of_it", "more"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows without parts and details, which weigh megabytes in a large batch, except on a row's own page."""
        rows = super().get_queryset(request)
        is_detail_page = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return rows if is_detail_page else rows.defer("parts", "details")

    @admin.display(description=_("parts"))
    def parts_of_it(self, transaction: BankTransaction) -> str:
        return as_json(transaction.parts)

    @admin.display(description=_("details"))
    def more(self, transaction: BankTransaction) -> str:
        return as_json(transaction.details)

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, transaction: BankTransaction) -> str:
        return format_amount(transaction.amount, transaction.currency)

    @admin.display(description=_("description"))
    def text(self, transaction: BankTransaction) -> str:
        return transaction.description if len(transaction.description) <= 80 else transaction.description[:79] + "…"


class AnswerFilter(admin.SimpleListFilter):
    """Open pairs, and those that a word of `ids` answered. The words are constant, so that the filter needs no
    query.
    """

    title = _("answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("none yet")), *((word, word) for word in Ids)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(answer="" if self.value() == "open" else self.value())


@admin.register(BankLookAlike)
class BankLookAlikeAdmin(ConsoleAdmin):
    """Pairs of entries that may be one. They are answered by `ids` in the connection's config."""

    list_display = ["entry", "stored", "sort", "answer", "account", "tenant"]
    list_filter = ["tenant", "sort", AnswerFilter]
    list_prefetch = ("tenant", "account", "entry", "stored")
    sortable_by = ()
    fields = ["tenant", "account", "entry", "stored", "sort", "answer", "run"]
