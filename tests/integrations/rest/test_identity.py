"""What makes two records the same: the members of a key together, or without one the record's value."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingestion import actions, running
from ingestion.models import Tenant
from ingestion.running import Hooks
from ingestion.testing import registered
from integrations.rest.fields import join_ids
from integrations.rest.identity import Twins, canonical, identity, mark_twin, twin_number
from tests.ingestion.runs import OPERATOR, dead_letters, expire, finish
from tests.ingestion.test_letters import payload
from tests.integrations.rest.test_ends import cursor_of
from tests.integrations.rest.test_records import acme, connected, over, rows, run
from tests.integrations.rest.worlds import World, reply

__all__ = ["acme"]
KEYLESS: dict[str, Any] = {"key": "", "updated": "", "total": "", "pagination": {"style": "none"}}
SPELLINGS = [
    b'{"name": "caf\xc3\xa9", "price": 1.0, "of": {"a": 1, "b": [100, -0.0]}}',
    b'{"price":1.00,"name":"caf\\u00e9","of":{"b":[1e2,0],"a":1}}',
    b'{"of": {"b": [100.0, 0.0], "a": 10e-1}, "price": 1, "name": "\\u0063af\\u00e9"}',
]
json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text() | some.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=5), inner, max_size=4), max_leaves=12,
)  # fmt: skip


def page(*rows: bytes) -> Any:
    return lambda request: reply(b'{"data": [' + b",".join(rows) + b"]}")


@pytest.mark.django_db
def test_a_record_without_an_id_stays_one_however_it_is_written(acme: Tenant) -> None:
    connection = connected(acme, **KEYLESS)

    made = [run(connection, page(one)) for one in SPELLINGS]

    assert [one.state for one in made] == ["succeeded"] * 3
    assert len(rows(acme)) == 1


@pytest.mark.django_db
def test_twins_are_two_and_stay_two(acme: Tenant) -> None:
    connection = connected(acme, **KEYLESS)
    a, other, b = SPELLINGS[0], b'{"name": "tea"}', SPELLINGS[1]

    first, second = run(connection, page(a, other, b)), run(connection, page(b, a, other))

    assert (first.ok, second.ok + second.skipped) == (3, 3)
    assert len(rows(acme)) == 3


@pytest.mark.parametrize("style", ["cursor", "page", "offset"])
@pytest.mark.django_db
@pytest.mark.slow
def test_twins_on_two_pages_are_two_also_where_rows_are_read_again(acme: Tenant, style: str) -> None:
    many = [{"n": number % 5} for number in range(23)]

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        at = 4 * (int(asked["page"]) - 1) if "page" in asked else int(asked.get("offset", asked.get("cursor", 0)))
        return reply({"data": many[at : at + 4], "next_cursor": at + 4 if at + 4 < len(many) else None})

    connection = connected(acme, **{**KEYLESS, "pagination": {"style": style}})

    first, second = run(connection, answer), run(connection, answer)

    assert (first.state, second.state, second.ok) == ("succeeded", "succeeded", 0)
    assert len(rows(acme)) == 23


@pytest.mark.parametrize("odd", ["null", '{"n": NaN}'])
@pytest.mark.parametrize("style", ["cursor", "page", "offset"])
@pytest.mark.django_db
def test_an_element_that_is_no_record_does_not_make_twins_of_others(acme: Tenant, style: str, odd: str) -> None:
    many = [json.dumps({"n": number}) for number in range(11)]
    many[1] = odd

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        at = 4 * (int(asked["page"]) - 1) if "page" in asked else int(asked.get("offset", asked.get("cursor", 0)))
        after = at + 4 if at + 4 < len(many) else None
        return reply(f'{{"data": [{", ".join(many[at : at + 4])}], "next_cursor": {json.dumps(after)}}}'.encode())

    run(connected(acme, **{**KEYLESS, "pagination": {"style": style}}), answer)

    assert sorted(body["n"] for body in rows(acme).values()) == [0, *range(2, 11)]


@pytest.mark.django_db
def test_equal_rows_that_fill_two_pages_are_all_kept(acme: Tenant) -> None:
    many = [{"n": 1}] * 5 + [{"n": 2}]

    def answer(request: httpx.Request) -> httpx.Response:
        at = int(request.url.params["offset"])
        return reply({"data": many[at : at + 3]})

    made = run(connected(acme, **{**KEYLESS, "pagination": {"style": "offset", "limit": 3}}), answer)

    assert made.state == "succeeded"
    assert len(rows(acme)) == 6


@pytest.mark.django_db
@pytest.mark.slow
def test_twins_are_counted_on_after_a_worker_died(acme: Tenant) -> None:
    class Died(BaseException):
        pass

    def answer(request: httpx.Request) -> httpx.Response:
        at = cursor_of(request)
        return reply({"data": [{"n": 1}, {"of": at}], "next_cursor": at + 2 if at < 8 else None})

    def die(point: str) -> None:
        if point == "committed":
            raise Died

    connection = connected(acme, **{**KEYLESS, "pagination": {"style": "cursor"}})
    with registered(over(World(answer))):
        made = actions.run_now(OPERATOR, connection, wake=False)
        with pytest.raises(Died):
            running.execute(made.pk, Hooks(at=die))
        expire(made)
        with pytest.raises(Died):
            running.execute(made.pk, Hooks(at=die))
        done = finish(made)

    assert done.state == "succeeded"
    assert len(rows(acme)) == 10


@pytest.mark.django_db
def test_several_members_are_one_id_together(acme: Tenant) -> None:
    lines = [{"order": "A", "line": 1, "x": 1}, {"order": "A", "line": 2}, {"order": "B", "line": 1}]
    connection = connected(acme, **{**KEYLESS, "key": ["order", "line"]})

    run(connection, lambda request: reply({"data": lines}))
    second = run(connection, lambda request: reply({"data": [{"order": "A", "line": 1, "x": 2}, {"order": "C"}]}))

    assert {key for _, key in rows(acme)} == {"A|1", "A|2", "B|1"}
    assert rows(acme)["shop", "A|1"]["x"] == 2
    assert (second.state, second.dead) == ("partial", 1)


@pytest.mark.slow
@given(
    some.lists(some.text(min_size=1), min_size=2, max_size=2), some.lists(some.text(min_size=1), min_size=2, max_size=2)
)
def test_two_ids_are_never_one(one: list[str], other: list[str]) -> None:
    assert (join_ids(one) == join_ids(other)) == (one == other)


BROKEN = {
    "NaN": (b'{"id": 7, "price": NaN, "ok": 1}', "price", "NaN is no JSON number"),
    "infinity, deep": (b'{"id": 7, "lines": [{"price": -Infinity}]}', "lines.0.price", "no JSON number"),
    "half a surrogate in a name": (b'{"id": 7, "na\\ud800me": 1}', "na\\ud800me", "name of a member"),
    "no number under half a name": (b'{"id": 7, "in": {"na\\ud800me": NaN}}', "in.na\\ud800me", "name of a member"),
    "half a surrogate": (b'{"id": 7, "name": "\\ud800"}', "name", "half a character"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.django_db
def test_a_letter_names_the_member_that_is_wrong_and_keeps_the_id(acme: Tenant, name: str) -> None:
    body, member, words = BROKEN[name]

    made = run(connected(acme, **{**KEYLESS, "key": "id"}), page(body, b'{"id": 8}'))

    assert (made.state, made.ok, made.dead) == ("partial", 1, 1), made.error_message
    (dead_letter,) = dead_letters(acme)
    assert (dead_letter.source_id, dead_letter.errors[0]["path"]) == ("7", member)
    assert words in dead_letter.errors[0]["message"]
    assert payload(dead_letter) == body


@pytest.mark.parametrize(
    ("header", "declared", "name"),
    [("application/json; charset=ISO-8859-1", "", "café"), ("application/json", "latin-1", "café"),
     ('application/json; charset="windows-1252"', "", "café"), ("application/json; charset=utf-8", "windows-1252", "café")],
)  # fmt: skip
@pytest.mark.django_db
def test_a_declared_charset_is_heeded(acme: Tenant, header: str, declared: str, name: str) -> None:
    body = f'{{"data": [{{"id": 1, "name": "{name}"}}]}}'.encode("latin-1")

    made = run(connected(acme, **{**KEYLESS, "key": "id", "charset": declared}),
               lambda request: reply(body, Content_Type=header))  # fmt: skip

    assert made.state == "succeeded", made.error_message
    assert rows(acme)["shop", "1"]["name"] == name


@pytest.mark.django_db
def test_another_charset_that_nobody_declared_is_named_in_the_letter(acme: Tenant) -> None:
    body = '{"data": [{"id": 1, "name": "café"}, {"id": 2, "name": "tea"}]}'.encode("latin-1")

    made = run(connected(acme, **{**KEYLESS, "key": "id"}), lambda request: reply(body))

    assert (made.state, made.ok, made.dead) == ("partial", 1, 1)
    (dead_letter,) = dead_letters(acme)
    assert (dead_letter.source_id, dead_letter.errors[0]["path"]) == ("1", "name")
    assert "charset, such as latin-1" in dead_letter.errors[0]["message"]


@pytest.mark.django_db
def test_utf_8_that_is_called_something_else_stays_utf_8(acme: Tenant) -> None:
    body = '{"data": [{"id": 1, "name": "café"}]}'.encode()

    run(
        connected(acme, **{**KEYLESS, "key": "id"}),
        lambda request: reply(body, Content_Type="text/json; charset=latin1"),
    )

    assert rows(acme)["shop", "1"]["name"] == "café"


@given(json_values, some.randoms())
@pytest.mark.slow
def test_one_value_has_one_canonical_text(value: Any, chance: Any) -> None:
    def shuffled(one: Any) -> Any:
        if isinstance(one, dict):
            names = list(one)
            chance.shuffle(names)
            return {name: shuffled(one[name]) for name in names}
        return [shuffled(each) for each in one] if isinstance(one, list) else one

    def written(one: Any, **options: Any) -> bytes:
        return json.dumps(
            one, default=lambda number: float(number) if number == Decimal(repr(float(number))) else 0, **options
        ).encode()

    first = written(value, ensure_ascii=True, indent=chance.choice([None, 1]))
    second = written(shuffled(value), ensure_ascii=False)

    assert canonical(first) == canonical(second)


@given(
    some.text() | some.integers() | some.booleans() | some.none(),
    some.text() | some.integers() | some.booleans() | some.none(),
)
def test_two_values_have_two(one: Any, other: Any) -> None:
    same = type(one) is type(other) and one == other

    assert (identity(json.dumps([one]).encode()) == identity(json.dumps([other]).encode())) == same


def test_rows_that_are_read_again_are_counted_once() -> None:
    twins = Twins()

    numbers = [twins.number(["a", "b", "a"], 0), twins.number(["a", "c"], 2), twins.number(["a"], 4)]

    assert numbers == [[1, 1, 2], [2, 1], [3]]
    assert [twin_number(mark_twin(b"{}", number)) for number in (1, 2, 3)] == [1, 2, 3]
