"""No address alone makes an error of ours: whatever somebody types is a page, a redirect, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from ingestion.models import Tenant, TenantOwned
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.staff import superuser

pytestmark = [pytest.mark.slow, pytest.mark.every_database, pytest.mark.django_db]
HUGE = "9" * 30
VALUES = (
    HUGE, f"-{HUGE}", "9223372036854775808", "\0", "\udcff", "é", "1e400", "nan", "2024-02-30", "'\";--", "[]", "{}", "%",
    "a" * 5000,
)  # fmt: skip
KEYS = (
    "p", "o", "q", "e", "all", "status", "state", "tenant__id__exact", "tenant__pk__in", "pk__in", "id__exact",
    "fingerprint", "_to_field", "_popup", "_changelist_filters", "connection", "run", "run_id", "nonsense__x",
)  # fmt: skip
SHARE = 53
"""Of keys with values each table's list is asked for every so many, the next table's for the next ones."""


def quoted(value: str) -> str:
    return quote(value.encode("utf-8", "surrogateescape"), safe="")


def addresses() -> Iterator[str]:
    asked = list(product(KEYS, VALUES))
    for number, model in enumerate(admin.site._registry):
        if model is not Tenant and not issubclass(model, TenantOwned):
            continue
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for key, value in [*asked[number % SHARE :: SHARE], ("status", "\0"), ("state", "\0")]:
            yield f"{page}?{key}={quoted(value)}"
        for view, value in product(("change", "history"), VALUES[number % 5 :: 5]):
            yield f"{page}{quoted(value)}/{view}/"


def test_no_address_makes_an_error_of_ours(client: Client) -> None:
    furnish("acme", "Acme", copies=1)
    client.force_login(superuser())
    client.raise_request_exception = False

    answers = {address: client.get(address).status_code for address in addresses()}

    assert {address[:150]: status for address, status in answers.items() if status >= 500} == {}
    assert set(answers.values()) == {200, 302, 400}
    assert len(answers) > 400
