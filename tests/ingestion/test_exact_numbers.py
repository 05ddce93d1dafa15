"""A JSON number keeps every digit on its way into a Decimal column, by whatever way it comes."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ingestion import Context, JsonPages, Upsert
from ingestion.core import exact_numbers
from tests.app.oracle import Wide
from tests.databases import examples
from tests.ingestion.runs import dead_letters, load, over

LONG = [
    "12345678901234567.89",
    "0.1234567891",
    "1234567890123456789012345678.0123456789",
    "9007199254740993.0",
    "1234567890.1234567891",
]
EXACT_ON_SQLITE = ["0.1234567891"]


class Priced(BaseModel):
    id: str
    amount: Decimal | None = None
    parts: list[Decimal] = []
    other: Any = None
    ratio: float = 0
    note: str = ""


class Strict(Priced):
    model_config = ConfigDict(strict=True)


class Bounded(BaseModel):
    share: Decimal = Field(lt=1, max_digits=25)


class Plain(BaseModel):
    amount: float = 0


def priced(amount: Priced, ctx: Context) -> dict[str, Any]:
    return {"external_id": amount.id, "line": "", "text": "", "huge": amount.amount}


@pytest.mark.every_database
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("schema", [Priced, Strict])
def test_numbers_of_any_length_are_stored_exactly_or_quoted_as_written(schema: type[Priced]) -> None:
    records = ", ".join(f'{{"id": "{number}", "amount": {number}}}' for number in LONG)
    source = JsonPages(lambda ctx, cursor: (f'{{"data": [{records}]}}'.encode(), None))

    run = load(
        dataclasses.replace(
            over([]), source=source, schema=schema, transform=priced, destination=Upsert(Wide, key=["external_id"])
        )
    )

    stored = dict(Wide.objects.for_tenant(run.tenant).values_list("external_id", "huge"))
    exactly = EXACT_ON_SQLITE if connection.vendor == "sqlite" else LONG
    assert stored == {number: Decimal(number) for number in exactly}
    refused = {dead_letter.source_id: dead_letter.errors[0] for dead_letter in dead_letters(run.tenant)}
    assert set(refused) == set(LONG) - set(exactly)
    for number, error in refused.items():
        assert (error["path"], error["code"]) == ("huge", "precision")
        assert number in error["message"]


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(
    numbers=st.lists(
        st.decimals(allow_nan=False, allow_infinity=False).filter(lambda n: n.adjusted() < 300), max_size=4
    ),
    schema=st.sampled_from([Priced, Strict]),
)
def test_every_number_is_the_decimal_that_was_written(numbers: list[Decimal], schema: type[Priced]) -> None:
    body = f'{{"id": "1.00000000000000000001", "parts": [{", ".join(map(_json, numbers))}]}}'.encode()

    assert exact_numbers.validated(schema, body).parts == numbers  # type: ignore[attr-defined]


@pytest.mark.parametrize("schema", [Priced, Strict])
def test_beside_a_long_number_everything_is_what_it_was(schema: type[Priced]) -> None:
    rest = '"id": "a \\" 12345678901234567.89", "ratio": 0.12345678901234567890, "parts": [], "note": "é"'

    long = exact_numbers.validated(schema, f'{{{rest}, "amount": 1.00000000000000000001}}'.encode())
    plain = schema.model_validate_json(f'{{{rest}, "amount": 1}}')

    assert long.model_copy(update={"amount": Decimal(1)}) == plain
    assert long.amount == Decimal("1.00000000000000000001")  # type: ignore[attr-defined]


@pytest.mark.parametrize("schema", [Priced, Strict])
def test_a_long_number_where_anything_may_stand_stays_a_number(schema: type[Priced]) -> None:
    long = "12345678901234567.89"

    taken: Any = exact_numbers.validated(
        schema, f'{{"id": "a", "amount": {long}, "other": [{long}, "{long}"], "ratio": {long}}}'.encode()
    )

    assert (taken.amount, taken.other, taken.ratio) == (Decimal(long), [float(long), long], float(long))


class Doubled(Strict):
    @field_validator("other", mode="before")
    @classmethod
    def _double(cls, value: Any) -> Any:
        return 2 * float(value)


def test_a_validator_that_takes_numbers_only_is_asked_for_them() -> None:
    taken: Any = exact_numbers.validated(
        Doubled, b'{"id": "a", "amount": 1.00000000000000000001, "other": 1.5000000000000000}'
    )

    assert (taken.amount, taken.other) == (Decimal("1.00000000000000000001"), 3.0)


def test_what_is_wrong_is_said_as_ever() -> None:
    body = b'{"id": 5, "amount": 1.00000000000000000001, "note": 1.00000000000000000001}'

    with pytest.raises(ValidationError) as ours:
        exact_numbers.validated(Priced, body)
    with pytest.raises(ValidationError) as pydantics:
        Priced.model_validate_json(body)

    assert ours.value.errors() == pydantics.value.errors()


def test_a_limit_judges_the_number_as_written() -> None:
    assert exact_numbers.validated(Bounded, b'{"share": 0.99999999999999999999}').share < 1  # type: ignore[attr-defined]
    with pytest.raises(ValidationError):
        exact_numbers.validated(Bounded, b'{"share": 0.99999999999999999999999999999}')


@pytest.mark.parametrize(
    "body", [b'{"amount": 1.00000000000000000001', b'{"amount": 1.00000000000000000001, "x": "\\ud800"}']
)
def test_what_is_no_json_stays_refused(body: bytes) -> None:
    for schema in (Priced, Plain):
        with pytest.raises(ValidationError):
            exact_numbers.validated(schema, body)


def test_a_free_member_can_still_be_written_as_json() -> None:
    taken: Any = exact_numbers.validated(
        Priced, b'{"id": "a", "amount": 1.00000000000000000001, "other": [0.1234567890123456789]}'
    )

    assert json.dumps(taken.other) == "[0.12345678901234568]"


def _json(number: Decimal) -> str:
    return format(number, "f") if number.adjusted() > -50 else f"{number:e}"
