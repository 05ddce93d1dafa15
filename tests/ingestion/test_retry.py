"""Retrying a run twice, by whatever way, makes one run."""

from __future__ import annotations

import os
import time

import pytest
from django.db import IntegrityError, connections, transaction

from ingestion import SourceChanged, actions
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, Run
from ingestion.testing import Records, registered
from tests.ingestion.chaos.processes import end, start_child
from tests.ingestion.runs import OPERATOR, carry, counts, items, load, over

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def failed_run() -> Run:
    return load(over([], source=Records([], error=SourceChanged("?"))))


def retries(run: Run) -> list[Run]:
    return list(Run.unscoped.filter(connection=run.connection).exclude(pk=run.pk).order_by("pk"))


def test_two_clicks_on_retry_give_the_same_run() -> None:
    failed = failed_run()

    first = actions.retry(OPERATOR, failed, wake=False)
    second = actions.retry(OPERATOR, failed, wake=False)

    assert second == first
    assert retries(failed) == [first]
    assert AuditEntry.objects.for_tenant(failed.tenant).filter(action="retry").count() == 1


@pytest.mark.slow
def test_processes_that_retry_one_run_at_the_same_time_make_one_run() -> None:
    failed = failed_run()
    begin = time.monotonic() + 0.5

    def click() -> None:
        run = Run.unscoped.select_related("tenant", "connection").get(pk=failed.pk)
        time.sleep(max(0, begin - time.monotonic()))
        actions.retry(OPERATOR, run, wake=False)

    codes = [end(pid) for pid in [start_child(click) for _ in range(6)]]

    assert codes == [0] * 6
    assert len(retries(failed)) == 1


@pytest.mark.slow
def test_a_click_that_comes_while_another_is_still_open_waits_for_it() -> None:
    failed = failed_run()

    def slow_click() -> None:
        with transaction.atomic():
            actions.retry(OPERATOR, failed, wake=False)
            os.write(writer, b"x")
            time.sleep(0.5)

    reader, writer = os.pipe()
    pid = start_child(slow_click)
    os.read(reader, 1)
    again = actions.retry(OPERATOR, failed, wake=False)

    assert end(pid) == 0
    assert retries(failed) == [again]


def test_a_run_retried_after_it_was_repeated_repeats_nothing() -> None:
    failed = failed_run()
    with registered(over(items(2))):
        again = carry(actions.retry(OPERATOR, failed, wake=False))

    assert (again.state, counts(again)) == (Run.State.SUCCEEDED, (2, 2, 0, 0))
    assert actions.retry(OPERATOR, failed, wake=False) == again
    assert len(retries(failed)) == 1


def test_when_the_retry_failed_too_it_is_the_one_to_retry() -> None:
    failed = failed_run()
    with registered(over([], source=Records([], error=SourceChanged("?")))):
        again = carry(actions.retry(OPERATOR, failed, wake=False))

    with pytest.raises(ActionRefused, match=f"retry run {again.pk}"):
        actions.retry(OPERATOR, failed, wake=False)
    third = actions.retry(OPERATOR, again, wake=False)

    assert (third.window_start, third.window_end) == (failed.window_start, failed.window_end)


def test_the_database_itself_refuses_a_second_retry() -> None:
    failed = failed_run()
    again = actions.retry(OPERATOR, failed, wake=False)

    twin = Run(tenant=again.tenant, connection=again.connection, pipeline=again.pipeline, kind=again.kind)
    twin.retry_of = failed
    with pytest.raises(IntegrityError):
        twin.save()
    connections.close_all()
