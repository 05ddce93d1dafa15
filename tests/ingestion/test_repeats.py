"""A lasting cause is a line at once and then now and then, not one with every tick."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from ingestion import actions, scheduling
from ingestion.models import Connection
from ingestion.repeats import Repeats
from ingestion.scheduling import due
from ingestion.testing import registered
from tests.app.oracle import ticking
from tests.ingestion.runs import OPERATOR, new_tenant


def test_a_cause_is_due_at_once_then_when_its_time_is_over_and_says_what_was_left_out() -> None:
    now = [0.0]
    repeats = Repeats(every=60, clock=lambda: now[0])

    answers = []
    for at in (0, 15, 30, 61, 70):
        now[0] = at
        answers.append(repeats.due("database"))

    assert answers == ["", None, None, " (2 more like this since the line before)", None]
    assert repeats.due("another") == ""


def test_a_cause_that_is_over_is_due_at_once_when_it_comes_again() -> None:
    repeats = Repeats()
    repeats.due("database")
    repeats.due("connection 5")

    repeats.over("database")

    assert (repeats.due("database"), repeats.due("connection 5")) == ("", None)


def test_causes_without_number_do_not_fill_the_memory() -> None:
    repeats = Repeats()

    for number in range(2500):
        repeats.due(number)

    assert len(repeats._written) <= 1000


@pytest.mark.django_db(transaction=True)
def test_a_pipeline_that_is_not_installed_is_not_told_at_every_tick(caplog: pytest.LogCaptureFixture) -> None:
    due._repeats.over()
    with registered(ticking):
        connection = actions.connect(OPERATOR, new_tenant(), ticking.name)
    ago = timezone.now() - timedelta(minutes=1)
    Connection.unscoped.filter(pk=connection.pk).update(next_due=ago, pipeline="gone.away")

    for _ in range(5):
        scheduling.tick()

    lines = [record for record in caplog.records if getattr(record, "event", "") == "unknown_pipeline"]
    assert [line.levelno for line in lines] == [logging.ERROR]
