"""Dead letters whose payload is too large for a database statement."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ingestion.actions import Actor, connect
from ingestion.core.records import Record, Rejected, Stage
from ingestion.dead_letters import writing
from ingestion.models import DeadLetter, Run, Tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def test_a_payload_of_any_size_and_content_is_kept_whole() -> None:
    tenant = Tenant.objects.create(key="acme", name="Acme")
    connection = connect(Actor(), tenant, "bank.statements")
    run = Run.unscoped.create(tenant=tenant, connection=connection, pipeline="bank.statements", kind=Run.Kind.UPLOAD)
    bodies = [bytes(range(256)) * 4096 * megabytes + bytes([megabytes]) for megabytes in (0, 1, 20)]
    rejected = [Rejected(Record(str(i), body), Stage.VALIDATE, "X", ()) for i, body in enumerate(bodies)]

    writing.write(run, rejected, datetime.now(UTC), writing.store_payloads(tenant.ref, rejected, {}))

    kept = DeadLetter.objects.for_tenant(tenant).select_related("artifact").order_by("source_id")
    assert [writing.payload(dead_letter) for dead_letter in kept] == bodies


@pytest.mark.slow
def test_many_middling_payloads_are_split_over_statements() -> None:
    tenant = Tenant.objects.create(key="acme", name="Acme")
    connection = connect(Actor(), tenant, "bank.statements")
    run = Run.unscoped.create(tenant=tenant, connection=connection, pipeline="bank.statements", kind=Run.Kind.UPLOAD)
    rejected = [Rejected(Record(str(i), b"'" * 1_000_000), Stage.VALIDATE, "X", ()) for i in range(20)]

    writing.write(run, rejected, datetime.now(UTC), writing.store_payloads(tenant.ref, rejected, {}))

    assert DeadLetter.objects.for_tenant(tenant).count() == 20
