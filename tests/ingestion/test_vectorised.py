"""A whole column at once gives what value by value would give, or leaves it to that."""

from __future__ import annotations

import datetime as dt
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.database.converters import adapter
from ingestion.database.unfit import CONVERSION_ERRORS
from ingestion.database.vectorised import vectorised
from ingestion.models import ExternalIdField
from tests.databases import examples

pytestmark = pytest.mark.every_database

moments = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    timezones=st.sampled_from([UTC, dt.timezone(dt.timedelta(hours=2)), dt.timezone(dt.timedelta(0)), None]),
)
COLUMNS: list[tuple[models.Field[Any, Any], bool, st.SearchStrategy[Any]]] = [
    (models.CharField(max_length=5), False, st.one_of(st.text(max_size=6), st.just("\ud800"), st.integers())),
    (ExternalIdField(max_length=5), True, st.one_of(st.text(max_size=6), st.sampled_from(["a ", "a\t", "", "ß"]))),
    (models.TextField(), False, st.one_of(st.text(), st.booleans())),
    (models.IntegerField(), False, st.one_of(st.integers(-(2**32), 2**32), st.booleans(), st.text(max_size=2))),
    (models.BigIntegerField(), False, st.integers(-(2**64), 2**64)),
    (
        models.DecimalField(max_digits=7, decimal_places=2),
        False,
        st.one_of(
            st.decimals(places=2, min_value=-10**6, max_value=10**6),
            st.sampled_from([Decimal("NaN"), Decimal("1E+3"), Decimal("-0.00"), Decimal("0.005"), Decimal(12), 1.5, "1.50"]),
        ),
    ),
    (
        models.DecimalField(max_digits=30, decimal_places=12),
        False,
        st.one_of(
            st.decimals(places=2, min_value=-(10**18), max_value=10**18),
            st.decimals(places=13, min_value=-2, max_value=2),
            st.decimals(allow_nan=False, allow_infinity=False, places=0, min_value=-5, max_value=5),
        ),
    ),
    (models.DecimalField(max_digits=3, decimal_places=3), False, st.decimals(places=3, min_value=-2, max_value=2)),
    (models.DecimalField(max_digits=20, decimal_places=2), False, st.decimals(places=2, min_value=-(10**17), max_value=10**17)),
    (models.BooleanField(), False, st.one_of(st.booleans(), st.just(1))),
    (models.JSONField(), False, st.one_of(st.dictionaries(st.text(), st.integers()), st.lists(st.text()), st.just("x"))),
    (
        models.JSONField(),
        False,
        st.lists(
            st.one_of(
                st.text(st.sampled_from(["\\", "\ud83d", "\ude00", "\U0001f600", "u", '"', ",", " "]), max_size=6),
                st.sampled_from(["NaN", "a NaN, b", "\\ud83d", "\\ud83d\ude00", float("nan"), float("-inf"), 1.5]),
            )
        ),
    ),
    (models.DateTimeField(), False, st.one_of(moments, st.just(dt.date(2024, 1, 1)))),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(COLUMNS)))
@settings(max_examples=examples(75), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whole_columns_agree_with_single_values(number: int, data: st.DataObject) -> None:
    field, is_key, strategy = COLUMNS[number]
    values = data.draw(st.lists(strategy, min_size=1, max_size=5))

    at_once = vectorised(field, connection, is_key=is_key)
    adapted = at_once(values) if at_once is not None else None

    assert adapted is None or adapted == [adapted_alone(field, is_key, value) for value in values]


def test_plain_columns_are_taken_whole() -> None:
    zoned = connection.vendor != "postgresql"

    assert taken(models.CharField(max_length=5), ["a", "ß"])
    assert taken(models.IntegerField(), [1, 2])
    assert taken(models.DecimalField(max_digits=7, decimal_places=2), [Decimal("1.50"), Decimal("-9999.99")])
    assert taken(models.DateTimeField(), [datetime(2024, 1, 1, tzinfo=UTC)]) is zoned


@pytest.mark.parametrize("text", ["\U0001f600", "\\\U0001f600", "NaN", "from NaN, to Infinity", "\\ud83d", "\\\\ud83d"])
def test_emoji_and_words_for_numbers_leave_a_column_of_json_whole(text: str) -> None:
    field = models.JSONField()

    assert vectorised(field, connection) is None or taken(field, [{"a": 1}, {text: text}])


def taken(field: models.Field[Any, Any], values: list[Any]) -> bool:
    at_once = vectorised(field, connection)
    return at_once is not None and at_once(values) is not None


def adapted_alone(field: models.Field[Any, Any], is_key: bool, value: Any) -> Any:
    try:
        return adapter(field, connection, is_key=is_key)(value)
    except CONVERSION_ERRORS as error:
        return error
