"""A run's credential: read once, taken anew when it was replaced, exchanged for all."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ingestion import Context, Json, Page, Pipeline, Secret, actions
from ingestion.core.errors import ActionRefused, CredentialError, Transient
from ingestion.database.clock import db_now_plus
from ingestion.models import AuditEntry, Connection, Credential, Run, Tenant
from ingestion.redaction import mask
from ingestion.running import Hooks
from ingestion.running.dry_run import dry_run
from ingestion.testing import Records, make_tenant, registered
from ingestion.vault import credentials
from tests.ingestion.runs import OPERATOR, carry, configured, item, items, new_tenant, over, queued
from tests.ingestion.vault.keeping import STORE, stored

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@dataclass(frozen=True)
class Careful:
    """Asks for its credential three times a page, as helpers inside a source would; `seen` is what it got."""

    seen: list[list[Secret]] = field(default_factory=list)
    answer: Callable[[Context], str] | None = None

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for page in Records(items(4), page_size=2).extract(ctx, checkpoint):
            self.seen.append([ctx.credential() for _ in range(3)])
            yield page

    def test(self, ctx: Context) -> str:
        return self.answer(ctx) if self.answer else f"{len(ctx.credential().values)} value"


def careful(**changes: Any) -> tuple[Pipeline, Careful]:
    source = Careful()
    return over([], **{"source": source, "integration": STORE, **changes}), source


@pytest.fixture
def tenant() -> Tenant:
    made = new_tenant()
    stored(made, api_key="first-value")
    return made


def at(point: str, do: Callable[[], object]) -> Hooks:
    """Do something once, when `point` is first passed."""
    waiting = [do]

    def pass_(passed: str) -> None:
        if passed == point and waiting:
            waiting.pop()()

    return Hooks(at=pass_, sleep=lambda seconds: None)


def test_it_is_read_once_and_kept_for_the_run(tenant: Tenant) -> None:
    pipeline, source = careful()
    with registered(pipeline):
        run = carry(queued(pipeline, tenant))

    first = source.seen[0][0]
    assert run.state == Run.State.SUCCEEDED
    assert first == Secret({"api_key": "first-value"}, 1)
    assert all(one is first for page in source.seen for one in page)


def test_a_running_worker_takes_a_new_one_at_its_next_batch(tenant: Tenant) -> None:
    pipeline, source = careful()
    replace = at("committed", lambda: stored(tenant, api_key="second-value"))
    with registered(pipeline):
        carry(queued(pipeline, tenant), replace)

    assert [[one.version for one in page] for page in source.seen] == [[1, 1, 1], [2, 2, 2]]


def test_a_run_whose_credential_is_deleted_stops_and_pauses_its_connection(tenant: Tenant) -> None:
    pipeline, _ = careful()
    row = credentials.row(credentials.Address(tenant.ref, STORE))
    delete = at("committed", lambda: actions.delete_credential(OPERATOR, row))
    with registered(pipeline):
        run = carry(queued(pipeline, tenant), delete)

    assert (run.state, run.error_class, run.read) == (Run.State.FAILED, "CredentialMissing", 2)
    assert Connection.unscoped.get(pk=run.connection_id).paused_reason.startswith("No credential is stored for tenant")


def test_a_tenant_without_one_never_gets_anothers(tenant: Tenant) -> None:
    pipeline, source = careful()
    other = new_tenant()
    with registered(pipeline):
        run = carry(queued(pipeline, other))

    assert (run.error_class, source.seen) == ("CredentialMissing", [])
    assert f"ingest credential set --tenant {other.key} --integration {STORE}" in run.error_message


def test_a_pipeline_that_names_no_integration_is_a_developers_fault(tenant: Tenant) -> None:
    pipeline, _ = careful(integration="")
    with registered(pipeline):
        run = carry(queued(pipeline, tenant))

    assert run.error_class == "ConfigurationError"
    assert not Connection.unscoped.get(pk=run.connection_id).is_paused


def test_a_connection_may_use_another_integration_of_its_own_tenant(tenant: Tenant) -> None:
    stored(tenant, "stripe-eu", api_key="european-value")
    pipeline, source = careful()
    with registered(pipeline):
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        actions.configure(OPERATOR, link, {"integration": "stripe-eu"})
        carry(actions.run_now(OPERATOR, link, wake=False))

    assert source.seen[0][0].values == {"api_key": "european-value"}


def test_a_damaged_one_is_not_used_and_the_reason_is_on_the_connection(tenant: Tenant) -> None:
    from ingestion.models import CredentialVersion

    CredentialVersion.objects.for_tenant(tenant).delete()
    pipeline, source = careful()
    with registered(pipeline):
        run = carry(queued(pipeline, tenant))

    assert (run.error_class, source.seen) == ("CredentialDamaged", [])
    assert "Store the right one again" in Connection.unscoped.get(pk=run.connection_id).paused_reason


def test_what_a_run_exchanges_is_stored_and_used_from_then_on(tenant: Tenant) -> None:
    @dataclass(frozen=True)
    class Expired:
        seen: list[Secret] = field(default_factory=list)

        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            new = ctx.exchange(ctx.credential(), lambda old: {"api_key": f"after {old.values['api_key']}"})
            self.seen.extend([new, ctx.credential()])
            yield from Records([item(1)]).extract(ctx, checkpoint)

    source = Expired()
    with registered(over([], source=source, integration=STORE)) as pipeline:
        run = carry(queued(pipeline, tenant))

    assert run.state == Run.State.SUCCEEDED
    assert source.seen == [Secret({"api_key": "after first-value"}, 2)] * 2
    assert credentials.read(tenant.ref, STORE) == source.seen[0]


def test_a_dry_run_uses_the_real_one(tenant: Tenant) -> None:
    pipeline, source = careful()
    with registered(pipeline):
        report = dry_run(tenant, pipeline)

    assert (report.failure, report.read) == ("", 4)
    assert source.seen[0][0].values == {"api_key": "first-value"}


def test_testing_a_connection_loads_nothing_and_is_audited(tenant: Tenant) -> None:
    pipeline, _ = careful()
    with registered(pipeline):
        link = actions.connect(OPERATOR, tenant, pipeline.name)

        assert actions.test_connection(OPERATOR, link) == "1 value"

    assert AuditEntry.objects.for_tenant(tenant).get(action="test").data == {"outcome": "answered"}
    assert not Run.objects.for_tenant(tenant).exists()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (CredentialError("401"), CredentialError),
        (ConnectionRefusedError("no"), Transient),
        (OSError(errno.EHOSTUNREACH, "no route"), Transient),
        (ZeroDivisionError("a bug"), ZeroDivisionError),
    ],
)
def test_a_test_that_fails_says_why_and_is_audited(tenant: Tenant, raised: Exception, told: type[Exception]) -> None:
    def fail(ctx: Context) -> str:
        raise raised

    with registered(over([], source=Careful(answer=fail), integration=STORE)) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        with pytest.raises(told):
            actions.test_connection(OPERATOR, link)

    assert AuditEntry.objects.for_tenant(tenant).get(action="test").data == {"outcome": type(raised).__name__}


def test_whoever_waits_for_a_test_is_told_soon_what_to_do(tenant: Tenant) -> None:
    def hang(ctx: Context) -> str:
        while ctx.left() > 0:
            pass
        raise Transient("The shop did not answer in time.")

    with registered(over([], source=Careful(answer=hang), integration=STORE)) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        with configured(PREVIEW_SECONDS=0.01), pytest.raises(Transient) as told:
            actions.test_connection(OPERATOR, link)

    assert str(told.value).startswith(
        "The shop did not answer in time. Nobody is kept waiting here for more than 0.01 s"
    )
    assert 'INGESTION["PREVIEW_SECONDS"]' in str(told.value)


def test_nobody_waits_for_another_workers_renewal_in_front_of_a_page(tenant: Tenant) -> None:
    def renew(ctx: Context) -> str:
        return str(ctx.exchange(ctx.credential(), lambda used_up: {"api_key": "second-value"}))

    with registered(over([], source=Careful(answer=renew), integration=STORE)) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        Credential.objects.for_tenant(tenant).update(exchange_token="another", exchange_until=db_now_plus(60))
        with configured(PREVIEW_SECONDS=0.1), pytest.raises(Transient, match=r"more than 0\.1 s"):
            actions.test_connection(OPERATOR, link)


def test_a_source_that_cannot_be_tested_says_so(tenant: Tenant) -> None:
    with registered(over(items(1))) as pipeline:
        link = actions.connect(OPERATOR, tenant, pipeline.name)
        with pytest.raises(ActionRefused, match="cannot be tested"):
            actions.test_connection(OPERATOR, link)


def test_what_a_credential_is_good_for_is_no_secret() -> None:
    """A connection's config names the very host that the credential's `hosts` allows, and log lines show it."""
    tenant = make_tenant()
    values = {"token": "tok_0123456789abcdef", "hosts": "api.shop.example.com"}
    actions.set_credential(actions.Actor(), tenant, "shop", values)
    connection = actions.connect(actions.Actor(), tenant, "app.payments")

    config = {"integration": "shop", "base": "https://api.shop.example.com"}
    actions.configure(actions.Actor(), connection, config)

    assert Connection.objects.for_tenant(tenant).get().config == config
    assert mask("GET api.shop.example.com tok_0123456789abcdef") == "GET api.shop.example.com [secret]"
