"""What a transform, reader or validator may do wrong with one record, and what may not be the record's fault."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import MultipleObjectsReturned, ValidationError
from django.db import DataError, IntegrityError, OperationalError
from pydantic import BaseModel, field_validator

from ingestion import Context, RecordError, Skip
from ingestion.models import Run
from ingestion.testing import Records
from tests.app.oracle import Entry
from tests.databases import all_on_sqlite
from tests.ingestion.runs import counts, dead_letters, item, load, new_tenant, over, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


class Silent(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


async def row_later(value: Any) -> Any:
    return value


def raising(error: BaseException) -> Callable[[Any], Any]:
    def act(value: Any) -> Any:
        raise error

    return act


ACTS: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "asks for a row that is not there": (lambda v: Entry.unscoped.get(external_id="x"), "DoesNotExist", "matching query"),
    "finds too many": (raising(MultipleObjectsReturned("2 of them")), "MultipleObjectsReturned", "2 of them"),
    "validates as forms do": (raising(ValidationError("no such account")), "ValidationError", "no such account"),
    "validates as models do": (raising(ValidationError({"iban": "wrong"})), "ValidationError", "wrong"),
    "refuses without a word": (raising(RecordError("")), "RecordError", "RecordError, which says nothing more"),
    "asserts": (raising(AssertionError("positive")), "AssertionError", "positive"),
    "breaks a constraint": (raising(IntegrityError("duplicate")), "IntegrityError", "duplicate"),
    "sends what does not fit": (raising(DataError("too long")), "DataError", "too long"),
    "takes the first of none": (lambda v: next(iter(())), "StopIteration", "StopIteration, which says nothing more"),
    "reads CSV": (raising(csv.Error("line contains NUL")), "Error", "NUL"),
    "parses code": (lambda v: compile("1 +", "x", "eval"), "SyntaxError", "syntax"),
    "looks up bytes": (lambda v: {}[b"\xff\x00"], "KeyError", "xff"),
    "raises what cannot be shown": (raising(Silent()), "Silent", "whose own text cannot be shown"),
    "says what no database takes": (raising(ValueError("a\0b \ud800")), "ValueError", "a\\0b"),
    "returns nothing": (lambda v: None, "NoRow", "returned None, which is no row"),
    "returns a tuple": (lambda v: (v.id, 1), "NoRow", "returned a tuple"),
    "returns a text": (lambda v: "row", "NoRow", "returned a str"),
    "returns a number": (lambda v: 0, "NoRow", "returned a int"),
    "returns a generator": (lambda v: (one for one in [v]), "NoRow", "returned a generator"),
    "returns a coroutine": (row_later, "NoRow", "returned a coroutine"),
    "returns what has the key alone": (lambda v: type("Row", (), {"external_id": v.id})(), "NoRow", "a Entry or a mapping"),
    "returns a row without a key": (lambda v: {"external_id": None, "amount": 1}, "NoRow", "external_id is None"),
    "returns a row that lacks its key": (lambda v: {"amount": 1}, "NoRow", "external_id is None"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("act", all_on_sqlite(ACTS, elsewhere=6))
def test_a_transform_that_errs_over_one_record_costs_that_record(act: str) -> None:
    does, error_class, says = ACTS[act]
    tenant = new_tenant()

    def transform(value: Any, ctx: Context) -> Any:
        return does(value) if value.id == "rec_0002" else Entry(external_id=value.id, amount=value.amount)

    run = load(over([item(1), item(2), item(3)], transform=transform), tenant)

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (3, 2, 0, 1))
    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.stage, dead_letter.error_class, dead_letter.source_id) == ("transform", error_class, "rec_0002")
    assert says in " ".join(error["message"] for error in dead_letter.errors)
    assert sorted(rows(tenant)) == ["rec_0001", "rec_0003"]


def test_three_rows_without_a_key_are_three_letters() -> None:
    tenant = new_tenant()

    run = load(over([item(1), item(2), item(3)], transform=lambda v, ctx: {"amount": 1}), tenant)

    assert (counts(run), len(dead_letters(tenant))) == ((3, 0, 0, 3), 3)


def test_an_error_that_names_fields_keeps_them_apart() -> None:
    tenant = new_tenant()
    error = ValidationError({"iban": ["too short", "wrong digits"], "bic": "missing"})

    load(over([item(1)], transform=lambda v, ctx: raising(error)(v)), tenant)

    (dead_letter,) = dead_letters(tenant)
    found = [(one["path"], one["message"]) for one in dead_letter.errors]
    assert found == [("iban", "too short"), ("iban", "wrong digits"), ("bic", "missing")]


@pytest.mark.parametrize("error", [OperationalError("gone away"), OSError("disk full"), MemoryError()], ids=repr)
def test_what_is_not_the_records_fault_ends_the_run_and_buries_nothing(error: Exception) -> None:
    tenant = new_tenant()

    run = load(over([item(1), item(2)], transform=lambda v, ctx: raising(error)(v)), tenant)

    assert (run.state in (Run.State.FAILED, Run.State.QUEUED), dead_letters(tenant), rows(tenant)) == (True, [], {})


def test_a_run_that_fails_over_a_record_says_which_one_it_was() -> None:
    run = load(over([item(1), item(2)], transform=lambda v, ctx: raising(RuntimeError("our bug"))(v)))

    assert run.state == Run.State.FAILED
    assert "While record 'rec_0001' (record 0) was at the stage transform." in run.traceback


class Mute(RuntimeError):
    def __str__(self) -> str:
        raise LookupError("no words")


@pytest.mark.parametrize(
    ("error", "says"),
    [(RuntimeError(), "says nothing more"), (RuntimeError(" \n"), "says nothing more"), (Mute(), "cannot be shown")],
)
def test_a_run_that_fails_without_a_word_ends_and_says_so(error: Exception, says: str) -> None:
    run = load(over([], source=Records([item(1)], error=error)))

    assert (run.state, run.error_class) == (Run.State.FAILED, type(error).__name__)
    assert says in run.error_message


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [ValueError("torn"), AssertionError("page 2"), KeyError(b"\xff"), Silent()], ids=lambda e: type(e).__name__
)
def test_a_reader_that_errs_over_one_record_costs_that_record(error: Exception) -> None:
    tenant = new_tenant()

    def reader(body: bytes, ctx: Context) -> bytes:
        if json.loads(body)["id"] == "rec_0002":
            raise error
        return body

    run = load(over([item(1), item(2)], reader=reader), tenant)

    assert counts(run) == (2, 1, 0, 1)
    assert [(one.stage, one.error_class) for one in dead_letters(tenant)] == [("extract", type(error).__name__)]


@pytest.mark.parametrize("body", [None, "text", 5, object()], ids=repr)
def test_a_reader_that_returns_no_bytes_costs_its_record(body: Any) -> None:
    run = load(over([item(1)], reader=lambda data, ctx: body))

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (1, 0, 0, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [KeyError(b"\xff"), StopIteration(), IndexError(), csv.Error("x")],
    ids=lambda e: type(e).__name__,
)
def test_a_validator_that_raises_oddly_costs_its_record(error: Exception) -> None:
    class Odd(BaseModel):
        id: str

        @field_validator("id")
        @classmethod
        def look(cls, value: str) -> str:
            if value == "rec_0001":
                raise error
            return value

    tenant = new_tenant()

    run = load(
        over([item(1), item(2)], schema=Odd, transform=lambda v, ctx: {"external_id": v.id, "amount": 1}), tenant
    )

    assert counts(run) == (2, 1, 0, 1)
    assert [one.stage for one in dead_letters(tenant)] == ["validate"]


def test_a_skip_whose_reason_no_database_takes_is_counted() -> None:
    def transform(value: Any, ctx: Context) -> Any:
        raise Skip("a\0b \ud800")

    run = load(over([item(1)], transform=transform))

    assert (run.state, counts(run), sum(run.skip_reasons.values())) == (Run.State.SUCCEEDED, (1, 0, 1, 0), 1)
