"""Values of another type than their column's: what loses nothing is taken, all else is a letter, on every database alike."""

from __future__ import annotations

import dataclasses
import uuid
from collections import UserDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from django.db import models

from ingestion import ConfigurationError, Upsert
from ingestion.core.records import Stage
from ingestion.models import Run
from tests.app.models import Payment
from tests.app.oracle import Assorted, Entry, Wide
from tests.ingestion.runs import counts, dead_letters, load
from tests.ingestion.test_loading_hostile_values import wide

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


class Plain(Enum):
    ONE = 1


EAST, WEST = timezone(timedelta(hours=2)), timezone(-timedelta(hours=2))

REFUSED: list[tuple[str, Any, str]] = [
    ("number", 3.7, "not_whole"),
    ("number", Decimal("3.5"), "not_whole"),
    ("number", float("nan"), "not_finite"),
    ("number", "3.0", "ValueError"),
    ("number", True, "boolean"),
    ("number", 2**31, "out_of_range"),
    ("number", -(2**31) - 1, "out_of_range"),
    ("number", [3], "TypeError"),
    ("number", models.F("number") + 1, "expression"),
    ("number", Entry(), "row"),
    ("big", 2.0**53 + 2, "float"),
    ("small", False, "boolean"),
    ("small", (0, (1, 2), 0), "decimal"),
    ("small", [1], "decimal"),
    ("ratio", True, "boolean"),
    ("ratio", 2**53 + 1, "precision"),
    ("flag", 2, "invalid"),
    ("flag", "", "boolean"),
    ("flag", [], "boolean"),
    ("line", True, "boolean"),
    ("line", ["a"], "text"),
    ("text", {"a": 1}, "text"),
    ("text", UserDict(a=1), "text"),
    ("text", b"a", "text"),
    ("text", {"a"}, "text"),
    ("text", object(), "text"),
    ("text", Stage, "text"),
    ("text", Plain.ONE, "text"),
    ("text", (n for n in "ab"), "text"),
    ("text", Entry(external_id="x"), "row"),
    ("text", models.Value("x"), "expression"),
    ("tree", models.F("text"), "expression"),
    ("tree", {"a": {1, 2}}, "TypeError"),
    ("moment", datetime(9999, 12, 31, 23, 59, 59, tzinfo=WEST), "out_of_range"),
    ("moment", datetime(1, 1, 1, tzinfo=EAST), "out_of_range"),
    ("moment", "infinity", "datetime"),
    ("day", "infinity", "date"),
    ("clock", "25:00", "invalid"),
    ("clock", "12:30:00+02:00", "time_zone"),
    ("clock", time(12, 30, tzinfo=UTC), "time_zone"),
    ("clock", datetime(2026, 1, 1, 12, 30, tzinfo=UTC), "time"),
    ("clock", 5, "time"),
    ("span", 5, "duration"),
    ("span", "a while", "invalid"),
    ("span", timedelta.max, "out_of_range"),
    ("blob", "abc", "bytes"),
    ("blob", 5, "bytes"),
    ("token", True, "boolean"),
    ("token", 3.5, "invalid"),
    ("token", [1], "invalid"),
    ("token", models.F("token"), "expression"),
]

TAKEN: list[tuple[str, Any, Any]] = [
    ("number", 3.0, 3),
    ("number", Decimal("3.00"), 3),
    ("number", "3", 3),
    ("big", 2.0**53, 2**53),
    ("small", 3, Decimal(3)),
    ("small", "3.125", Decimal("3.125")),
    ("ratio", 2**53, float(2**53)),
    ("ratio", "1.5", 1.5),
    ("flag", 1, True),
    ("flag", "False", False),
    ("line", 12, "12"),
    ("line", Decimal("1.50"), "1.50"),
    ("line", uuid.UUID(int=7), str(uuid.UUID(int=7))),
    ("line", date(2026, 1, 2), "2026-01-02"),
    ("tree", models.Value(None, models.JSONField()), None),
    ("moment", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))), datetime(2025, 12, 31, 0, 1, tzinfo=UTC)),
    ("clock", "12:30", time(12, 30)),
    ("span", "1 00:00:07", timedelta(days=1, seconds=7)),
    ("span", "PT90S", timedelta(seconds=90)),
    ("blob", memoryview(b"a\0b"), b"a\0b"),
    ("token", "00000000-0000-0000-0000-000000000007", uuid.UUID(int=7)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("field", "value", "code"), REFUSED, ids=lambda one: ascii(one)[:30])
def test_what_would_be_changed_is_a_letter_that_names_the_field(field: str, value: Any, code: str) -> None:
    run = load(wide({field: value}))

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (2, 1, 0, 1))
    (dead_letter,) = dead_letters(run.tenant)
    assert [(one["path"], one["code"]) for one in dead_letter.errors] == [(field, code)]


@pytest.mark.parametrize(("field", "value", "stored"), TAKEN, ids=lambda one: ascii(one)[:30])
def test_what_loses_nothing_is_converted(field: str, value: Any, stored: Any) -> None:
    run = load(wide({field: value}))

    assert counts(run) == (2, 2, 0, 0)
    row = Wide.unscoped.get(external_id="odd", tenant=run.tenant)
    there = getattr(row, field)
    assert (bytes(there) if isinstance(there, memoryview) else there) == stored


@pytest.mark.parametrize("levels", [31, 32, 200, 1200])
def test_json_that_is_too_deep_is_a_letter_that_names_the_way_there(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels):
        deep = {"a": deep}

    run = load(wide({"tree": deep}))

    if counts(run) == (2, 2, 0, 0):
        assert Wide.unscoped.get(external_id="odd", tenant=run.tenant).tree == deep
        assert levels < 1200
        return
    assert counts(run) == (2, 1, 0, 1)
    (error,) = dead_letters(run.tenant)[0].errors
    assert (error["path"][:8], error["code"]) == ("tree.a.a"[: len(error["path"])], "depth")


def test_half_a_surrogate_pair_in_json_is_named_by_its_member() -> None:
    run = load(wide({"tree": {"good": "é", "list": [1, {"bad": "half \ud800"}]}}))

    assert [one["path"] for one in dead_letters(run.tenant)[0].errors] == ["tree.list.1.bad"]


@pytest.mark.postgres
def test_nul_in_json_is_named_by_its_member() -> None:
    run = load(wide({"tree": {"good": "said \\u0000", "list": [1, {"bad": "\0"}]}}))

    assert [one["path"] for one in dead_letters(run.tenant)[0].errors] == ["tree.list.1.bad"]


def test_a_field_that_no_column_has_is_a_letter_with_the_nearest_one() -> None:
    run = load(wide({"numbr": 5, "id_of_nothing": None}))

    assert counts(run) == (2, 1, 0, 1)
    first, second = dead_letters(run.tenant)[0].errors
    assert (first["path"], first["code"], second["path"]) == ("numbr", "unknown_field", "id_of_nothing")
    assert "did you mean 'number'?" in first["message"]


@pytest.mark.parametrize("partly", ["only", "defer"])
def test_a_row_that_was_fetched_in_part_is_a_letter_and_overwrites_nothing(partly: str) -> None:
    pipeline = wide({"number": 5, "line": "keep me"})
    run = load(pipeline)

    def again(record: Any, ctx: Any) -> Any:
        rows = Wide.objects.for_tenant(run.tenant)
        query = rows.only("external_id", "text") if partly == "only" else rows.defer("line")
        return query.get(external_id=record.id)

    second = load(dataclasses.replace(pipeline, transform=again, version="2"), run.tenant)

    assert (second.ok, second.dead) == (0, 2)
    assert {"deferred"} == {one["code"] for dead_letter in dead_letters(run.tenant) for one in dead_letter.errors}
    assert "line" in {one["path"] for dead_letter in dead_letters(run.tenant) for one in dead_letter.errors}
    assert Wide.unscoped.get(external_id="odd", tenant=run.tenant).line == "keep me"


@pytest.mark.parametrize(
    ("model", "name"),
    [(Payment, "status"), (Wide, "line"), (Wide, "flag"), (Wide, "tree"), (Wide, "clock"), (Assorted, "entry")],
)
def test_a_version_that_cannot_tell_which_is_newer_is_refused_where_it_is_declared(model: Any, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"which of two is newer.*DateTimeField, BigIntegerField"):
        Upsert(model, key=["external_id"], version=name)
