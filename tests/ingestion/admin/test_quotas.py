"""Usage and quota overrides in the console."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ingestion import actions, limits, meter
from ingestion.actions import Actor
from ingestion.core import meters
from ingestion.models import AuditEntry, QuotaOverride, Tenant, Usage
from ingestion.testing import make_tenant
from tests.ingestion.admin.staff import staff
from tests.ingestion.runs import configured

USAGE, OVERRIDES = (reverse(f"admin:ingestion_{name}_changelist") for name in ("usage", "quotaoverride"))
ADD = reverse("admin:ingestion_quotaoverride_add")


@pytest.fixture(autouse=True)
def quotas(db: None) -> Iterator[None]:
    meter("ocr.pages", "Pages read by OCR")
    with configured(QUOTAS={"ocr.pages": {"free": 10}}):
        yield
    meters.unregister("ocr.pages")


def in_a_week() -> datetime.datetime:
    return timezone.now() + datetime.timedelta(days=7)


@pytest.mark.slow
def test_the_list_shows_used_quota_and_share_with_overrides(console: Client, acme: Tenant) -> None:
    limits.spend(acme.ref, "ocr.pages", 9)
    assert "90 %" in console.get(USAGE).content.decode()

    actions.override_quota(Actor(), acme, "ocr.pages", 45, in_a_week(), "month end")

    assert "20 %" in console.get(USAGE).content.decode()
    assert "month end" in console.get(OVERRIDES).content.decode()


def test_an_operator_overrides_a_quota_with_a_reason_and_ends_it(console: Client, acme: Tenant) -> None:
    limits.spend(acme.ref, "ocr.pages", 10)
    usage = Usage.objects.for_tenant(acme).get()
    verb = reverse("admin:ingestion_usage_override", args=[usage.pk])
    assert verb in console.get(reverse("admin:ingestion_usage_change", args=[usage.pk])).content.decode()

    console.post(verb, {"limit": 50, "until": f"{in_a_week():%Y-%m-%dT%H:%M}", "reason": "agreed with Ada"})
    limits.spend(acme.ref, "ocr.pages", 30)
    made = QuotaOverride.objects.for_tenant(acme).get()
    console.post(reverse("admin:ingestion_quotaoverride_end", args=[made.pk]), {"reason": "done"})

    assert limits.quota(acme.ref, "ocr.pages") == 10
    assert (made.actor_name, made.reason, made.limit) == ("olga", "agreed with Ada", 50)
    assert set(AuditEntry.objects.for_tenant(acme).values_list("action", flat=True)) == {
        "override quota",
        "end quota override",
    }


@pytest.mark.parametrize("until", ["", "2001-01-01T00:00"])
def test_an_override_without_a_future_end_is_refused_in_words(console: Client, acme: Tenant, until: str) -> None:
    limits.spend(acme.ref, "ocr.pages", 1)
    verb = reverse("admin:ingestion_usage_override", args=[Usage.objects.for_tenant(acme).get().pk])

    answer = console.post(verb, {"limit": 50, "until": until, "reason": "x"})

    assert answer.status_code == 200
    assert not QuotaOverride.objects.for_tenant(acme).exists()


def test_an_override_can_be_added_before_anything_was_used(console: Client, acme: Tenant) -> None:
    day = in_a_week()
    given = {"tenant": acme.pk, "meter": "ocr.pages", "limit": 99, "reason": "trial",
             "expires_at_0": f"{day:%Y-%m-%d}", "expires_at_1": "12:00:00"}  # fmt: skip

    answer = console.post(ADD, given)

    assert answer.status_code == 302, answer.content.decode()
    assert limits.quota(acme.ref, "ocr.pages") == 99
    assert AuditEntry.objects.for_tenant(acme).get().reason == "trial"


def test_staff_who_may_only_look_can_override_nothing(client: Client, acme: Tenant) -> None:
    limits.spend(acme.ref, "ocr.pages", 1)
    client.force_login(staff("vera", acme, permissions="view"))
    verb = reverse("admin:ingestion_usage_override", args=[Usage.objects.for_tenant(acme).get().pk])

    assert client.get(USAGE).status_code == 200
    assert client.post(verb, {"limit": 5, "reason": "x"}).status_code == 403
    assert client.get(ADD).status_code == 403


def test_nobody_sees_or_overrides_another_tenants_quota(console: Client, acme: Tenant) -> None:
    other = make_tenant("qzx-other")
    limits.spend(other.ref, "ocr.pages", 7)
    day = in_a_week()
    given = {"tenant": other.pk, "meter": "ocr.pages", "limit": 99, "reason": "trial",
             "expires_at_0": f"{day:%Y-%m-%d}", "expires_at_1": "12:00:00"}  # fmt: skip

    page = console.get(USAGE).content.decode()
    console.post(ADD, given)

    assert "qzx-other" not in page
    assert not QuotaOverride.objects.for_tenant(other).exists()
