"""Values that some database cannot hold: each becomes a dead letter that names its field, none fails the run."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from pydantic import BaseModel, ConfigDict

from ingestion import ConfigurationError, Context, Pipeline, Upsert
from ingestion.models import Run
from tests.app.models import Wide
from tests.ingestion.runs import counts, dead_letters, load, over

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
POSTGRES = "postgresql"


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: str


def wide(odd: dict[str, Any], nul: str = "refuse", key: str = "odd") -> Pipeline:
    """One good record, and one whose row holds the odd values."""

    def transform(record: Anything, ctx: Context) -> dict[str, Any]:
        plain = {"external_id": record.id, "line": "a", "text": "b"}
        return {**plain, "external_id": key, **odd} if record.id == "odd" else plain

    pipeline = over([{"id": "good"}, {"id": "odd"}])
    destination = Upsert(Wide, key=["external_id"], nul=nul)
    return dataclasses.replace(pipeline, schema=Anything, transform=transform, destination=destination)


NO_ZONE = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
HOSTILE: list[tuple[str, Any, str]] = [
    ("text", "half \ud800 a pair", "unicode"),
    ("line", "\udfff", "unicode"),
    ("tree", {"a": ["half \ud800 a pair"]}, "unicode"),
    ("tree", {"half \udfff": 1}, "unicode"),
    ("tree", {"a": float("nan")}, "not_finite"),
    ("tree", [float("-inf")], "not_finite"),
    ("small", Decimal("NaN"), "not_finite"),
    ("small", Decimal("Infinity"), "not_finite"),
    ("small", float("inf"), "float"),
    ("small", Decimal("1234567890"), "max_digits"),
    ("small", Decimal("0.0001"), "decimal_places"),
    ("ratio", float("nan"), "not_finite"),
    ("number", 2**63, "out_of_range"),
    ("big", 2**63, "out_of_range"),
    ("big", -(2**63) - 1, "out_of_range"),
    ("line", "x" * 61, "max_length"),
    ("moment", NO_ZONE, "naive_datetime"),
    ("moment", "2026-01-01", "datetime"),
    ("day", "10000-01-01", "date"),
    ("day", datetime(2026, 1, 1, tzinfo=UTC), "date"),
    ("token", "no uuid", "invalid"),
]


@pytest.mark.parametrize(("field", "value", "code"), HOSTILE, ids=lambda one: ascii(one)[:30])
def test_what_does_not_fit_is_a_letter_that_names_the_field(field: str, value: Any, code: str) -> None:
    run = load(wide({field: value}))

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (2, 1, 0, 1))
    (dead_letter,) = dead_letters(run.tenant)
    assert [(one["path"].partition(".")[0], one["code"]) for one in dead_letter.errors] == [(field, code)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", "nul \0 here"), ("line", "\0"), ("tree", {"a": ["\0"]}), ("tree", {"\0": 1}), ("tree", "\\\\\0")],
    ids=ascii,
)
def test_nul_is_refused_by_field_where_the_database_cannot_hold_it(field: str, value: Any) -> None:
    run = load(wide({field: value}))

    if connection.vendor != POSTGRES:
        assert counts(run) == (2, 2, 0, 0)
        assert getattr(Wide.unscoped.get(external_id="odd", tenant=run.tenant), field) == value
        return
    assert counts(run) == (2, 1, 0, 1)
    (dead_letter,) = dead_letters(run.tenant)
    assert [(one["path"].partition(".")[0], one["code"]) for one in dead_letter.errors] == [(field, "nul")]
    assert 'nul="replace"' in dead_letter.errors[0]["message"]


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("text", "nul \0 here", "nul \ufffd here"),
        ("line", "\0\0", "\ufffd\ufffd"),
        ("tree", {"a": ["\0"], "\0": 1}, {"a": ["\ufffd"], "\ufffd": 1}),
        ("tree", "speaks of \\u0000", "speaks of \\u0000"),
        ("tree", "\\\\\0\0", "\\\\\ufffd\ufffd"),
    ],
    ids=ascii,
)
def test_nul_is_replaced_on_every_database_where_that_is_declared(field: str, value: Any, stored: Any) -> None:
    run = load(wide({field: value}, nul="replace"))

    assert counts(run) == (2, 2, 0, 0)
    assert getattr(Wide.unscoped.get(external_id="odd", tenant=run.tenant), field) == stored


def test_nul_in_a_key_is_never_replaced() -> None:
    run = load(wide({}, nul="replace", key="a\0b"))

    if connection.vendor == POSTGRES:
        assert counts(run) == (2, 1, 0, 1)
        assert [one["path"] for one in dead_letters(run.tenant)[0].errors] == ["external_id"]
    else:
        assert Wide.unscoped.filter(tenant=run.tenant, external_id="a\0b").exists()


def test_a_letter_about_nul_is_stored_with_its_payload() -> None:
    pipeline = dataclasses.replace(over([{"id": "rec\0", "amount": "x\0"}]), reconciliations=())

    run = load(pipeline)

    (dead_letter,) = dead_letters(run.tenant)
    assert b"\\u0000" in bytes(dead_letter.payload)


def test_extreme_but_sound_values_are_kept_exactly() -> None:
    values = {
        "text": "😀 \u2028 é",
        "tree": {"pair": "\U0001f600", "said": "\\ud800", "deep": [1.5]},
        "big": -(2**63),
        "day": date(9999, 12, 31),
        "moment": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        "span": timedelta(days=1),
        "token": uuid.UUID(int=0),
    }

    run = load(wide(values))

    row = Wide.unscoped.get(external_id="odd", tenant=run.tenant)
    assert {name: getattr(row, name) for name in values} == values


def test_another_word_for_nul_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match='nul="replace"'):
        Upsert(Wide, key=["external_id"], nul="drop")
