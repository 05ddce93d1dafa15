"""Quotas: counted once, warned of once, refused in time; an operator's override is kept with its reason."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from ingestion import ConfigurationError, Context, QuotaExceeded, actions, limits, meter
from ingestion.core import meters
from ingestion.core.errors import ActionRefused, Fenced
from ingestion.models import AuditEntry, QuotaOverride, Run, Spending, Tenant, Usage
from ingestion.running import dry_run
from ingestion.testing import registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.chaos.processes import DyingAt, end, in_child, start_child
from tests.ingestion.runs import OPERATOR, carry, configured, events, finish, items, load, new_tenant, over, queued

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
]

PAGES = "ocr.pages"


@pytest.fixture(autouse=True)
def quotas() -> Iterator[None]:
    meter(PAGES, "Pages read by OCR")
    with configured(QUOTAS={PAGES: {"free": 10, "enterprise": 1000}}):
        yield
    meters.unregister(PAGES)


def used(tenant: Tenant) -> int:
    return limits.used_of(tenant.ref, PAGES)


def reading(pages: int = 1) -> Any:
    """A reader that spends `pages` for every record, as OCR does."""

    def read(body: bytes, ctx: Context) -> bytes:
        ctx.spend(PAGES, pages)
        return body

    return read


def test_what_is_spent_adds_up_and_the_first_too_many_is_refused_and_not_counted() -> None:
    tenant = new_tenant()

    for _ in range(3):
        limits.spend(tenant.ref, PAGES, 3)
    with pytest.raises(QuotaExceeded, match="9 of 10") as raised:
        limits.spend(tenant.ref, PAGES, 2)
    limits.spend(tenant.ref, PAGES, 1)

    assert used(tenant) == 10
    assert raised.value.code == "quota_exceeded"
    assert "ingest quota override" in str(raised.value)


@pytest.mark.slow
def test_processes_that_spend_at_once_stop_exactly_at_the_quota() -> None:
    tenant = new_tenant()
    with configured(QUOTAS={PAGES: {"*": 100}}):

        def work() -> None:
            for _ in range(40):
                try:
                    limits.spend(tenant.ref, PAGES, 1)
                except QuotaExceeded:
                    return

        codes = [end(child) for child in [start_child(work) for _ in range(4)]]

    assert codes == [0] * 4
    assert used(tenant) == 100
    assert Usage.objects.for_tenant(tenant).count() == 1


def test_a_warning_comes_once_at_eighty_percent_and_again_for_a_higher_quota(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tenant = new_tenant()
    with caplog.at_level(logging.WARNING, "ingestion"):
        for _ in range(7):
            limits.spend(tenant.ref, PAGES, 1)
        assert caplog.records == []
        for _ in range(3):
            limits.spend(tenant.ref, PAGES, 1)
        (warning,) = caplog.records
        actions.override_quota(OPERATOR, tenant, PAGES, 20, timezone.now() + timedelta(days=1), "month end")
        limits.spend(tenant.ref, PAGES, 6)

    assert (warning.tenant_id, warning.event) == (tenant.pk, "quota_warning")  # type: ignore[attr-defined]
    assert "8 of 10" in warning.getMessage()
    assert len(caplog.records) == 2


def test_a_new_month_begins_at_nothing() -> None:
    tenant = new_tenant()
    limits.spend(tenant.ref, PAGES, 10, at=datetime(2031, 1, 31, 23, 59, tzinfo=UTC))

    limits.spend(tenant.ref, PAGES, 10, at=datetime(2031, 2, 1, tzinfo=UTC))

    assert [row.used for row in Usage.objects.for_tenant(tenant)] == [10, 10]


def test_a_tier_without_a_quota_is_counted_and_not_limited() -> None:
    tenant = new_tenant()
    Tenant.objects.filter(pk=tenant.pk).update(tier="pro")

    limits.spend(tenant.ref, PAGES, 10**12)

    assert used(tenant) == 10**12


def test_a_quota_of_nothing_refuses_everything() -> None:
    with configured(QUOTAS={PAGES: {"*": 0}}), pytest.raises(QuotaExceeded):
        limits.spend(new_tenant().ref, PAGES, 1)


@pytest.mark.parametrize(("name", "amount"), [("ocr.page", 1), (PAGES, -1)])
def test_an_unknown_meter_and_a_negative_amount_are_mistakes(name: str, amount: int) -> None:
    with pytest.raises(ConfigurationError):
        limits.spend(new_tenant().ref, name, amount)


def test_a_tenants_usage_quota_and_override_are_its_own() -> None:
    one, other = new_tenant(), new_tenant()
    limits.spend(one.ref, PAGES, 10)
    actions.override_quota(OPERATOR, other, PAGES, 99, timezone.now() + timedelta(days=1), "trial")

    with pytest.raises(QuotaExceeded, match=one.key):
        limits.spend(one.ref, PAGES, 1)
    limits.spend(other.ref, PAGES, 50)

    assert (used(one), used(other)) == (10, 50)


@pytest.mark.slow
def test_a_run_spends_for_every_record_and_stops_at_the_quota_with_its_checkpoint_kept() -> None:
    run = load(over(items(25), page=4, reader=reading()))

    assert (run.state, run.error_class, run.read, run.dead) == (Run.State.FAILED, "QuotaExceeded", 8, 0)
    assert used(run.tenant) == 10
    assert "quota warning" in events(run)
    assert run.slot_key is None


@pytest.mark.slow
def test_a_batch_that_is_tried_again_after_a_crash_is_not_counted_twice() -> None:
    with registered(over(items(8), page=4, reader=reading())) as pipeline:
        for point in ("prepared", "before commit", "committed"):
            run = queued(pipeline)
            in_child(lambda run=run, point=point: carry(run, DyingAt(point).hooks))  # type: ignore[misc]
            finish(run)

            assert run.state == Run.State.SUCCEEDED
            assert used(run.tenant) == 8
            assert Spending.objects.for_tenant(run.tenant).get(run=run).total == 8


@pytest.mark.slow
def test_a_search_for_a_record_that_kills_counts_nothing_more() -> None:
    def deadly(body: bytes, ctx: Context) -> bytes:
        ctx.spend(PAGES, 1)
        if b"rec_0003" in body:
            import os

            os._exit(9)
        return body

    with registered(over(items(4), page=4, reader=deadly)) as pipeline:
        run = queued(pipeline)
        for _ in range(10):
            run.refresh_from_db()
            if run.state in Run.TERMINAL:
                break
            from tests.ingestion.runs import expire

            expire(run)
            in_child(lambda: carry(run))

    run.refresh_from_db()
    assert (run.state, run.dead) == (Run.State.PARTIAL, 1)
    assert used(run.tenant) == 3


def test_a_worker_that_comes_back_from_the_dead_cannot_spoil_the_count() -> None:
    run = queued_run()
    batch = [3]
    live, zombie = limits.RunMeter(run, lambda: batch[0]), limits.RunMeter(run, lambda: 1)
    live(PAGES, 5)

    with pytest.raises(Fenced):
        zombie(PAGES, 2)
    limits.RunMeter(run, lambda: 3)(PAGES, 5)

    assert used(run.tenant) == 5


def queued_run() -> Run:
    with registered(over(items(1))) as pipeline:
        return queued(pipeline)


def test_a_dry_run_is_refused_at_the_quota_and_counts_nothing() -> None:
    tenant = new_tenant()
    pipeline = over(items(5), page=2, reader=reading(2))

    before = dry_run.dry_run(tenant, pipeline)
    counted = used(tenant)
    limits.spend(tenant.ref, PAGES, 9)
    after = dry_run.dry_run(tenant, pipeline)

    assert (before.failure, counted) == ("", 0)
    assert after.failure.startswith("QuotaExceeded")
    assert used(tenant) == 9


def test_an_override_holds_until_it_expires_or_ends_and_all_of_it_is_in_the_audit_trail() -> None:
    tenant = new_tenant()
    made = actions.override_quota(OPERATOR, tenant, PAGES, 15, timezone.now() + timedelta(days=1), "month end")
    limits.spend(tenant.ref, PAGES, 15)

    actions.end_override(OPERATOR, made, "done")
    with pytest.raises(QuotaExceeded, match="15 of 10"):
        limits.spend(tenant.ref, PAGES, 1)
    with pytest.raises(ActionRefused):
        actions.end_override(OPERATOR, made)

    trail = AuditEntry.objects.for_tenant(tenant).order_by("pk")
    assert [(entry.action, entry.reason) for entry in trail] == [
        ("override quota", "month end"),
        ("end quota override", "done"),
    ]


@pytest.mark.parametrize(
    ("limit", "days", "reason"), [(-1, 1, "x"), (2**63, 1, "x"), (5, -1, "x"), (5, 1, "")], ids=str
)
def test_an_override_that_makes_no_sense_is_refused(limit: int, days: int, reason: str) -> None:
    tenant = new_tenant()

    with pytest.raises(ActionRefused):
        actions.override_quota(OPERATOR, tenant, PAGES, limit, timezone.now() + timedelta(days=days), reason)

    assert not QuotaOverride.objects.for_tenant(tenant).exists()


def test_overriding_needs_its_own_permission_and_the_tenants_grant() -> None:
    tenant, other = new_tenant(), new_tenant()
    looker = staff(f"looker{tenant.pk}", tenant, permissions="view")
    stranger = staff(f"stranger{tenant.pk}", other, permissions=["override_quota"])

    for user in (looker, stranger):
        with pytest.raises(PermissionDenied):
            actions.override_quota(actions.Actor(user), tenant, PAGES, 5, timezone.now() + timedelta(days=1), "because")


def test_meters_are_declared_once() -> None:
    meter(PAGES, "Pages read by OCR")

    with pytest.raises(ConfigurationError, match="twice"):
        meter(PAGES, "Something else")
    with pytest.raises(ConfigurationError, match="name of a meter"):
        meter("not a name", "x")
