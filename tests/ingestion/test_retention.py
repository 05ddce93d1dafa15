"""What `ingest sweep` forgets: rows kept long enough, tenant by tenant, in batches; also of kinds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from ingestion import ConfigurationError
from ingestion.conf import config
from ingestion.models import Delivery, Run, Spending, Tenant
from ingestion.retention import Retention, prune, retain, retentions
from ingestion.testing import make_tenant
from integrations.stripe.models import StripeEvent
from tests.ingestion.runs import configured, items, load, over

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]
NOW = timezone.now()


@pytest.fixture
def run() -> Run:
    return load(over(items(1)))


def forget(name: str, tenant: Tenant) -> int:
    return prune(tenant, next(one for one in retentions() if one.name == name), chunk=2)


def deliver(run: Run, key: str, **values: object) -> None:
    Delivery.unscoped.create(
        tenant=run.tenant, connection=run.connection, delivery_id=key, body=b"{}", sha256="", size=2, **values
    )


def test_only_deliveries_done_long_ago_are_forgotten(run: Run) -> None:
    for number in range(3):
        deliver(run, f"old-{number}", state="done", done_at=NOW - timedelta(days=31))
    deliver(run, "new", state="done", done_at=NOW, received_at=NOW - timedelta(days=31))
    deliver(run, "pending", received_at=NOW - timedelta(days=31))

    assert forget("deliveries", make_tenant("globex")) == 0
    assert forget("deliveries", run.tenant) == 3
    assert set(Delivery.unscoped.values_list("delivery_id", flat=True)) == {"new", "pending"}


def test_what_a_run_spent_is_forgotten_once_it_ended_long_ago(run: Run) -> None:
    going_on = load(over(items(1)))
    for one in (run, going_on):
        Spending.unscoped.create(tenant=one.tenant, run=one, meter="ocr.pages")
    Run.unscoped.update(finished_at=NOW - timedelta(days=91))
    Run.unscoped.filter(pk=going_on.pk).update(state=Run.State.QUEUED)

    assert [forget("spendings", one.tenant) for one in (run, going_on)] == [1, 0]
    assert Spending.unscoped.get().run_id == going_on.pk


def test_a_kind_s_rows_are_forgotten_after_the_days_that_the_settings_say(run: Run) -> None:
    for number in range(5):
        StripeEvent.unscoped.create(
            tenant=run.tenant, run=run, digest=b"", loaded_at=NOW, external_id=f"evt_{number}", type="charge.updated",
            created_at=NOW - timedelta(days=10 * number), verdict="unknown",
        )  # fmt: skip

    assert forget("stripe_events", run.tenant) == 0
    with configured(KEEP_DAYS={"stripe_events": 5}):
        assert forget("stripe_events", run.tenant) == 4
    assert StripeEvent.unscoped.get().external_id == "evt_0"


@pytest.mark.parametrize("days", [0, -1, 1e6, float("inf"), float("nan")])
def test_what_no_date_can_be_reckoned_from_is_refused_before_anything_is_swept(days: float) -> None:
    with configured(KEEP_DAYS={"deliveries": days}), pytest.raises(ImproperlyConfigured, match="KEEP_DAYS"):
        config()
    with pytest.raises(ConfigurationError, match="up to 36500"):
        retain(Retention("nonsense", Delivery, "received_at", days))
    assert "nonsense" not in [one.name for one in retentions()]


def test_a_hundred_years_can_be_kept(run: Run) -> None:
    with configured(KEEP_DAYS={"deliveries": 36_500}):
        assert forget("deliveries", run.tenant) == 0


def test_a_name_is_declared_once() -> None:
    known = next(one for one in retentions() if one.name == "deliveries")

    retain(known)
    with pytest.raises(ConfigurationError, match="declared twice"):
        retain(Retention("deliveries", Delivery, "received_at", 1))
