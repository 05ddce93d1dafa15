"""Runs over a source whose records change: learn, widen, note, stop, accept, go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from ingestion import ErrorBudget, OnDrift, actions
from ingestion.core import drift
from ingestion.core.errors import ActionRefused
from ingestion.models import AuditEntry, KnownShape, Run
from ingestion.running.dry_run import dry_run
from ingestion.testing import Records, registered
from tests.ingestion.drift.sources import batch, known, notes, run, vital, watched
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    dead_letters,
    items,
    load,
    new_tenant,
    queued,
    replayed,
    rows,
    watermarks,
)

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def fields(row: KnownShape) -> list[str]:
    return list(drift.from_json(row.shape).fields)


def test_the_first_run_learns_whatever_it_meets() -> None:
    tenant = new_tenant()

    first = run([*batch(1, label="a"), *batch(101, label=7)], tenant, error_budget=ErrorBudget(1.0))

    assert first.state == Run.State.PARTIAL  # a number is no label: its own dead letters say so
    assert fields(known(tenant)) == ["amount", "id", "label"]
    assert notes(first) == []


@pytest.mark.slow
def test_a_new_field_is_noted_once_and_stops_nobody() -> None:
    tenant = new_tenant()
    run(batch(1), tenant)

    second, third = run(batch(101, extra=1), tenant), run(batch(201, extra=1), tenant)

    assert notes(second) == [("shape", "extra is new: absent, now number")]
    assert (second.state, notes(third)) == (Run.State.SUCCEEDED, [])


def test_a_removed_field_stops_the_run_before_anything_of_the_page_and_of_the_watermark() -> None:
    tenant = new_tenant()
    first = run(batch(1, extra=1), tenant)
    before = watermarks(first.connection)

    second = run(batch(101), tenant)

    assert (second.state, second.error_class, second.read, second.traceback) == (Run.State.FAILED, "SchemaDrift", 0, "")
    assert "extra is gone: number, in 100 % of records, now in none of 20" in second.error_message
    assert watermarks(first.connection) == before
    assert (len(rows(tenant)), len(dead_letters(tenant))) == (30, 0)
    assert known(tenant).pending_changes == [
        {"kind": "removed", "path": "extra", "before": "number, in 100 % of records", "now": "in none of 20"}
    ]


def test_pages_before_the_drift_stay() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant)

    second = run([*batch(101, 100, extra=1), *batch(201, 50, extra="x")], tenant)

    assert (second.state, second.read, len(rows(tenant))) == (Run.State.FAILED, 100, 130)


@pytest.mark.slow
def test_an_accepted_shape_lets_the_retry_through() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant)
    with registered(watched(batch(101, extra="x"))) as pipeline:
        stopped = carry(queued(pipeline, tenant))

        row = actions.accept_shape(OPERATOR, stopped.connection, "agreed with Ada")
        again = carry(actions.retry(OPERATOR, stopped))

    assert (again.state, again.ok, notes(again)) == (Run.State.SUCCEEDED, 30, [])
    assert (row.pending, row.pending_changes, row.pending_run_id, row.pending_since) == (None, [], None, None)
    entry = AuditEntry.objects.for_tenant(tenant).get(action="accept shape")
    assert (entry.reason, entry.data) == ("agreed with Ada", {"run": stopped.pk, "paths": ["extra"]})


def test_accepting_needs_a_reason_something_pending_and_the_version_looked_at() -> None:
    tenant = new_tenant()
    connection = run(batch(1, extra=1), tenant).connection
    with pytest.raises(ActionRefused, match="waits"):
        actions.accept_shape(OPERATOR, connection, "because")
    run(batch(101), tenant)

    with pytest.raises(ActionRefused, match="Say why"):
        actions.accept_shape(OPERATOR, connection, "")
    with pytest.raises(ActionRefused, match="Look again"):
        actions.accept_shape(OPERATOR, connection, "because", version=known(tenant).version - 1)
    assert known(tenant).pending is not None


@pytest.mark.slow
def test_a_source_that_is_mended_goes_through_without_anybody() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant)
    run(batch(101), tenant)

    assert run(batch(101, extra=1), tenant).state == Run.State.SUCCEEDED


@pytest.mark.slow
def test_with_note_drift_is_in_the_timeline_once_and_everything_is_loaded() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant, "note")

    second, third = run(batch(101), tenant, "note"), run(batch(201), tenant, "note")

    assert (second.state, third.state, len(rows(tenant))) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED, 90)
    assert [name for name, _ in notes(second)] == ["drift"]
    assert notes(third) == []


def test_with_ignore_nothing_is_learned() -> None:
    tenant = new_tenant()

    run(batch(1), tenant, "ignore")

    assert not KnownShape.objects.for_tenant(tenant).exists()


@pytest.mark.slow
def test_a_source_can_hold_some_fields_for_vital() -> None:
    tenant = new_tenant()
    load(vital(batch(1, extra=1, other=1), "extra"), tenant)

    other = load(vital(batch(101, extra=1, other="x"), "extra"), tenant)
    stopped = load(vital(batch(201, extra="x", other="x"), "extra"), tenant)

    assert (other.state, [name for name, _ in notes(other)]) == (Run.State.SUCCEEDED, ["drift"])
    assert (stopped.state, stopped.error_class) == (Run.State.FAILED, "SchemaDrift")


def test_a_field_that_the_schema_requires_in_vain_stops_the_run_without_dead_letters() -> None:
    tenant = new_tenant()
    run(batch(1), tenant)
    bare = [{"id": one["id"], "extra": 1} for one in batch(101)]

    second = run(bare, tenant)

    assert (second.error_class, dead_letters(tenant)) == ("SchemaDrift", [])
    assert "amount is required by the pipeline's schema and not delivered" in second.error_message


def test_a_field_that_some_records_of_the_page_have_is_not_required_in_vain() -> None:
    tenant = new_tenant()
    run(batch(1), tenant)
    bare = [{"id": one["id"], "extra": 1} for one in batch(101)]

    second = run([*bare, *batch(201, 1)], tenant, error_budget=ErrorBudget(1))

    assert (second.state, second.ok, second.dead) == (Run.State.PARTIAL, 1, len(bare))
    assert "drift" not in [name for name, _ in notes(second)]


def test_small_pages_together_tell_that_a_field_is_gone() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant)
    changed = batch(101)

    stopped = run(changed, tenant, source=Records(changed, page_size=7))

    assert (stopped.error_class, stopped.read) == ("SchemaDrift", 14)


def test_unchanged_records_say_nothing_and_ask_nothing(django_assert_num_queries: object) -> None:
    tenant = new_tenant()
    run(batch(1), tenant)
    version = known(tenant).version

    again = run(batch(1), tenant)

    assert (again.skipped, known(tenant).version) == (30, version)


@pytest.mark.slow
def test_a_replay_notes_and_neither_stops_nor_learns() -> None:
    tenant = new_tenant()
    bad = {**batch(900, 1)[0], "amount": "many", "extra": "x"}
    run([*batch(1, extra=1), bad], tenant, error_budget=ErrorBudget(1.0))
    run(batch(101, extra=1), tenant)
    before = known(tenant).shape

    replay = replayed(tenant, watched([]))

    assert replay.state in (Run.State.PARTIAL, Run.State.FAILED)
    assert replay.error_class != "SchemaDrift"
    assert known(tenant).shape == before


def test_other_tenants_and_connections_have_shapes_of_their_own() -> None:
    one, other = new_tenant(), new_tenant()
    run(batch(1, extra=1), one)

    assert run(batch(1), other).state == Run.State.SUCCEEDED
    assert fields(known(one)) == ["amount", "extra", "id"]
    assert fields(known(other)) == ["amount", "id"]


def test_a_dry_run_tells_drift_and_writes_none() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1), tenant)
    version = known(tenant).version

    noted = dry_run(tenant, watched(batch(101, extra="x"), "note"))
    stopped = dry_run(tenant, watched(batch(101, extra="x")))

    assert (noted.drift, noted.failure) == (["extra has another type: number, now string"], "")
    assert stopped.failure.startswith("SchemaDrift: ")
    assert known(tenant).version == version


def test_a_value_never_gets_into_a_shape_a_message_or_the_timeline() -> None:
    tenant = new_tenant()
    run(batch(1, extra="Zwiebelfisch"), tenant)

    stopped = run(batch(101, extra=["Zwiebelfisch"]), tenant)

    row = known(tenant)
    text = f"{row.shape}{row.pending}{row.pending_changes}{stopped.error_message}{notes(stopped)}"
    assert "Zwiebelfisch" not in text
    assert stopped.error_class == "SchemaDrift"


def test_a_pipeline_with_an_unknown_answer_is_refused() -> None:
    from ingestion import ConfigurationError

    with pytest.raises(ConfigurationError, match="stop, note, ignore"):
        dataclasses.replace(watched(items(1)), drift="explode")
    assert OnDrift().mode == "note"


def test_a_declaration_says_what_drift_does_and_is_not_watched_by_default() -> None:
    from ingestion import pipeline
    from ingestion.core import registry
    from ingestion.running.drift import resolve_answer
    from tests.app.oracle import oracle

    def declared(**options: str) -> str | None:
        declare = pipeline(
            "app.drifting", source=oracle.source, schema=oracle.schema, destination=oracle.destination, **options
        )  # type: ignore[arg-type]
        try:
            return declare(lambda record, ctx: record).drift
        finally:
            registry.unregister("app.drifting")

    assert (declared(), declared(drift="stop")) == (None, "stop")
    assert resolve_answer(oracle, None) == OnDrift("ignore")  # type: ignore[arg-type]  no source that answers is asked


def test_what_the_pipeline_declares_wins_over_what_its_source_does_by_default() -> None:
    from ingestion.running.drift import resolve_answer
    from integrations.rest.source import Rest
    from tests.app.oracle import oracle

    by_default = Rest(base_url="https://api.example.com")
    stops = dataclasses.replace(oracle, source=by_default, drift="stop")
    unsaid = dataclasses.replace(oracle, source=by_default)

    assert [resolve_answer(one, None).mode for one in (stops, unsaid)] == ["stop", "note"]  # type: ignore[arg-type]
    assert resolve_answer(stops, None).vital == resolve_answer(unsaid, None).vital  # type: ignore[arg-type]


def test_a_connection_that_contradicts_its_pipeline_fails_with_both_words() -> None:
    from ingestion import ConfigurationError
    from ingestion.running.drift import resolve_answer

    class Says:
        def extract(self, ctx: object, checkpoint: object) -> Iterator[object]:
            yield from ()

        def on_drift(self, ctx: object) -> OnDrift:
            return OnDrift("note", explicit=True)

    pipeline = dataclasses.replace(watched(items(1)), source=Says(), drift="stop")  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match="drift='stop', and the connection's declaration says 'note'"):
        resolve_answer(pipeline, None)  # type: ignore[arg-type]
