from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from bookshop.models import Payment


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin):
    """Loaded rows are looked at, not edited; everybody sees the tenants they were granted."""

    list_display = ["external_id", "tenant", "amount", "currency", "loaded_at"]
    list_select_related = ["tenant"]
    search_fields = ["external_id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        return Payment.objects.for_user(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
