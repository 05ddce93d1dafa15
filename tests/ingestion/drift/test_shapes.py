"""The shape of JSON records: what it knows, what it folds, and what never gets into it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.core import drift
from ingestion.core.shapes import LEAST, MOST_FIELDS, Shape, sample, shape_of
from tests.databases import examples

pytestmark = pytest.mark.slow

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcdefgh") | st.text(max_size=8), VALUES, max_size=6), max_size=25)


def bodies(records: list[Any]) -> list[bytes]:
    return [json.dumps(one).encode() for one in records]


def shape(*records: Any) -> Shape:
    return shape_of(bodies(list(records)))


def types(found: Shape) -> dict[str, str]:
    return {path: " ".join(sorted(one.types)) + (" null" if one.nullable else "") for path, one in found.fields.items()}


def test_a_shape_has_paths_types_nulls_and_counts() -> None:
    found = shape({"id": 1, "to": {"city": None}, "lines": [{"n": 1}, {"n": "x"}]}, {"id": 2.5, "lines": []})

    assert types(found) == {
        "id": "number", "to": "object", "to.city": " null", "lines": "array", "lines[]": "object",
        "lines[].n": "number string",
    }  # fmt: skip
    assert (found.fields["id"].present, found.fields["to"].present, found.fields["to"].of) == (2, 1, 2)
    assert (found.fields["to.city"].present, found.fields["to.city"].of) == (1, 1)


@settings(max_examples=examples(30))
@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(records: list[Any], shuffler: Any) -> None:
    other = list(records)
    shuffler.shuffle(other)

    assert shape(*records) == shape(*other)


@settings(max_examples=examples(30))
@given(RECORDS, RECORDS)
def test_widening_never_forgets_and_settles(first: list[Any], second: list[Any]) -> None:
    known, page = shape(*first), shape(*second)

    wider = drift.adopt(known, page, drift.compare(known, page))

    assert [one for one in drift.compare(wider, page) if one.is_drift or one.kind == "widened"] == []
    assert [one for one in drift.compare(wider, known) if one.kind in ("new", "retyped", "widened")] == []
    assert wider.records == known.records + page.records


@settings(max_examples=examples(30))
@given(RECORDS)
def test_storing_a_shape_loses_nothing(records: list[Any]) -> None:
    found = shape(*records)

    assert drift.from_json(json.loads(json.dumps(drift.to_json(found)))) == found


@pytest.mark.parametrize("stored", [None, [], {}, {"fields": 1}, {"records": 1, "fields": {"a": 3}, "lacking": []}])
def test_what_is_no_stored_shape_is_a_shape_of_nothing(stored: Any) -> None:
    assert drift.from_json(stored) == Shape()


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), min_size=1, max_size=10))
def test_no_value_leaks_into_a_shape_or_a_diff(records: list[Any]) -> None:
    marked = [{**one, "name": "Zwiebelfisch", "list": ["Zwiebelfisch", {"x": "Zwiebelfisch"}]} for one in records]
    found, other = shape(*marked), shape({"name": 1, "list": [2]})

    assert "Zwiebelfisch" not in json.dumps(drift.to_json(found))
    assert "Zwiebelfisch" not in drift.sentence(drift.compare(found, other) + drift.compare(other, found))


@pytest.mark.parametrize("key", ["ada@example.com", "2026-01-31", "cus_9876543210", "a" * 65, "https://x", "\n", ""])
def test_a_key_that_looks_like_data_is_folded(key: str) -> None:
    assert "to.*" in shape({"to": {key: {"n": 1}}}).fields
    assert "to.*.n" in shape({"to": {key: {"n": 1}}}).fields


def test_an_object_of_ever_other_keys_is_a_map() -> None:
    people = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon"]
    found = shape(*({"id": 1, "scores": {name: {"points": 1}}} for name in people))

    assert sorted(found.fields) == ["id", "scores", "scores.*", "scores.*.points"]
    assert not [one for one in drift.compare(found, shape({"id": 1, "scores": {"kim": {"points": 2}}})) if one.is_drift]


def test_a_map_learned_late_takes_its_keys_out_of_what_was_known() -> None:
    known = shape({"scores": {"ada": 1}})

    wider = known.merge(shape(*({"scores": {f"{name}a": 1}} for name in "bcdefghijkl")))

    assert sorted(wider.fields) == ["scores", "scores.*"]


def test_a_wide_record_is_bounded_and_a_deep_one_cut() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = {"a": deep}

    assert len(shape({f"c{number}": {"x": 1, "y": 2} for number in range(MOST_FIELDS)}).fields) == MOST_FIELDS
    assert max(path.count(".") for path in shape(deep).fields) <= 6
    assert shape_of([b"[" * 100_000, b"{", b"%PDF", b"[1]", b'"x"', b"\xff"]) == Shape()


def test_a_hostile_record_costs_little() -> None:
    inner = {f"k{number}": {f"j{other}": [1, 2] for other in range(60)} for number in range(100)}
    body = json.dumps(inner).encode()
    begun = time.process_time()

    shape_of(sample([body] * 100))

    assert time.process_time() - begun < 2


def test_a_sample_is_small_and_spread_over_the_page() -> None:
    page = [b"%d" % number for number in range(2000)]

    assert len(list(sample(page))) == 100
    assert len(list(sample(page[:100]))) == LEAST
    assert list(sample(page[:3])) == page[:3]
    assert list(sample(page))[-1] == b"1980"
