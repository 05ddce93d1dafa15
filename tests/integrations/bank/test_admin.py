"""The bank's pages in the console."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ingestion.models import TenantGrant
from integrations.bank.admin import format_amount
from integrations.bank.models import BankTransaction
from tests.integrations.bank.samples_of_cases import case
from tests.integrations.bank.test_pipeline import connection, load, mt940

pytestmark = pytest.mark.django_db(transaction=True)


def bookkeeper(tenant: object) -> Client:
    user = User.objects.create_user("bea", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="bank", codename__startswith="view_"))
    TenantGrant.objects.create(user=user, tenant=tenant)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("page", ["bankaccount", "bankstatement", "banktransaction"])
@pytest.mark.slow
def test_a_bookkeeper_sees_her_own_tenants_rows_and_no_others(page: str) -> None:
    ours, theirs = connection("ours"), connection("theirs")
    load(ours, "a.sta", mt940("100,00", [("260105", "-10,00")], "90,00"))
    load(theirs, "b.sta", mt940("500,00", [("260105", "77,77")], "577,77").replace(b"NL91ABNA", b"NL91THEM"))
    client = bookkeeper(ours.tenant)

    listed = client.get(reverse(f"admin:bank_{page}_changelist")).content.decode()

    assert "NL91ABNA0417164300" in listed
    assert "NL91THEM" not in listed
    assert "577" not in listed


@pytest.mark.slow
def test_a_transaction_page_is_read_only_and_of_another_tenant_not_there() -> None:
    ours, theirs = connection("ours"), connection("theirs")
    load(ours, "a.sta", mt940("100,00", [("260105", "-10,00")], "90,00"))
    load(theirs, "a.sta", mt940("100,00", [("260105", "-10,00")], "90,00"))
    client = bookkeeper(ours.tenant)
    transaction = BankTransaction.objects.for_tenant(ours.tenant).get()
    foreign = BankTransaction.objects.for_tenant(theirs.tenant).get()

    page = client.get(reverse("admin:bank_banktransaction_change", args=[transaction.pk]))
    denied = client.get(reverse("admin:bank_banktransaction_change", args=[foreign.pk]))

    assert "-10.00\N{NO-BREAK SPACE}EUR" in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert denied.status_code == 302


def test_a_transaction_page_shows_the_parts_of_a_batch() -> None:
    ours = connection("ours")
    load(ours, "30.xml", case("30_batch.xml"))
    row = BankTransaction.objects.for_tenant(ours.tenant).get()

    page = bookkeeper(ours.tenant).get(reverse("admin:bank_banktransaction_change", args=[row.pk])).content.decode()

    assert "Ada Probe" in page
    assert "PMNT-RCDT-ESCT" in page


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("1234", "JPY", "1,234 JPY"),
        ("1.25", "KWD", "1.250 KWD"),
        ("0.12345", "EUR", "0.12345 EUR"),
        ("1000", "", "1,000.00"),
    ],
)
def test_amounts_are_shown_with_their_currencys_decimals(amount: str, currency: str, text: str) -> None:
    assert format_amount(Decimal(amount), currency).replace("\N{NO-BREAK SPACE}", " ") == text
