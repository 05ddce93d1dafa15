"""The list and the page of deliveries."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingestion import actions
from ingestion.models import AuditEntry, Delivery, Tenant
from ingestion.testing import registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.received import connected, delivered_to, webhook_runs
from tests.ingestion.runs import carry

BODY = b'[{"id": "rec_0001", "amount": "1.00", "name": "<script>alert(1)</script>"}]'


@pytest.fixture
def delivery(acme: Tenant) -> Iterator[Delivery]:
    with registered(delivered_to()) as pipeline:
        connection = connected(pipeline, acme)
        actions.deliver(connection, "evt_1\u202e", BODY, content_type="application/json", wake=False)
        carry(webhook_runs(connection)[0])
        yield Delivery.objects.for_tenant(acme).get()


def test_the_list_shows_what_came_and_which_run_took_it_in(console: Client, delivery: Delivery) -> None:
    page = console.get(reverse("admin:ingestion_delivery_changelist")).content.decode()

    assert "evt_1\\u202e" in page
    assert f"run {delivery.run_id}" in page
    assert "rec_0001" not in page


def test_a_deliverys_page_shows_its_body_escaped(console: Client, delivery: Delivery) -> None:
    page = console.get(reverse("admin:ingestion_delivery_change", args=[delivery.pk])).content.decode()

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert f"manage.py ingest show delivery {delivery.pk}" in page


def test_the_body_needs_the_permission_for_payloads(client: Client, acme: Tenant, delivery: Delivery) -> None:
    client.force_login(staff("vera", acme, permissions="view"))

    page = client.get(reverse("admin:ingestion_delivery_change", args=[delivery.pk])).content.decode()

    assert "rec_0001" not in page
    assert client.get(reverse("admin:ingestion_delivery_body", args=[delivery.pk])).status_code == 403


def test_a_download_gives_the_very_bytes_and_is_noted(console: Client, delivery: Delivery) -> None:
    answer = console.get(reverse("admin:ingestion_delivery_body", args=[delivery.pk]))

    assert answer.content == BODY
    assert AuditEntry.unscoped.get(action="download").target == f"body of delivery {delivery.pk}"


@pytest.mark.slow
def test_a_search_finds_the_senders_whole_id(console: Client, delivery: Delivery) -> None:
    Delivery.unscoped.filter(pk=delivery.pk).update(delivery_id="evt_7")
    listed = reverse("admin:ingestion_delivery_changelist")

    assert "evt_7" in console.get(listed, {"q": "evt_7"}).content.decode()
    assert f"/{delivery.pk}/change/" not in console.get(listed, {"q": "evt"}).content.decode()


def test_a_connections_page_leads_to_its_deliveries(console: Client, delivery: Delivery) -> None:
    page = console.get(reverse("admin:ingestion_connection_change", args=[delivery.connection_id])).content.decode()

    assert str(delivery.connection.public_id) in page
    assert reverse("admin:ingestion_delivery_changelist") in page


def test_a_delivery_that_waits_says_why(console: Client, acme: Tenant, delivery: Delivery) -> None:
    page = reverse("admin:ingestion_delivery_change", args=[delivery.pk])
    assert "Waits because" not in console.get(page).content.decode()

    Delivery.unscoped.filter(pk=delivery.pk).update(state=Delivery.State.PENDING, run=None, done_at=None)
    actions.pause(actions.Actor(), delivery.connection, "bank holiday")

    shown = console.get(page).content.decode()
    assert "Waits because" in shown
    assert "bank holiday" in shown


def test_a_delivery_that_waits_is_given_up_with_a_reason(console: Client, delivery: Delivery) -> None:
    page = reverse("admin:ingestion_delivery_change", args=[delivery.pk])
    give_up = reverse("admin:ingestion_delivery_abandon", args=[delivery.pk])
    assert give_up not in console.get(page).content.decode()
    Delivery.unscoped.filter(pk=delivery.pk).update(state=Delivery.State.PENDING, run=None, done_at=None)

    assert give_up in console.get(page).content.decode()
    console.post(give_up, {"reason": "a test"})

    delivery.refresh_from_db()
    assert (delivery.state, delivery.note) == (Delivery.State.ABANDONED, "a test")


@pytest.mark.slow
def test_the_list_says_why_deliveries_wait_with_as_many_questions_for_fifty_as_for_one(
    console: Client, delivery: Delivery, django_assert_max_num_queries: Any
) -> None:
    listed = reverse("admin:ingestion_delivery_changelist")
    assert "bank holiday" not in console.get(listed).content.decode()
    Delivery.unscoped.filter(pk=delivery.pk).update(state=Delivery.State.PENDING, run=None, done_at=None)
    actions.pause(actions.Actor(), delivery.connection, "bank holiday")
    with CaptureQueriesContext(database) as before:
        assert "bank holiday" in console.get(listed).content.decode()

    with registered(delivered_to()):
        for number in range(49):
            actions.deliver(delivery.connection, f"evt_more_{number}", BODY, content_type="", wake=False)
    with django_assert_max_num_queries(len(before)):
        assert console.get(listed).content.decode().count("bank holiday") == 50
