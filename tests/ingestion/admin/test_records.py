"""The pages that only show: artifacts, watermarks, the audit trail; and tenants, which superusers change."""

import dataclasses

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import actions, artifacts
from ingestion.actions import Actor
from ingestion.models import Artifact, AuditEntry, RunArtifact, Tenant, TenantGrant, Watermark
from ingestion.testing import make_tenant, registered, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff, superuser
from tests.ingestion.inbox import Inbox


def uploaded(tenant: Tenant, name: str, data: bytes) -> Artifact:
    with registered(dataclasses.replace(payments, source=Inbox())):
        connection = actions.connect(Actor(), tenant, "app.payments")
        run = actions.upload(Actor(), connection, name, data, wake=False).run
    return run.artifact_links.get(role=RunArtifact.Role.INPUT).artifact


def test_an_artifact_is_downloaded_as_it_came_and_that_is_noted(console: Client, acme: Tenant) -> None:
    artifact = uploaded(acme, "may.csv", b"<script>alert(1)</script>")

    answer = console.get(reverse("admin:ingestion_artifact_download", args=[artifact.pk]))

    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"may.csv\"; filename*=UTF-8''may.csv"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert AuditEntry.unscoped.get(action="download").data == {"sha256": artifact.sha256}


@pytest.mark.parametrize(
    "name", ['a"; filename="b.html', "käse.csv", "x\r\nSet-Cookie: a=b", "\u202egpj.exe", "..", ""]
)
def test_a_files_name_cannot_break_out_of_its_header(console: Client, acme: Tenant, name: str) -> None:
    artifact = uploaded(acme, "plain.csv", b"1")
    RunArtifact.unscoped.filter(artifact=artifact).update(name=name)

    header = console.get(reverse("admin:ingestion_artifact_download", args=[artifact.pk])).headers[
        "Content-Disposition"
    ]

    assert header.count('"') == 2
    assert header.isascii()
    assert "\r" not in header
    assert "\n" not in header


def test_a_download_needs_the_permission_for_payloads(client: Client, acme: Tenant) -> None:
    artifact = uploaded(acme, "may.csv", b"1")
    client.force_login(staff("vera", acme, permissions="view"))

    assert client.get(reverse("admin:ingestion_artifact_change", args=[artifact.pk])).status_code == 200
    assert client.get(reverse("admin:ingestion_artifact_download", args=[artifact.pk])).status_code == 403


def test_a_damaged_artifact_is_told_and_not_served(console: Client, acme: Tenant) -> None:
    artifact = uploaded(acme, "may.csv", b"1")
    artifacts.storage().delete(artifact.path)

    answer = console.get(reverse("admin:ingestion_artifact_download", args=[artifact.pk]), follow=True)

    assert "cannot be read" in answer.content.decode()


def test_an_artifact_says_which_runs_used_it(console: Client, acme: Tenant) -> None:
    artifact = uploaded(acme, "may.csv", b"1")

    page = console.get(reverse("admin:ingestion_artifact_change", args=[artifact.pk])).content.decode()

    assert "(may.csv)" in page


def test_the_history_of_watermarks_shows_who_moved_them(console: Client, acme: Tenant) -> None:
    run = run_pipeline(payments, acme, records=[{"id": "1", "amount": "1"}])
    actions.rewind(Actor(), run.connection, run.window_end, "January was wrong")

    page = console.get(reverse("admin:ingestion_watermark_changelist")).content.decode()

    assert f"run {run.pk}" in page
    assert "an operator" in page
    assert "January was wrong" in page


def test_the_audit_trail_shows_who_did_what_and_why(console: Client, acme: Tenant) -> None:
    actions.pause(Actor(), actions.connect(Actor(), acme, "app.payments"), "bank holiday")

    page = console.get(reverse("admin:ingestion_auditentry_changelist"), {"q": "acme"}).content.decode()

    assert "pause" in page
    assert "bank holiday" in page


def test_the_audit_trail_cannot_be_changed_even_by_a_superuser(client: Client, acme: Tenant) -> None:
    actions.connect(Actor(), acme, "app.payments")
    entry = AuditEntry.unscoped.get()
    client.force_login(superuser())

    refused = [
        client.post(reverse(f"admin:ingestion_auditentry_{verb}", args=[entry.pk]), {"reason": "x", "post": "yes"})
        for verb in ("change", "delete")
    ]

    assert [answer.status_code for answer in refused] == [403, 403]


@pytest.mark.django_db
def test_a_superuser_adds_a_tenant_and_grants_it(client: Client) -> None:
    vera = staff("vera")
    client.force_login(superuser())
    grant = {"grants-TOTAL_FORMS": 1, "grants-INITIAL_FORMS": 0, "grants-0-user": vera.pk}

    client.post(
        reverse("admin:ingestion_tenant_add"),
        {"name": "Globex", "key": "globex", "tier": "free", "time_zone": "UTC", **grant},
    )

    assert TenantGrant.objects.get().tenant.key == "globex"
    assert list(AuditEntry.unscoped.order_by("pk").values_list("action", "target")) == [
        ("add tenant", "Globex"),
        ("grant", "vera"),
    ]


def test_taking_a_grant_away_is_audited(client: Client, acme: Tenant) -> None:
    staff("vera", acme)
    client.force_login(superuser())
    grant = TenantGrant.objects.get()
    rows = {"grants-TOTAL_FORMS": 1, "grants-INITIAL_FORMS": 1, "grants-0-id": grant.pk, "grants-0-tenant": acme.pk,
            "grants-0-user": grant.user_id, "grants-0-DELETE": "on"}  # fmt: skip

    client.post(
        reverse("admin:ingestion_tenant_change", args=[acme.pk]),
        {"name": acme.name, "tier": "free", "time_zone": "UTC", **rows},
    )

    assert not TenantGrant.objects.exists()
    assert AuditEntry.unscoped.get().action == "revoke grant"


def test_another_account_in_a_grants_row_is_one_taken_and_one_given(client: Client, acme: Tenant) -> None:
    staff("vera", acme)
    hugo = staff("hugo")
    client.force_login(superuser())
    grant = TenantGrant.objects.get()
    rows = {"grants-TOTAL_FORMS": 1, "grants-INITIAL_FORMS": 1, "grants-0-id": grant.pk, "grants-0-tenant": acme.pk,
            "grants-0-user": hugo.pk}  # fmt: skip

    client.post(
        reverse("admin:ingestion_tenant_change", args=[acme.pk]),
        {"name": acme.name, "tier": "free", "time_zone": "UTC", **rows},
    )

    assert [grant.user for grant in TenantGrant.objects.all()] == [hugo]
    assert list(AuditEntry.unscoped.order_by("pk").values_list("action", "target")) == [
        ("revoke grant", "vera"),
        ("grant", "hugo"),
    ]


def test_the_key_of_a_tenant_never_changes(client: Client, acme: Tenant) -> None:
    client.force_login(superuser())
    rows = {"grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}

    client.post(
        reverse("admin:ingestion_tenant_change", args=[acme.pk]),
        {"name": "New", "key": "new", "tier": "pro", "time_zone": "UTC", **rows},
    )

    acme.refresh_from_db()
    assert (acme.key, acme.name, acme.tier) == ("acme", "New", "pro")


def test_staff_see_their_tenant_and_cannot_change_it_or_its_grants(console: Client, acme: Tenant) -> None:
    globex = make_tenant("globex", name="Globex Corporation")

    listed = console.get(reverse("admin:ingestion_tenant_changelist")).content.decode()
    page = console.get(reverse("admin:ingestion_tenant_change", args=[acme.pk])).content.decode()
    refused = console.post(reverse("admin:ingestion_tenant_change", args=[acme.pk]), {"name": "Mine"})

    assert acme.name in listed
    assert globex.name not in listed
    assert "grants" not in page
    assert refused.status_code == 403


def test_a_watermark_page_opens(console: Client, acme: Tenant) -> None:
    run_pipeline(payments, acme, records=[{"id": "1", "amount": "1"}])

    page = console.get(reverse("admin:ingestion_watermark_change", args=[Watermark.unscoped.get().pk]))

    assert page.status_code == 200
