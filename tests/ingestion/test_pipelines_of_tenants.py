"""A pipeline that names its tenants is nobody else's: not offered, not connected, not read, whatever is in the table."""

import dataclasses
import time
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from ingestion import ConfigurationError, Context, Page, Pipeline, actions, endpoints
from ingestion.actions import Actor
from ingestion.checks.connections import check_tenants
from ingestion.core.errors import TenantNotServed
from ingestion.models import Artifact, Connection, Delivery, Run, Tenant
from ingestion.running.dry_run import dry_run
from ingestion.testing import Records, make_tenant, registered
from ingestion.webhooks import new_secret, receiver, sign, standard_webhooks
from integrations.push import Pushed
from tests.app.models import Payment
from tests.app.pipelines import payments
from tests.ingestion.admin.staff import staff, superuser
from tests.ingestion.runs import carry, over

pytestmark = pytest.mark.django_db
SECRET = new_secret()
ADD = reverse("admin:ingestion_connection_add")
asked: list[str] = []


@dataclasses.dataclass(frozen=True)
class Private(Records):
    """Notes for whom it was asked."""

    def extract(self, ctx: Context, checkpoint: object) -> Iterator[Page]:
        asked.append(ctx.tenant.key)
        yield from Records.extract(self, ctx, checkpoint)

    def preview(self, ctx: Context) -> Page:
        return next(self.extract(ctx, None))

    def test(self, ctx: Context) -> str:
        return next(self.extract(ctx, None)) and "yes"


@pytest.fixture
def private() -> Iterator[Pipeline]:
    asked.clear()
    source = Private([{"id": "pay_1", "amount": "1.00"}], files=True)
    with registered(dataclasses.replace(payments, name="app.private", source=source, tenants=["acme"])) as pipeline:
        yield pipeline


@pytest.fixture
def stranger(private: Pipeline) -> Connection:
    """Made before the pipeline named its tenants, or by hand."""
    return Connection.unscoped.create(tenant=make_tenant("globex"), pipeline="app.private")


def test_its_own_tenant_uses_it_as_any_other(private: Pipeline) -> None:
    connection = actions.connect(Actor(), make_tenant("acme"), "app.private")

    assert carry(actions.run_now(Actor(), connection, wake=False)).state == "succeeded"
    assert asked == ["acme"]


def test_another_tenant_cannot_be_connected(private: Pipeline) -> None:
    with pytest.raises(TenantNotServed, match=r"app.private is not for tenant globex"):
        actions.connect(Actor(), make_tenant("globex"), "app.private")
    assert not Connection.unscoped.exists()


def test_a_connection_that_is_there_all_the_same_reads_nothing(stranger: Connection) -> None:
    run = carry(actions.run_now(Actor(), stranger, wake=False))

    assert (run.state, run.error_class) == ("failed", "TenantNotServed")
    for look in (actions.preview, actions.test_connection):
        with pytest.raises(ConfigurationError):
            look(Actor(), stranger)
    with pytest.raises(ConfigurationError):
        dry_run(stranger.tenant, "app.private")
    assert asked == []
    assert not Payment.unscoped.exists()


@pytest.mark.slow
def test_an_upload_is_refused_before_anything_is_kept(stranger: Connection, client: Client) -> None:
    with pytest.raises(TenantNotServed, match="nothing was read or kept"):
        actions.upload(Actor(), stranger, "notes.json", b"[]")

    own = actions.connect(Actor(), make_tenant("acme"), "app.private")
    client.force_login(superuser())
    page = client.get(reverse("admin:ingestion_connection_upload")).content.decode()
    assert f'<option value="{own.pk}"' in page
    assert f'<option value="{stranger.pk}"' not in page
    assert not Artifact.unscoped.exists()


def test_it_has_no_endpoint_for_another_tenant() -> None:
    source = Pushed()
    with registered(over([], source=source)) as pipeline:
        connection = actions.connect(Actor(), make_tenant("globex"), pipeline.name)
        address = endpoints.path_of(connection)
    with registered(over([], source=source, tenants=["acme"])):
        hidden, answer = endpoints.path_of(connection), delivered(connection)
    with registered(over([], source=source, tenants=["globex"])):
        shown, taken = endpoints.path_of(connection), delivered(connection)

    assert (address != "", hidden, shown) == (True, "", address)
    assert (answer.status_code, taken.status_code) == (401, 202)
    assert Delivery.unscoped.count() == 1


def delivered(to: Connection) -> HttpResponse:
    body, now = b'{"id": "rec_0001"}', int(time.time())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(SECRET, "msg_1", now, body),
    }
    view = receiver(standard_webhooks, secrets=lambda pipeline, connection: [SECRET])
    request = RequestFactory().post("/", body, content_type="application/json", headers=headers)
    return view(request, to.tenant.key, to.public_id)


@pytest.mark.slow
def test_the_console_offers_it_to_staff_of_its_tenants_only(private: Pipeline, client: Client) -> None:
    acme, globex = make_tenant("acme"), make_tenant("globex")
    offered = {}
    for name, tenants in {"ann": [acme], "bob": [globex], "both": [acme, globex]}.items():
        client.force_login(staff(name, *tenants))
        offered[name] = "app.private" in client.get(ADD).content.decode()
        client.post(ADD, {"tenant": globex.pk, "pipeline": "app.private"})

    assert offered == {"ann": True, "bob": False, "both": True}
    assert not Connection.unscoped.exists()
    client.post(ADD, {"tenant": acme.pk, "pipeline": "app.private"})
    assert Connection.unscoped.get().tenant == acme


def test_w012_who_is_connected_and_should_not_be_is_named(stranger: Connection, private: Pipeline) -> None:
    actions.connect(Actor(), make_tenant("acme"), "app.private")

    (found,) = check_tenants(databases=["default"])

    assert (found.id, "is not for globex, who" in found.msg) == ("ingestion.W012", True)
    actions.pause(Actor(), stranger, "not theirs")
    assert check_tenants(databases=["default"]) == []


@pytest.mark.parametrize("tenants", [[], "acme"])
def test_tenants_are_a_list_of_keys(tenants: object) -> None:
    with pytest.raises(ConfigurationError, match="must name the keys of tenants"):
        dataclasses.replace(payments, tenants=tenants)


def test_runs_of_a_tenant_that_is_taken_off_end_at_their_next_start(private: Pipeline, acme_run: Run) -> None:
    with registered(dataclasses.replace(private, tenants=["globex"])):
        assert carry(acme_run).error_class == "TenantNotServed"


@pytest.fixture
def acme_run(private: Pipeline) -> Run:
    acme: Tenant = make_tenant("acme")
    return actions.run_now(Actor(), actions.connect(Actor(), acme, "app.private"), wake=False)
