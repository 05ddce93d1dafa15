"""`ingest shape`: looking at what changed, and accepting it."""

from __future__ import annotations

import pytest

from ingestion.models import AuditEntry, Tenant
from ingestion.testing import make_tenant
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.drift.sources import batch, known, run

pytestmark = pytest.mark.django_db
NAMED = ("--tenant", "acme", "--pipeline", "app.oracle")


@pytest.fixture
def acme() -> Tenant:
    tenant = make_tenant()
    run(batch(1, extra=1), tenant)
    run(batch(101, extra="x"), tenant)
    return tenant


def test_show_names_the_fields_and_the_diff(acme: Tenant) -> None:
    shown = asked("shape", "show", *NAMED)

    assert [one["path"] for one in shown["fields"]] == ["amount", "extra", "id"]
    assert shown["changes"] == [{"kind": "retyped", "path": "extra", "before": "number", "now": "string"}]
    assert "extra  retyped  number  string" in ingest("shape", "show", *NAMED).out


def test_accept_takes_the_change_over_and_says_who_and_why(acme: Tenant) -> None:
    shown = asked("shape", "accept", *NAMED, "--reason", "agreed", "--version", known(acme).version)

    assert shown["changes"] == []
    assert AuditEntry.objects.for_tenant(acme).get(action="accept shape").reason == "agreed"
    again = ingest("shape", "accept", *NAMED, "--reason", "agreed")
    assert (again.code, "waits to be accepted" in again.error) == (1, True)


def test_another_tenants_shape_is_not_there(acme: Tenant) -> None:
    make_tenant("other")

    answer = ingest("shape", "show", "--tenant", "other", "--pipeline", "app.oracle")

    assert (answer.code, "is not connected" in answer.error) == (2, True)


@pytest.mark.slow
def test_dismiss_forgets_the_change_and_a_run_that_finds_it_again_stops_again(acme: Tenant) -> None:
    before = known(acme)

    shown = asked("shape", "dismiss", *NAMED, "--reason", "taken back", "--version", before.version)

    after = known(acme)
    assert (shown["changes"], after.pending, after.shape, after.accepted_by) == ([], None, before.shape, "")
    assert AuditEntry.objects.for_tenant(acme).get(action="dismiss shape").data["paths"] == ["extra"]
    assert run(batch(201, extra="x"), acme).error_class == "SchemaDrift"
    assert known(acme).pending is not None
    assert run(batch(301, extra=2), acme).state == "succeeded"
