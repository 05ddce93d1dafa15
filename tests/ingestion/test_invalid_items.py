"""A record that is no JSON is one dead letter, and not the page that holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ingestion import Context, CountsAgree, ErrorBudget, Json, JsonPages, SourceChanged, Upsert
from ingestion.core.json_items import json_items
from ingestion.models import Run
from tests.app.oracle import Entry
from tests.ingestion.runs import counts, dead_letters, load, new_tenant, over, rows

INVALID = [
    b'{"id":"bad","amount":NaN}',
    b'{"id":"bad","amount":01}',
    b'{"id":"bad","amount":"1.00" "label":"x"}',
    b'{"id":"bad","amount":"1.00",}',
    b'{"id":"bad","amount":"1.00","label":"\\x"}',
    b'{"id":"bad","amount":"1.00","label":"a\x01b"}',
    b'{"id":"bad","amount":"1.00","label":"\xff"}',
    b'{"id":"bad","amount":"1.00","label":"\\ud800"}',
    b'{"id":"bad","amount":"1.00","label":undefined}',
    b'{"amount":"1.00","id":"bad","label":tru}',
]
GOOD = [b'{"id":"a","amount":"1.00","label":"[,]{}\\""}', b'{"id":"b","amount":"2.00"}']


def once(body: bytes) -> Callable[[Context, Json], tuple[bytes, Json]]:
    return lambda ctx, cursor: (body, None)


@pytest.mark.django_db
@pytest.mark.parametrize("invalid", INVALID)
@pytest.mark.parametrize("name", ["data", ""])
def test_one_invalid_record_is_one_dead_letter_and_the_others_are_loaded(invalid: bytes, name: str) -> None:
    page = b"[" + b" ,\n".join([GOOD[0], invalid, GOOD[1]]) + b"]"
    body = b'{"meta":{"data":[1]},"data":' + page + b',"total":3}' if name else page
    tenant = new_tenant()

    declared: Any = {"declares": {"count": "total"}} if name else {}
    source = JsonPages(once(body), name, **declared)
    run = load(over([], source=source, destination=Upsert(Entry, key=["external_id"]), error_budget=ErrorBudget(1),
                    reconciliations=[CountsAgree()]), tenant)  # fmt: skip

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (3, 2, 0, 1))
    assert sorted(rows(tenant)) == ["a", "b"]
    assert [(dead_letter.source_id, bytes(dead_letter.payload)) for dead_letter in dead_letters(tenant)] == [
        ("bad", invalid)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":"a","amount":"1.00"},{"id":"b"',
        b'{"data":[{"id":"a"},,{"id":"b"}]}',
        b'{"data":[{"id":"a"},{"id":"b"}],"total":NaN}',
        b'{"data":[{"id":"a","x":[1}]}]}',
        b'{"rows":[{"id":"a","x":NaN}]}',
        b"<html>{</html>",
        b"",
    ],
)
def test_a_page_that_is_broken_around_its_records_fails_the_run(body: bytes) -> None:
    run = load(over([], source=JsonPages(once(body), declares={"count": "total"} if b"total" in body else {})))

    assert (run.state, run.error_class) == (Run.State.FAILED, "SourceChanged")


@pytest.mark.parametrize("name", ["data", ""])
@pytest.mark.parametrize("value", [[], [1, "a,b]", None], [{"a": [1, {"b": '"}'}]}, {}], ["\\", '"'], [[], [[]]]])
def test_what_is_taken_apart_is_what_a_decoder_finds(value: list[Any], name: str) -> None:
    page = json.dumps({"x": {"data": [0]}, "data": value, "y": ["data"]} if name else value, indent=1).encode()

    items, rest = json_items(page, name)

    assert [json.loads(item) for item in items] == value
    assert json.loads(rest) == (json.loads(page) | {"data": []} if name else [])


def test_taking_apart_is_linear_in_the_page() -> None:
    """Counted in calls of the generator that walks the page, at two sizes."""
    from ingestion.core import json_items as module

    def tokens(records: int) -> int:
        page = b"[" + b",".join([b'{"id":"a","x":NaN}'] * records) + b"]"
        return sum(1 for _ in module._nested(page))

    assert tokens(2000) <= 2 * tokens(1000)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_cursors_that_come_round_again_end_the_reading(length: int) -> None:
    asked = []

    def fetch(ctx: Context, cursor: Json) -> tuple[bytes, Json]:
        asked.append(cursor)
        assert len(asked) < 100
        return b'{"data":[]}', (int(str(cursor or 0)) % (5 + length)) + 1 if (cursor or 0) != 5 + length else 6

    ctx: Context = Context.__new__(Context)
    with pytest.raises(SourceChanged, match="would never end"):
        list(JsonPages(fetch).extract(ctx, None))


def test_cursors_that_all_differ_are_followed_to_the_end() -> None:
    def fetch(ctx: Context, cursor: Json) -> tuple[bytes, Json]:
        number = int(str(cursor or 0)) + 1
        return b'{"data":[]}', number if number < 300 else None

    ctx: Context = Context.__new__(Context)

    assert len(list(JsonPages(fetch).extract(ctx, None))) == 300
