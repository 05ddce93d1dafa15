"""A period in breach is read again as a backfill, and then checked again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.exceptions import PermissionDenied
from redis import Redis

from ingestion import actions, jobs, queueing, reconciling, scheduling
from ingestion.core.errors import ActionRefused
from ingestion.database.clock import db_now_plus
from ingestion.models import AuditEntry, Connection, ReconciledPeriod, Run
from ingestion.testing import make_tenant, registered
from tests.app.oracle import Wide
from tests.ingestion.admin.staff import staff
from tests.ingestion.chaos.processes import in_child
from tests.ingestion.periods import Account, connected, loaded, noon, of, states, verdicts, yesterday
from tests.ingestion.runs import OPERATOR, carry, new_tenant

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.fixture
def account() -> Account:
    found = Account()
    found.put("p1", "10.50", noon())
    found.put("p2", "2.50", noon())
    return found


@pytest.fixture
def connection(account: Account) -> Iterator[Connection]:
    with registered(of(account)) as pipeline:
        found = connected(pipeline)
        loaded(found)
        yield found


@pytest.fixture
def breach(connection: Connection) -> ReconciledPeriod:
    Wide.objects.for_tenant(connection.tenant).filter(external_id="p1").delete()
    (row,) = actions.reconcile(OPERATOR, connection, yesterday(), reason="monthly")
    assert row.state == "breach"
    return row


def carry_shards(parent: Run) -> None:
    for shard in Run.unscoped.filter(parent=parent):
        carry(shard)


@pytest.mark.slow
def test_a_resync_reads_the_period_and_the_next_turn_finds_it_matched(breach: ReconciledPeriod) -> None:
    run = actions.resync(OPERATOR, breach, reason="they sent it late", wake=False)
    assert reconciling.due_periods(breach.connection) == [yesterday(1), yesterday(2)]
    carry_shards(run)
    breach.refresh_from_db()

    reconciling.check_due_periods(breach.connection_id)

    assert (run.kind, run.window_start, run.window_end) == (Run.Kind.BACKFILL, breach.start, breach.end)
    assert breach.resync == run
    assert states(breach.connection) == {"EUR": "matched"}


@pytest.mark.slow
def test_an_old_period_is_checked_again_after_its_resync(connection: Connection, account: Account) -> None:
    account.put("old", "1", noon(50))
    (row,) = actions.reconcile(OPERATOR, connection, yesterday(50))
    assert row.state == "breach"

    carry_shards(actions.resync(OPERATOR, row, reason="late", wake=False))

    assert reconciling.due_periods(connection)[-1] == yesterday(50)
    reconciling.check_due_periods(connection.pk)
    row.refresh_from_db()
    assert row.state == "matched"


@pytest.mark.slow
def test_a_period_that_its_resync_did_not_mend_is_not_checked_at_each_turn(
    connection: Connection, account: Account
) -> None:
    account.put("old", "1", noon(50))
    (row,) = actions.reconcile(OPERATOR, connection, yesterday(50))
    carry_shards(actions.resync(OPERATOR, row, reason="late", wake=False))
    Wide.objects.for_tenant(connection.tenant).filter(external_id="old").delete()

    reconciling.check_due_periods(connection.pk)

    row.refresh_from_db()
    assert row.state == "breach"
    assert yesterday(50) not in reconciling.due_periods(connection)


def test_what_is_matched_is_not_read_again(connection: Connection) -> None:
    (row,) = actions.reconcile(OPERATOR, connection, yesterday())

    with pytest.raises(ActionRefused, match="nothing to mend"):
        actions.resync(OPERATOR, row, reason="why not")


def test_a_resync_without_a_reason_leaves_nothing(breach: ReconciledPeriod) -> None:
    with pytest.raises(ActionRefused, match="Say why"):
        actions.resync(OPERATOR, breach, reason="")

    assert not Run.unscoped.filter(connection=breach.connection, kind=Run.Kind.BACKFILL).exists()


def test_a_check_is_audited_with_its_outcome_also_when_it_failed(account: Account, breach: ReconciledPeriod) -> None:
    account.raises.append(TimeoutError())
    with pytest.raises(Exception, match="TimeoutError"):
        actions.reconcile(OPERATOR, breach.connection, yesterday())

    asked = AuditEntry.objects.for_tenant(breach.tenant).filter(action="check period").order_by("pk")
    assert [(one.reason, one.data["outcome"]) for one in asked] == [("monthly", "breach"), ("", "Transient")]


def test_another_tenants_staff_may_do_neither(breach: ReconciledPeriod) -> None:
    actor = actions.Actor(staff(f"mallory{breach.pk}", make_tenant(f"other{breach.pk}")))

    with pytest.raises(PermissionDenied):
        actions.reconcile(actor, breach.connection, yesterday())
    with pytest.raises(PermissionDenied):
        actions.resync(actor, breach, reason="mine now")


@pytest.mark.slow
def test_the_tick_hints_a_worker_once_with_an_id_and_nothing_else(connection: Connection, redis: Redis) -> None:
    Connection.unscoped.exclude(pk=connection.pk).update(next_check=db_now_plus(9999))
    redis.delete("rq:queue:ingestion-free")

    scheduling.tick()
    scheduling.tick()

    jobs_ = [one.decode() for one in redis.lrange("rq:queue:ingestion-free", 0, -1)]  # type: ignore[union-attr]
    assert [one for one in jobs_ if "periods" in one] == [f"periods-{connection.pk}"]


@pytest.mark.slow
def test_a_worker_checks_what_it_is_hinted_at(connection: Connection, redis: Redis) -> None:
    redis.delete("rq:queue:ingestion-free")
    queueing.wake_for_periods(connection.pk, connection.tenant.tier)

    assert in_child(lambda: jobs.work("ingestion-free", burst=True)) == 0

    assert states(connection) == {"EUR": "matched"}


def test_without_days_nobody_has_a_turn(connection: Connection) -> None:
    from tests.ingestion.runs import configured

    with configured(RECONCILE_DAYS=0):
        assert reconciling.take_due_connections() == []


def test_a_periods_verdict_belongs_to_its_tenant(breach: ReconciledPeriod) -> None:
    stranger = new_tenant()

    assert not ReconciledPeriod.objects.for_tenant(stranger).exists()
    assert verdicts(breach.connection)["EUR"].tenant_id == breach.tenant_id
