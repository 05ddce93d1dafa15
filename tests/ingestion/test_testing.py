"""The fakes that are shipped for users' tests."""

import pytest

from ingestion import Context, TenantRef, Transient
from ingestion.core import registry
from ingestion.models import Run
from ingestion.testing import Records, make_tenant, registered, run_pipeline
from tests.app.models import Payment
from tests.app.pipelines import payments

CTX = Context(TenantRef(1, "acme"), "app.payments", 1, now=None)  # type: ignore[arg-type]


def charge(number: int, **values: object) -> dict[str, object]:
    return {"id": f"pay_{number}", "amount": "1.00", **values}


def test_records_continue_after_their_checkpoint() -> None:
    source = Records([charge(1), charge(2), charge(3)], page_size=2)

    first, second = source.extract(CTX, None)

    assert [record.key for record in first.records] == ["pay_1", "pay_2"]
    assert [page.checkpoint for page in source.extract(CTX, first.checkpoint)] == [second.checkpoint] == [3]


def test_registered_puts_the_known_pipeline_back() -> None:
    import dataclasses

    other = dataclasses.replace(payments, version="2")

    with registered(other):
        assert registry.get("app.payments") is other

    assert registry.get("app.payments") is payments


@pytest.mark.django_db
def test_run_pipeline_loads_the_records_it_is_given() -> None:
    run = run_pipeline(payments, records=[charge(1), charge(2, status="pending"), charge(3, amount="much")])

    assert (run.state, run.read, run.ok, run.skipped, run.dead) == (Run.State.PARTIAL, 3, 1, 1, 1)
    assert [row.external_id for row in Payment.objects.for_tenant(run.tenant)] == ["pay_1"]


@pytest.mark.django_db
def test_a_transient_error_leaves_the_run_queued_for_its_next_attempt() -> None:
    import dataclasses

    failing = dataclasses.replace(payments, source=Records([charge(1)], error=Transient("503")))

    run = run_pipeline(failing, make_tenant("globex"))

    assert (run.state, run.attempts, run.ok) == (Run.State.QUEUED, 1, 1)
