"""What a theme must leave of the console. Run by `test_themes`, once for each theme, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.actions import Actor
from ingestion.models import Artifact, DeadLetter
from ingestion.testing import make_tenant, own_storage, run_pipeline
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import superuser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.django_db(transaction=True)


def test_whatever_may_be_done_is_there_to_be_clicked(browser: Browser, live_server: Any, client: Client) -> None:
    acme = make_tenant("acme")
    with own_storage():
        run = run_pipeline(payments, acme, records=[{"id": "odd_1", "amount": "much"}])
        credential = actions.set_credential(Actor(), acme, "shop", {"api_key": "k" * 20})
        dead_letter = DeadLetter.objects.for_tenant(acme).get()
        artifact = Artifact.objects.for_tenant(acme).first()
        wanted = {
            ("connection", run.connection_id): ("Pause", "Run now"),
            ("deadletter", dead_letter.pk): ("Triage", "Abandon"),
            ("credential", credential.pk): ("Delete",),
            ("artifact", artifact.pk): ("Download",),
            ("connection", None): ("Upload a file",),
            ("deadletter", None): ("By cause",),
        }
        client.force_login(superuser())
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        session = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
        context.add_cookies([{**session, "url": live_server.url}])
        page = context.new_page()
        missing = []
        for (table, pk), verbs in wanted.items():
            view = "change" if pk else "changelist"
            page.goto(live_server.url + reverse(f"admin:ingestion_{table}_{view}", args=[pk] if pk else []))
            links = [page.get_by_role("link", name=verb).last for verb in verbs]
            missing += [f"{table}: {verb}" for verb, link in zip(verbs, links, strict=True) if not link.is_visible()]
        page.goto(live_server.url + reverse("admin:ingestion_connection_change", args=[run.connection_id]))
        page.get_by_role("link", name="Pause").last.click()
        page.wait_for_url("**/pause/")

    assert missing == []
    assert "pause" in page.content().lower()
