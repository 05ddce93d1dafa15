"""Credentials in the console: stored, dated, deleted and tried out, never shown."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from ingestion import Context, CredentialError, Json, Page, actions
from ingestion.actions import Actor
from ingestion.admin.pages.credentials import CredentialAdmin
from ingestion.models import AuditEntry, Credential, Tenant
from ingestion.testing import make_tenant, registered
from ingestion.vault import credentials
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff, superuser
from tests.ingestion.vault.keeping import master_key, under

LIST = reverse("admin:ingestion_credential_changelist")
ADD = reverse("admin:ingestion_credential_add")


@pytest.fixture
def credential(acme: Tenant) -> Credential:
    return actions.set_credential(Actor(), acme, "stripe", {"api_key": "sk_test_abcdefgh4242"})


def at(verb: str, credential: Credential) -> str:
    return reverse(f"admin:ingestion_credential_{verb}", args=[credential.pk])


def values_of(tenant: Tenant, integration: str = "stripe") -> dict[str, str]:
    return dict(credentials.read(tenant.ref, integration).values)


def test_the_list_shows_the_last_four_characters_the_age_and_no_value(console: Client, credential: Credential) -> None:
    page = console.get(LIST).content.decode()

    assert "api_key …4242" in page
    assert "just now" in page
    assert "sk_test" not in page


def test_the_list_warns_of_what_expires_soon_or_has(console: Client, credential: Credential, acme: Tenant) -> None:
    actions.set_credential(Actor(), acme, "rest", {"token": "x" * 20}, expires_at=timezone.now() + timedelta(days=3))
    actions.expire_credential(Actor(), credential, timezone.now() - timedelta(days=1))

    page = console.get(LIST).content.decode()
    soon = console.get(LIST, {"expiry": "soon"}).content.decode()

    assert '<span class="sg-badge sg-failed">expired ' in page
    assert '<span class="sg-badge sg-late">expires ' in page
    assert ("token …" in soon, "4242" in soon) == (True, False)


def test_a_credential_is_stored_through_the_form(console: Client, acme: Tenant) -> None:
    sent = {
        "tenant": acme.pk,
        "integration": "rest",
        "values": "user=ada\npassword=p=1 ",
        "expires_at": "2030-01-31T00:00",
    }

    answer = console.post(ADD, sent)

    made = Credential.objects.for_tenant(acme).get()
    assert answer.headers["Location"] == at("change", made)
    assert values_of(acme, "rest") == {"user": "ada", "password": "p=1"}
    assert (made.expires_at, str(made.updated_by)) == (datetime(2030, 1, 31, tzinfo=UTC), "olga")
    assert AuditEntry.unscoped.get().actor_name == "olga"


def test_a_value_of_several_lines_is_stored_as_json(console: Client, acme: Tenant) -> None:
    console.post(ADD, {"tenant": acme.pk, "integration": "rest", "values": '{"key": "-----BEGIN\\nabc\\n-----END"}'})

    assert values_of(acme, "rest") == {"key": "-----BEGIN\nabc\n-----END"}


def test_no_credential_can_be_stored_for_another_tenant(console: Client) -> None:
    globex = make_tenant("globex")

    page = console.post(ADD, {"tenant": globex.pk, "integration": "stripe", "values": "api_key=planted"})

    assert "Select a valid choice" in page.content.decode()
    assert not Credential.unscoped.exists()


@pytest.mark.parametrize("values", ["", "just-a-token", "{", '{"a": 1}', "a b=c", "a=1\na=2"])
def test_what_is_no_list_of_values_is_explained_and_not_repeated(console: Client, acme: Tenant, values: str) -> None:
    page = console.post(ADD, {"tenant": acme.pk, "integration": "rest", "values": values}).content.decode()

    assert "errorlist" in page
    assert "just-a-token" not in page
    assert not Credential.unscoped.exists()


def test_the_page_shows_no_value_and_offers_the_verbs(console: Client, credential: Credential) -> None:
    page = console.get(at("change", credential)).content.decode()

    assert "1 (set)" in page
    assert "sk_test" not in page
    assert all(at(verb, credential) in page for verb in ("replace", "expire", "remove"))


@pytest.mark.slow
def test_replacing_takes_new_values_in_the_place_of_all_old_ones(console: Client, credential: Credential) -> None:
    answer = console.post(at("replace", credential), {"values": "token=new-value", "reason": "leaked"}, follow=True)

    assert "Version 2 is stored" in answer.content.decode()
    assert values_of(credential.tenant) == {"token": "new-value"}
    assert AuditEntry.unscoped.filter(action="set credential").order_by("-pk")[0].reason == "leaked"


@pytest.mark.slow
def test_replacing_some_values_keeps_the_others_unseen(console: Client, credential: Credential) -> None:
    until = timezone.now() + timedelta(days=90)
    actions.expire_credential(Actor(), credential, until)
    sent = {"values": "webhook_secret=whsec_1\napi_key=", "keep": "on"}

    answer = console.post(at("replace", credential), sent, follow=True)

    assert "Version 2 is stored" in answer.content.decode()
    assert "sk_test" not in answer.content.decode()
    assert values_of(credential.tenant) == {"api_key": "sk_test_abcdefgh4242", "webhook_secret": "whsec_1"}
    credential.refresh_from_db()
    assert (credential.expires_at, credential.last_four["api_key"]) == (until, "4242")
    noted = AuditEntry.unscoped.filter(action="set credential").order_by("-pk")[0].data
    assert (noted["names"], noted["kept"]) == (["webhook_secret"], ["api_key"])


@pytest.mark.parametrize("name", ["hosts", "accounts", "auth", "methods"])
@pytest.mark.slow
def test_staff_cannot_send_kept_secrets_elsewhere(console: Client, credential: Credential, name: str) -> None:
    """Whoever does not know a secret could have it sent to a server of theirs."""
    boss = Client()
    boss.force_login(superuser("boss"))
    elsewhere = {"values": f"{name}=evil.example", "keep": "on"}

    answer = console.post(at("replace", credential), elsewhere, follow=True)

    assert "Give the secrets anew together with it" in answer.content.decode()
    assert values_of(credential.tenant) == {"api_key": "sk_test_abcdefgh4242"}
    console.post(at("replace", credential), {**elsewhere, "values": f"api_key=sk-own\n{name}=evil.example"})
    assert values_of(credential.tenant) == {"api_key": "sk-own", name: "evil.example"}
    console.post(at("replace", credential), {"values": f"token=second\n{name}=evil.example", "keep": "on"})
    assert values_of(credential.tenant) == {"api_key": "sk-own", "token": "second", name: "evil.example"}
    boss.post(at("replace", credential), {"values": f"{name}=good.example", "keep": "on"})
    assert values_of(credential.tenant) == {"api_key": "sk-own", "token": "second", name: "good.example"}


def test_the_expiry_date_alone_can_be_set_and_taken_away(console: Client, credential: Credential) -> None:
    console.post(at("expire", credential), {"expires_at": "2030-01-31T00:00"})
    credential.refresh_from_db()
    assert credential.expires_at == datetime(2030, 1, 31, tzinfo=UTC)

    console.post(at("expire", credential), {"expires_at": ""})
    credential.refresh_from_db()
    assert (credential.expires_at, credential.version) == (None, 1)


def test_deleting_needs_a_reason_and_leads_back_to_the_list(console: Client, credential: Credential) -> None:
    console.post(at("remove", credential), {"reason": ""})
    assert Credential.unscoped.exists()

    answer = console.post(at("remove", credential), {"reason": "contract ended"})

    assert answer.headers["Location"] == LIST
    assert not Credential.unscoped.exists()
    assert AuditEntry.unscoped.get(action="delete credential").reason == "contract ended"


def test_a_wish_to_save_as_new_adds_no_row(console: Client, credential: Credential) -> None:
    answer = console.post(at("change", credential), {"_saveasnew": "1"})

    assert answer.status_code == 403
    assert Credential.unscoped.count() == 1


def test_staff_who_may_only_look_change_nothing(client: Client, credential: Credential) -> None:
    client.force_login(staff("vera", credential.tenant, permissions="view"))

    shown = client.get(at("change", credential)).content.decode()
    sent = {
        "values": "token=planted",
        "expires_at": "",
        "reason": "x",
        "tenant": credential.tenant_id,
        "integration": "z",
    }
    refused = [client.post(page, sent) for page in (*(at(v, credential) for v in ("replace", "expire", "remove")), ADD)]

    assert "object-tools" not in shown
    assert {answer.status_code for answer in refused} == {403}
    assert values_of(credential.tenant) == {"api_key": "sk_test_abcdefgh4242"}


def test_what_was_typed_is_left_out_of_error_reports(acme: Tenant) -> None:
    from django.contrib import admin
    from django.views.debug import SafeExceptionReporterFilter

    request = RequestFactory().post(ADD, {"values": "api_key=typed"})
    request.user = staff("stray", permissions=[])  # refused, but the request is marked by then

    with pytest.raises(PermissionDenied):
        CredentialAdmin(Credential, admin.site).add_view(request)

    assert SafeExceptionReporterFilter().get_post_parameters(request)["values"] != "api_key=typed"


@dataclasses.dataclass(frozen=True)
class Bank:
    """Says what the test wants."""

    refuses: bool = False

    def extract(self, ctx: Context, checkpoint: Json) -> list[Page]:
        return []

    def test(self, ctx: Context) -> str:
        if self.refuses:
            raise CredentialError("401 for key sk_test_abcdefgh4242")
        return f"hello, {ctx.credential().values['api_key']}"


@pytest.mark.parametrize(
    ("bank", "said"), [(Bank(), "It works: hello, [secret]"), (Bank(refuses=True), "401 for key sk_test_abcdefgh4242")]
)
@pytest.mark.slow
def test_a_connection_is_tested_from_its_page(console: Client, credential: Credential, bank: Bank, said: str) -> None:
    with registered(dataclasses.replace(payments, source=bank, integration="stripe")):
        link = actions.connect(Actor(), credential.tenant, "app.payments")
        if bank.refuses:
            credentials.read(credential.tenant.ref, "stripe")
            said = "401 for key [secret]"
        path = reverse("admin:ingestion_connection_test", args=[link.pk])
        offered = console.get(reverse("admin:ingestion_connection_change", args=[link.pk])).content.decode()

        answer = console.post(path, {"reason": ""}, follow=True)

    assert path in offered
    assert said in answer.content.decode()


def test_a_connection_whose_source_cannot_be_tested_offers_no_test(console: Client, acme: Tenant) -> None:
    link = actions.connect(Actor(), acme, "app.payments")

    page = console.get(reverse("admin:ingestion_connection_change", args=[link.pk])).content.decode()

    assert reverse("admin:ingestion_connection_test", args=[link.pk]) not in page


def test_a_superuser_replaces_keys_and_sees_what_is_under_each(client: Client, acme: Tenant, redis: Redis) -> None:
    old, new = master_key(), master_key()
    with under(old=old):
        actions.set_credential(Actor(), acme, "stripe", {"api_key": "sk-first"})
    client.force_login(superuser())
    page = reverse("admin:ingestion_credential_keys")

    with under(new=new, old=old):
        before = client.get(page).content.decode()
        after = client.post(page, follow=True).content.decode()

    assert "1 tenant is to be brought under the first master key" in before
    assert "1 tenant has fresh keys." in after
    assert "Nothing is left to do." in after
    assert "may be taken out of the settings" in after


def test_a_master_key_that_is_missing_is_named_on_the_keys_page(client: Client, acme: Tenant, redis: Redis) -> None:
    with under(old=master_key()):
        actions.set_credential(Actor(), acme, "stripe", {"api_key": "sk-first"})
    client.force_login(superuser())

    with under(new=master_key()):
        page = client.post(reverse("admin:ingestion_credential_keys"), follow=True).content.decode()

    assert "not in the settings: put it back" in page
    assert "is not in INGESTION" in page


def test_staff_have_nothing_to_do_with_keys(console: Client, credential: Credential) -> None:
    page = reverse("admin:ingestion_credential_keys")

    assert {console.get(page).status_code, console.post(page).status_code} == {403}
    assert page not in console.get(LIST).content.decode()
