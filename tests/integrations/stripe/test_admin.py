"""Stripe's tables in the console; other tenants' rows are the generated crawl's subject."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import Client

from ingestion.models import Run
from integrations.stripe.admin import ObjectAdmin, money_text
from integrations.stripe.models import StripeCharge, StripeEvent, StripeObject
from tests.ingestion.admin.furnish import furnish

pytestmark = pytest.mark.django_db
MODELS = [model for model in site._registry if issubclass(model, StripeObject | StripeEvent)]


@pytest.fixture
def console() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def test_every_table_has_a_page() -> None:
    assert len(MODELS) == 14


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_and_pages_are_shown_and_nothing_can_be_changed(console: Client, model: Any) -> None:
    tenant = furnish("acme", "Acme")
    base = f"/admin/stripe/{model._meta.model_name}/"
    one = model.unscoped.filter(tenant=tenant).first()

    listed = console.get(base, {"tenant__id__exact": tenant.pk})
    page = console.get(f"{base}{one.pk}/change/")

    assert (listed.status_code, page.status_code) == (200, 200)
    assert one.external_id in page.content.decode()
    assert console.post(f"{base}{one.pk}/change/", {"external_id": "x"}).status_code == 403
    assert console.get(f"{base}add/").status_code == 403


def test_charges_are_found_by_id_customer_and_status(console: Client) -> None:
    tenant = furnish("acme", "Acme", copies=1)
    run = Run.unscoped.filter(tenant=tenant).latest("pk")
    common = {"tenant": tenant, "run": run, "digest": b"0", "created_at": datetime.now(UTC), "as_of": datetime.now(UTC)}
    money = {
        "amount": Decimal("1234.50"),
        "amount_captured": 0,
        "amount_refunded": 0,
        "currency": "USD",
        "loaded_at": datetime.now(UTC),
    }
    for number, status in enumerate(("succeeded", "failed")):
        StripeCharge.unscoped.create(
            **common, **money, external_id=f"ch_{number}", customer=f"cus_{number}", status=status
        )

    by_status = console.get("/admin/stripe/stripecharge/", {"status": "failed"}).content.decode()
    by_customer = console.get("/admin/stripe/stripecharge/", {"q": "cus_0"}).content.decode()

    assert "ch_1" in by_status
    assert "ch_0" not in by_status
    assert "ch_0" in by_customer
    assert "1,234.50\N{NO-BREAK SPACE}USD" in by_customer


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.500", "USD", "1,234.50 USD"),
        ("500.000", "JPY", "500 JPY"),
        ("5.12", "KWD", "5.120 KWD"),
        ("0.0001", "EUR", "0.0001 EUR"),
    ],
)
def test_amounts_are_shown_with_the_currency_s_decimals(amount: str, currency: str, text: str) -> None:
    assert money_text(Decimal(amount), currency) == text.replace(" ", "\N{NO-BREAK SPACE}")
    assert money_text(None, currency) == "–"
    assert isinstance(site._registry[StripeCharge], ObjectAdmin)
