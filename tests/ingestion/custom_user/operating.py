"""What operators do, in a project whose users are its own. Run as a program by `test_custom_user`, in its own process."""

from __future__ import annotations

import django


def main() -> None:
    django.setup()

    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from ingestion import actions
    from ingestion.models import AuditEntry, Credential, DeadLetter, Run, TenantGrant
    from ingestion.testing import make_tenant, run_pipeline
    from tests.app.pipelines import payments

    call_command("check")
    call_command("migrate", verbosity=0)
    acme, globex = make_tenant("acme"), make_tenant("globex")
    runs = {
        tenant.key: run_pipeline(payments, tenant, records=[{"id": "odd", "amount": tenant.key}])
        for tenant in (acme, globex)
    }
    people = get_user_model().objects
    anna = people.create_user("anna@example.org", "secret", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(content_type__app_label="ingestion"))
    people.create_user("stranger@example.org", "secret")
    root = people.create_user("root@example.org", "secret", is_staff=True, is_superuser=True)
    call_command("ingest", "tenant", "grant", "--tenant", "acme", "--user", "anna@example.org")

    browser = Client()
    answer = browser.post(reverse("admin:login"), {"username": "anna@example.org", "password": "secret"})
    assert answer.status_code == 302, answer.content
    for table in ("connection", "run", "deadletter", "credential", "artifact", "auditentry", "tenant"):
        page = browser.get(reverse(f"admin:ingestion_{table}_changelist"))
        assert page.status_code == 200, (table, page.status_code)
        assert b"globex" not in page.content, table
    for tenant, status in (("acme", 200), ("globex", 302)):
        page = browser.get(reverse("admin:ingestion_run_change", args=[runs[tenant].pk]))
        assert page.status_code == status, (tenant, page.status_code)

    connection = runs["acme"].connection
    paused = browser.post(
        reverse("admin:ingestion_connection_pause", args=[connection.pk]), {"reason": "prices change"}
    )
    connection.refresh_from_db()
    assert (paused.status_code, connection.is_paused) == (302, True)
    entry = AuditEntry.objects.for_tenant(acme).get(action="pause")
    assert (entry.actor, entry.actor_name) == (anna, "anna@example.org")

    actions.resume(actions.Actor(anna), connection)
    run = actions.run_now(actions.Actor(anna), connection, wake=False)
    assert Run.objects.for_tenant(acme).get(pk=run.pk).requested_by == anna
    actions.set_credential(actions.Actor(anna), acme, "shop", {"api_key": "k" * 20})
    assert Credential.objects.for_tenant(acme).get().updated_by == anna
    actions.triage(actions.Actor(anna), DeadLetter.objects.for_tenant(acme).get(), "looks odd")

    browser.force_login(root)
    page = browser.get(reverse("admin:ingestion_tenant_change", args=[acme.pk]))
    assert b"anna@example.org" in page.content
    anna.delete()
    assert not TenantGrant.objects.filter(tenant=acme).exists()
    assert AuditEntry.objects.for_tenant(acme).get(action="pause").actor_name == "anna@example.org"
    for table in ("run", "credential", "auditentry"):
        assert browser.get(reverse(f"admin:ingestion_{table}_changelist")).status_code == 200, table


if __name__ == "__main__":
    main()
