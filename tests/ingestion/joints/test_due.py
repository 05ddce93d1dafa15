"""Between the look at what is due and the run that comes of it somebody may pause, and a watermark is handed over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion import actions
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Run
from ingestion.scheduling import backfills, due
from ingestion.testing import registered
from tests.ingestion.backfills.days import TEN_DAYS, backfill, connected, windowed
from tests.ingestion.runs import OPERATOR, carry, items, over, queued, watermarks

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]


def made_due(connection: Connection) -> Connection:
    Connection.unscoped.filter(pk=connection.pk).update(next_due=read_db_now() - timedelta(minutes=1))
    return Connection.unscoped.get(pk=connection.pk)


def test_a_connection_paused_since_it_was_seen_to_be_due_gets_no_run() -> None:
    with registered(over(items(1))) as pipeline:
        seen = made_due(queued(pipeline).connection)
        actions.pause(OPERATOR, seen, "now")

        assert due._make_run(seen) is False
    assert not Run.unscoped.filter(connection=seen, kind=Run.Kind.SCHEDULED).exists()


def test_a_scheduled_run_says_which_watermark_it_goes_on_from() -> None:
    with registered(over(items(1))) as pipeline:
        first = carry(queued(pipeline))
        assert due._make_run(made_due(first.connection))

    run = Run.unscoped.get(connection=first.connection, kind=Run.Kind.SCHEDULED)
    assert run.watermark_before == watermarks(first.connection)[-1]


def test_after_a_run_missed_periods_are_not_made_up_one_by_one_where_they_are_one() -> None:
    with registered(over(items(1), catch_up="coalesce")) as pipeline:
        first = carry(queued(pipeline))
        Run.unscoped.filter(pk=first.pk).update(kind=Run.Kind.SCHEDULED)
        made_due(first.connection)

        assert due.make_next_missed_run(first.pk) is False


def test_shards_of_a_paused_connection_are_told_to_nobody() -> None:
    with registered(windowed(TEN_DAYS)) as pipeline:
        connection = connected(pipeline)
        parent = backfill(connection)
        before = {run.parent_id for run in backfills.close_and_continue()}
        actions.pause(OPERATOR, connection, "now")

        assert parent.pk in before
        assert parent.pk not in {run.parent_id for run in backfills.close_and_continue()}
