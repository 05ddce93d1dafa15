"""What is drift and what only adds to a shape."""

from __future__ import annotations

from typing import Any

from ingestion.core import drift
from ingestion.core.shapes import LEAST, Shape
from tests.ingestion.drift.test_shapes import shape


def many(record: dict[str, Any], count: int = LEAST) -> Shape:
    return shape(*[record] * count)


def found(known: Shape, page: Shape, *lacking: str) -> list[tuple[str, str]]:
    return [(one.kind, one.path) for one in drift.compare(known, page, lacking)]


def test_a_field_that_all_had_and_none_has_is_removed() -> None:
    assert found(many({"id": 1, "a": 1}), many({"id": 1})) == [("removed", "a")]


def test_too_few_records_before_or_now_say_nothing() -> None:
    assert found(many({"id": 1, "a": 1}), many({"id": 1}, LEAST - 1)) == []
    assert found(many({"id": 1, "a": 1}, LEAST - 1), many({"id": 1})) == []


def test_a_field_that_some_never_had_may_go() -> None:
    known = many({"id": 1, "a": 1}).merge(many({"id": 1}, 2))

    assert found(known, many({"id": 1})) == []


def test_of_a_removed_object_only_the_object_is_named() -> None:
    assert found(many({"to": {"city": 1, "zip": 1}}), many({})) == [("removed", "to")]
    assert found(many({"to": {"city": 1, "zip": 1}}), many({"to": {"zip": 1}})) == [("removed", "to.city")]
    assert found(many({"to": {"city": 1}}), many({"to": None})) == [("widened", "to")]


def test_a_list_may_be_empty_but_not_lose_a_field_of_its_items() -> None:
    assert found(many({"lines": [{"n": 1}]}), many({"lines": []})) == []
    assert found(many({"lines": [{"n": 1, "m": 1}]}), many({"lines": [{"m": 1}]})) == [("removed", "lines[].n")]


def test_another_type_is_drift_and_null_is_not() -> None:
    assert found(many({"a": 1}), many({"a": "1"}, 1)) == [("retyped", "a")]
    assert found(many({"a": 1}), many({"a": None}, 1)) == [("widened", "a")]
    assert found(many({"a": None}), many({"a": 1}, 1)) == [("widened", "a")]
    assert found(many({"a": 1}), many({"a": 1.5}, 1)) == []


def test_new_fields_are_named_once_and_are_no_drift() -> None:
    changes = drift.compare(many({"id": 1}), many({"id": 1, "to": {"city": 1}}))

    assert [(one.kind, one.path, one.is_drift) for one in changes] == [("new", "to", False)]


def test_what_the_schema_requires_in_vain_is_drift_until_it_is_known() -> None:
    known, page = many({"id": 1}), many({"id": 1})

    changes = drift.compare(known, page, ["vat"])

    assert found(known, page, "vat") == [("required", "vat")]
    assert found(drift.adopt(known, page, changes), page, "vat") == []


def test_an_adopted_change_is_not_found_again() -> None:
    known, page = many({"id": 1, "a": 1, "b": 1}, 500), many({"id": 1, "a": "x", "c": 1})

    wider = drift.adopt(known, page, drift.compare(known, page))

    assert found(wider, page) == []


def test_a_field_met_later_is_expected_once_a_page_has_it_throughout() -> None:
    known = many({"id": 1}, 300)
    first = drift.adopt(known, many({"id": 1}, 19).merge(many({"id": 1, "late": 1}, 1)), [])

    second = drift.adopt(first, many({"id": 1, "late": 1}, 100), [])

    assert not first.fields["late"].steady
    assert found(second, many({"id": 1})) == [("removed", "late")]


def test_a_diff_reads_as_words() -> None:
    text = drift.sentence(drift.compare(many({"a": 1, "b": 1}), many({"a": "x"})))

    assert text == "a has another type: number, now string; b is gone: number, in 100 % of records, now in none of 20"
