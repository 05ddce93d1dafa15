"""The list and the page of reconciliations, and their two verbs."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from ingestion import actions
from ingestion.models import AuditEntry, ReconciledPeriod, Run, Tenant
from ingestion.testing import make_tenant, registered
from tests.app.oracle import Wide
from tests.ingestion.admin.staff import staff
from tests.ingestion.periods import Account, connected, loaded, noon, of, yesterday
from tests.ingestion.runs import OPERATOR


@pytest.fixture
def account(acme: Tenant) -> Account:
    found = Account()
    found.put("p1", "10.50", noon())
    found.put("<b>\u202e", "1", noon())
    found.put("p2", "2.50", noon(), "JPY")
    return found


@pytest.fixture
def breach(acme: Tenant, account: Account) -> Iterator[ReconciledPeriod]:
    with registered(of(account)) as pipeline:
        connection = connected(pipeline, acme)
        loaded(connection)
        Wide.objects.for_tenant(acme).filter(line="EUR").delete()
        eur, _ = actions.reconcile(OPERATOR, connection, yesterday())
        yield eur


def url(name: str, row: ReconciledPeriod) -> str:
    return reverse(f"admin:ingestion_reconciledperiod_{name}", args=[row.pk])


@pytest.mark.slow
def test_the_list_shows_both_sides_and_filters_by_state(console: Client, breach: ReconciledPeriod) -> None:
    listed = reverse("admin:ingestion_reconciledperiod_changelist")

    every = console.get(listed).content.decode()
    bad = console.get(listed, {"state__exact": "breach"}).content.decode()

    assert "2 · 11.5" in every
    assert "JPY" in every
    assert "JPY" not in bad


@pytest.mark.slow
def test_a_page_shows_figures_side_by_side_and_the_ids_escaped(console: Client, breach: ReconciledPeriod) -> None:
    page = console.get(url("change", breach)).content.decode()

    assert "11.5" in page
    assert "&lt;b&gt;\\u202e" in page
    assert "p1" in page
    assert f"manage.py ingest show reconciliation {breach.pk}" in page


def test_check_again_asks_the_source_and_is_audited(
    console: Client, account: Account, breach: ReconciledPeriod
) -> None:
    account.records.pop("p1")
    account.records.pop("<b>\u202e")

    console.post(url("check", breach), {"reason": "they mended it"})

    breach.refresh_from_db()
    assert breach.state == "matched"
    assert AuditEntry.unscoped.filter(action="check period", reason="they mended it", actor__isnull=False).count() == 1


def test_a_source_that_fails_is_shown_on_the_form(console: Client, account: Account, breach: ReconciledPeriod) -> None:
    account.raises.append(TimeoutError("slow"))

    page = console.post(url("check", breach), {"reason": ""}).content.decode()

    assert "TimeoutError: slow" in page


def test_resync_needs_a_reason_and_leads_to_the_backfill(console: Client, breach: ReconciledPeriod) -> None:
    refused = console.post(url("resync", breach), {"reason": ""})
    done = console.post(url("resync", breach), {"reason": "sent late"})

    run = Run.unscoped.get(kind=Run.Kind.BACKFILL, parent=None)
    assert refused.status_code == 200
    assert done.headers["Location"] == reverse("admin:ingestion_run_change", args=[run.pk])
    breach.refresh_from_db()
    assert breach.resync == run


def test_who_only_looks_is_offered_nothing(client: Client, acme: Tenant, breach: ReconciledPeriod) -> None:
    client.force_login(staff("vera", acme, permissions="view"))

    page = client.get(url("change", breach)).content.decode()

    assert url("resync", breach) not in page
    assert client.post(url("resync", breach), {"reason": "x"}).status_code == 403


@pytest.mark.slow
def test_a_connections_page_leads_to_its_reconciliations(console: Client, breach: ReconciledPeriod) -> None:
    page = console.get(reverse("admin:ingestion_connection_change", args=[breach.connection_id])).content.decode()

    assert reverse("admin:ingestion_reconciledperiod_changelist") in page


@pytest.mark.parametrize("name", ["change", "history", "check", "resync"])
@pytest.mark.slow
def test_another_tenants_reconciliation_is_not_there(
    client: Client, account: Account, breach: ReconciledPeriod, name: str
) -> None:
    client.force_login(staff("mallory", make_tenant("globex")))
    asked = len(account.asked)

    shown = client.get(url(name, breach))
    done = client.post(url(name, breach), {"reason": "mine now"})

    assert shown.status_code == 302  # as for one that does not exist
    assert done.status_code in (302, 403)
    assert client.get(reverse("admin:ingestion_reconciledperiod_changelist")).content.decode().count("11.5") == 0
    assert len(account.asked) == asked
    assert not Run.unscoped.filter(kind=Run.Kind.BACKFILL).exists()
