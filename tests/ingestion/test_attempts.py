"""What an attempt of a run costs, pays back, hides and renews."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ingestion import (
    Context,
    Json,
    JsonPages,
    Page,
    Record,
    SourceChanged,
    TenantRef,
    Transient,
)
from ingestion.core.stages import prepare
from ingestion.models import Run
from ingestion.testing import Records, registered
from tests.ingestion.runs import (
    carry,
    counts,
    due,
    events,
    item,
    new_tenant,
    over,
    queued,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


@pytest.mark.slow
def test_progress_pays_back_failed_attempts() -> None:
    class Throttled(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            for page in super().extract(ctx, checkpoint):
                yield page
                raise Transient("429")

    tenant = new_tenant()
    with registered(over([], source=Throttled([item(n) for n in range(1, 13)], page_size=1))) as pipeline:
        run = queued(pipeline, tenant)
        for _ in range(13):
            due(run)
            carry(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (12, 12, 0, 0))


def test_a_name_that_cannot_be_resolved_is_tried_again() -> None:
    with registered(over([], source=Records([], error=socket.gaierror("no such host")))) as pipeline:
        run = carry(queued(pipeline))

    assert (run.state, run.error_class) == (Run.State.QUEUED, "Transient")


def test_cancelling_a_run_that_meets_a_transient_error_ends_it() -> None:
    class Busy(Records):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            Run.unscoped.filter(pk=ctx.run_id).update(cancel_requested=True)
            raise Transient("503")
            yield

    with registered(over([], source=Busy([]))) as pipeline:
        run = carry(queued(pipeline))

    assert run.state == Run.State.CANCELLED


def test_an_unexpected_error_keeps_its_text_out_of_events_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    secret = RuntimeError("GET https://bank.example/?token=CANARY")

    with (
        caplog.at_level("INFO", logger="ingestion"),
        registered(over([], source=Records([], error=secret))) as pipeline,
    ):
        run = carry(queued(pipeline))

    assert run.state == Run.State.FAILED
    assert "failed" in events(run)
    assert "CANARY" not in caplog.text
    assert not any("CANARY" in event.text for event in run.events.all())


def test_a_cursor_that_names_its_own_page_stops_the_run() -> None:
    source = JsonPages(lambda ctx, cursor: (b'{"data": []}', "same"))
    ctx = Context(TenantRef(1, "t"), "p", 1, now=None)  # type: ignore[arg-type]

    with pytest.raises(SourceChanged, match="never end"):
        list(source.extract(ctx, None))


def test_every_record_renews_the_lease_when_it_is_time() -> None:
    beats: list[int] = []
    ctx = Context(TenantRef(1, "t"), "p", 1, now=None, beat=lambda: beats.append(1))  # type: ignore[arg-type]
    page = Page([Record(str(n), b"{}") for n in range(3)], None)

    prepare(over([]), ctx, page, lambda keys: {})

    assert len(beats) == 3
