"""The mixin by itself: what kinds and projects get when they compose their own pages of it."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory

from ingestion.admin import TenantForm, TenantScoped, only_own
from ingestion.admin.kit.filters import scoped_filter
from ingestion.models import Connection, DeadLetter, Event, Heartbeat, Run, Tenant, TenantGrant, Watermark
from tests.ingestion.admin.furnish import furnish
from tests.ingestion.admin.staff import staff

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.ingestion.admin.sites")]


@pytest.fixture
def tenants(db: None) -> tuple[Tenant, Tenant]:
    return furnish("own", "OwnThings", 1), furnish("theirs", "TheirThings", 1)


def first(model: Any, tenant: Tenant) -> Any:
    return model.unscoped.filter(tenant=tenant).first()


def mark(tenant: Tenant, connection: Connection) -> dict[str, Any]:
    """The form of a watermark."""
    return {
        "tenant": tenant.pk, "connection": connection.pk, "value_0": "2026-01-31", "value_1": "00:00", "reason": "x",
    }  # fmt: skip


@pytest.mark.slow
def test_staff_of_both_tenants_cannot_mix_their_rows(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    own, theirs = tenants
    client.force_login(staff("both", own, theirs))
    before = Watermark.unscoped.count()

    mixed = client.post("/scoped/ingestion/watermark/add/", mark(own, first(Connection, theirs)))
    clean = client.post("/scoped/ingestion/watermark/add/", mark(own, first(Connection, own)))

    assert "This belongs to another tenant." in mixed.content.decode()
    assert clean.status_code == 302
    assert Watermark.unscoped.count() == before + 1


def test_a_row_never_moves_to_another_tenant(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    own, theirs = tenants
    client.force_login(staff("both", own, theirs))
    mine = first(Watermark, own)

    client.post(f"/scoped/ingestion/watermark/{mine.pk}/change/", mark(theirs, first(Connection, theirs)))

    mine.refresh_from_db()
    assert mine.tenant == own


def test_a_new_row_of_an_inline_gets_the_tenant_of_its_parent(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    own, theirs = tenants
    client.force_login(staff("olga", own))
    run = first(Run, own)
    inline = {"events-TOTAL_FORMS": 1, "events-INITIAL_FORMS": 0, "events-0-name": "seen", "events-0-data": "{}"}
    inline["events-0-tenant"] = theirs.pk

    values = {"connection": run.connection_id, "pipeline": run.pipeline, "kind": run.kind, **inline}
    answer = client.post(f"/scoped/ingestion/run/{run.pk}/change/", values)

    assert answer.status_code == 302
    assert Event.unscoped.get(name="seen").tenant == own


@pytest.mark.slow
def test_deleting_does_not_show_or_take_rows_of_another_tenant(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    """Rows that point across tenants cannot be made here; were they made elsewhere, nothing of them may be seen."""
    own, theirs = tenants
    client.force_login(staff("olga", own))
    run = Run.unscoped.create(tenant=own, connection=first(Connection, own), pipeline="app.payments", kind="manual")
    Event.unscoped.create(tenant=theirs, run=run, name="TheirThings across")
    delete = f"/scoped/ingestion/run/{run.pk}/delete/"

    page = client.get(delete).content.decode()
    refused = client.post(delete, {"post": "yes"})

    assert "TheirThings" not in page
    assert "Rows that you may not see depend on this." in page
    assert refused.status_code in (200, 403)
    assert Run.unscoped.filter(pk=run.pk).exists()


def test_own_rows_without_foreign_ones_can_be_deleted(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    own, _ = tenants
    client.force_login(staff("olga", own))
    mine = first(Watermark, own)

    client.post(f"/scoped/ingestion/watermark/{mine.pk}/delete/", {"post": "yes"})

    assert not Watermark.unscoped.filter(pk=mine.pk).exists()


def test_a_grant_without_the_model_permission_shows_nothing(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    client.force_login(staff("bare", tenants[0], permissions=[]))

    assert client.get("/admin/ingestion/run/").status_code == 403


@pytest.mark.slow
def test_a_grant_taken_away_takes_effect_at_once(client: Client, tenants: tuple[Tenant, Tenant]) -> None:
    own, _ = tenants
    client.force_login(staff("olga", own))
    page = f"/admin/ingestion/run/{first(Run, own).pk}/change/"
    assert client.get(page).status_code == 200

    TenantGrant.objects.all().delete()

    assert client.get(page).status_code == 302


@pytest.mark.slow
def test_a_projects_own_rule_replaces_the_grants(client: Client, tenants: tuple[Tenant, Tenant], settings: Any) -> None:
    own, theirs = tenants
    client.force_login(staff("olga", own))
    settings.INGESTION = {"TENANTS_FOR_USER": "tests.ingestion.admin.test_scoped.only_theirs"}

    page = client.get("/admin/ingestion/tenant/").content.decode()

    assert theirs.name in page
    assert own.name not in page


def only_theirs(user: Any) -> list[int]:
    return list(Tenant.objects.filter(key="theirs").values_list("pk", flat=True))


def test_staff_see_the_accounts_that_share_a_tenant_with_them(tenants: tuple[Tenant, Tenant]) -> None:
    own, theirs = tenants
    olga, _vera, _hugo = staff("olga", own), staff("vera", own, theirs), staff("hugo", theirs)

    seen = only_own(get_user_model().objects.order_by("username"), olga)

    assert [user.username for user in seen] == ["olga", "vera"]


def test_a_filter_that_would_list_every_tenants_values_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="the values of all tenants"):
        scoped_filter(DeadLetter, "connection__pipeline")


def test_a_foreign_key_filter_of_somebody_elses_is_scoped_too(tenants: tuple[Tenant, Tenant]) -> None:
    """Also a subclass that knows nothing of tenants."""
    own, _ = tenants

    class Theirs(admin.RelatedFieldListFilter):
        pass

    request = RequestFactory().get("/")
    request.user = staff("olga", own)
    _path, given = scoped_filter(Watermark, ("connection", Theirs))
    field = Watermark._meta.get_field("connection")
    shown = given(field, request, {}, Watermark, admin.site._registry[Watermark], "connection")

    assert issubclass(given, Theirs)
    assert [pk for pk, _label in shown.lookup_choices] == [first(Connection, own).pk]


def test_a_page_that_cannot_be_scoped_is_reported_by_the_system_check() -> None:
    class Ownerless(TenantScoped, admin.ModelAdmin):
        pass

    class Careless(TenantScoped, admin.ModelAdmin):
        from django.forms import ModelForm as form  # noqa: N813

    found = [*Ownerless(Heartbeat, admin.site).check(), *Careless(Run, admin.site).check()]

    assert [message.id for message in found] == ["ingestion.E101", "ingestion.E102"]
    assert issubclass(TenantScoped.form, TenantForm)
