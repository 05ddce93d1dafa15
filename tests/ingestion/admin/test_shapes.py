"""Known shapes in the console."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from ingestion.models import AuditEntry, KnownShape, Tenant
from tests.ingestion.admin.staff import staff
from tests.ingestion.drift.sources import batch, known, run


@pytest.fixture
def pending(db: None, acme: Tenant) -> KnownShape:
    run(batch(1, extra=1), acme)
    run(batch(101, extra="x"), acme)
    return known(acme)


def page(shape: KnownShape, verb: str = "change") -> str:
    return reverse(f"admin:ingestion_knownshape_{verb}", args=[shape.pk])


@pytest.mark.slow
def test_the_diff_stands_side_by_side_and_is_reached_from_the_connection(console: Client, pending: KnownShape) -> None:
    text = console.get(page(pending)).content.decode()
    connection = console.get(reverse("admin:ingestion_connection_change", args=[pending.connection_id]))

    assert "<td><code>extra</code></td><td>another type</td><td>number</td><td>string</td>" in text
    assert page(pending, "accept") in text
    assert page(pending) in connection.content.decode()
    assert "changed" in console.get(reverse("admin:ingestion_knownshape_changelist")).content.decode()


@pytest.mark.slow
def test_an_operator_accepts_what_was_looked_at(console: Client, acme: Tenant, pending: KnownShape) -> None:
    form = console.get(page(pending, "accept")).content.decode()
    assert f'name="version" value="{pending.version}"' in form

    stale = console.post(page(pending, "accept"), {"version": pending.version - 1, "reason": "agreed"})
    assert (stale.status_code, known(acme).pending is None) == (200, False)
    console.post(page(pending, "accept"), {"version": pending.version, "reason": "agreed"})

    assert (known(acme).pending, known(acme).accepted_by) == (None, "olga")
    assert AuditEntry.objects.for_tenant(acme).get(action="accept shape").reason == "agreed"


def test_who_may_only_look_sees_no_button_and_is_refused(acme: Tenant, pending: KnownShape) -> None:
    client = Client()
    client.force_login(staff("vera", acme, permissions=["view_knownshape"]))

    assert page(pending, "accept") not in client.get(page(pending)).content.decode()
    assert client.post(page(pending, "accept"), {"version": pending.version, "reason": "x"}).status_code == 403
    assert known(acme).pending is not None


@pytest.mark.slow
def test_an_operator_dismisses_a_change_with_a_reason(console: Client, acme: Tenant, pending: KnownShape) -> None:
    assert page(pending, "dismiss") in console.get(page(pending)).content.decode()

    console.post(page(pending, "dismiss"), {"version": pending.version, "reason": ""})
    assert known(acme).pending is not None
    console.post(page(pending, "dismiss"), {"version": pending.version, "reason": "a test export"})

    assert (known(acme).pending, known(acme).shape) == (None, pending.shape)
    assert AuditEntry.objects.for_tenant(acme).get(action="dismiss shape").reason == "a test export"
    assert page(pending, "dismiss") not in console.get(page(pending)).content.decode()
