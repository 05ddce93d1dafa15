"""A batch with rows the database refuses: the guilty ones become dead letters with their own error, the rest loads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from ingestion import Context, ErrorBudget, Loaded, Ready
from ingestion.core.destinations import RowRefused
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import oracle
from tests.ingestion.runs import carry, counts, dead_letters, effects, item, items, load, over, queued, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

FORGIVING = ErrorBudget(ratio=1.0)


def test_only_the_rows_that_break_a_constraint_are_rejected() -> None:
    guilty = {3, 4, 50, 99, 100}
    given = [item(n) if n not in guilty else item(n, amount=f"-{n}.00") for n in range(1, 101)]

    run = load(over(given))

    assert counts(run) == (100, 95, 0, 5)
    assert {one.source_id for one in dead_letters(run.tenant)} == {f"rec_{n:04}" for n in guilty}
    assert set(rows(run.tenant)) == {one["id"] for one in given} - {f"rec_{n:04}" for n in guilty}


class NeverTakes:
    """A destination that refuses every batch whole, however it is asked to load it."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(oracle.destination, name)

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        self.asked.append(ctx.loads_again)
        assert len(self.asked) < 5, "it is asked for ever"
        raise RowRefused

    insert = load


def test_a_destination_that_refuses_a_batch_again_is_asked_no_third_time() -> None:
    destination = NeverTakes()

    run = load(over([item(1)], destination=destination))

    assert (run.state, run.error_class, destination.asked) == (Run.State.FAILED, "RowRefused", [True, False])


def test_each_guilty_row_has_the_error_of_the_database_itself() -> None:
    run = load(over([item(1), item(2, amount="-1.00")]))

    (dead_letter,) = dead_letters(run.tenant)
    assert (dead_letter.stage, dead_letter.error_class) == ("load", "IntegrityError")
    assert "app_entry_not_negative" in dead_letter.errors[0]["message"]


def test_a_batch_of_nothing_but_guilty_rows_still_commits_its_checkpoint() -> None:
    run = load(over([item(n, amount="-1.00") for n in range(1, 9)], page=4, error_budget=FORGIVING))

    assert (run.state, counts(run), run.checkpoint, run.batches) == (Run.State.PARTIAL, (8, 0, 0, 8), 8, 2)
    assert rows(run.tenant) == {}


def test_values_that_do_not_fit_their_column_are_refused_not_cut_or_rounded() -> None:
    given = [
        item(1, label="x" * 51),
        item(2, amount="1.005"),
        item(3, amount="1000000000000.00"),
        item(4, revision=2**63),
        item(5, label="half \ud800"),
        item(6, amount="NaN"),
        {"id": "trailing ", "amount": "1.00"},
        {"id": "y" * 192, "amount": "1.00"},
        item(9),
    ]

    run = load(over(given))

    assert (counts(run), run.traceback) == ((9, 1, 0, 8), "")
    assert list(rows(run.tenant)) == ["rec_0009"]
    assert all(one.errors and one.errors[0]["message"] for one in dead_letters(run.tenant))


@pytest.mark.slow
def test_nothing_is_lost_when_half_of_the_records_are_invalid() -> None:
    draw = random.Random(11)
    faults = [None, None, None, "much", "-1.00", "1.999"]
    given = [item(n, **({"amount": fault} if (fault := draw.choice(faults)) else {})) for n in range(1, 1001)]

    run = load(over(given, page=200, error_budget=FORGIVING))

    bad = {one["id"] for one in given if one["amount"] in faults}
    assert 400 < len(bad) < 600
    assert counts(run) == (1000, 1000 - len(bad), 0, len(bad))
    assert {one.source_id for one in dead_letters(run.tenant)} == bad
    assert set(rows(run.tenant)) == {one["id"] for one in given} - bad
    assert effects(run) == sorted(rows(run.tenant))


def test_isolating_one_guilty_row_takes_few_statements() -> None:
    given = [*items(511), item(512, amount="-1.00")]

    with registered(over(given, page=512)) as pipeline:
        run = queued(pipeline)
        writes: list[str] = []

        def count(execute: object, sql: str, params: object, many: bool, context: object) -> object:
            if sql.startswith("INSERT INTO") and "app_entry" in sql.partition("(")[0]:
                writes.append(sql)
            return execute(sql, params, many, context)  # type: ignore[operator]

        with connection.execute_wrapper(count):
            carry(run)

    assert counts(run) == (512, 511, 0, 1)
    again = (
        connection.vendor == "postgresql"
    )  # the first refusal of a run ends its transaction: once more, with savepoints
    assert len(writes) <= 2 * 9 + 1 + again
