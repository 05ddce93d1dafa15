"""Declarations from code and from JSON: what is refused, in which words, and what placeholders become."""

from __future__ import annotations

import gc
import json
import logging
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ingestion import ConfigurationError, SourceChanged, Window
from integrations.rest import Bearer, Cursor, Offset, PageNumber, Rest
from integrations.rest.answers import Signal
from integrations.rest.session import build_call
from tests.integrations.rest.worlds import WINDOW, World, context, read, reply, rest

LEAST: dict[str, Any] = {"base_url": "https://api.example.com"}


def test_the_same_value_comes_from_code_and_from_json() -> None:
    given = {**LEAST, "path": "orders", "params": {"since": "{window.start}", "limit": 50, "deep": True},
             "records": "$.data[*]", "key": "id", "updated": "updated_at",
             "pagination": {"style": "cursor", "next": "$.meta.next"}, "auth": {"kind": "bearer"}}  # fmt: skip

    declared = Rest(
        base_url="https://api.example.com", path="/orders", records="$.data[*]", key="id", updated="updated_at",
        params={"since": "{window.start}", "limit": 50, "deep": True},
        pagination=Cursor(next="$.meta.next"), auth=Bearer(),
    )  # fmt: skip

    assert Rest.from_json(given) == declared
    assert Rest.from_json(json.loads(declared.model_dump_json())) == declared


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a key that does not exist": ({"paginatoin": {}}, r"`paginatoin` is no key; did you mean `pagination`\?"),
    "a key of the style that does not exist": (
        {"pagination": {"style": "cursor", "nxt": "$.n"}}, r"`pagination.nxt` is no key; did you mean `next`\?"),
    "a style that does not exist": ({"pagination": {"style": "cursr"}}, "did you mean `cursor`"),
    "a style that is missing": ({"pagination": {"param": "x"}}, "`pagination.style` must be one of none, page"),
    "a kind that does not exist": ({"auth": {"kind": "oauth"}}, "`auth.kind` must be one of"),
    "text for a number": ({"max_pages": "many"}, "`max_pages`"),
    "a number out of range": ({"max_pages": 0}, "`max_pages`"),
    "no scheme": ({"base_url": "api.example.com"}, "scheme, host and path"),
    "another scheme": ({"base_url": "file:///etc/passwd"}, "scheme, host and path"),
    "a query in the address": ({"base_url": "https://api.example.com?x=1"}, "scheme, host and path"),
    "a path that goes up": ({"path": "/a/../b"}, "does not go up"),
    "a path that is an address": ({"path": "https://evil.example"}, "follows the base URL"),
    "a path that is another host": ({"path": "//evil.example"}, "follows the base URL"),
    "a placeholder that does not exist": ({"params": {"since": "{window.begin}"}}, "is no placeholder"),
    "a format that does not exist": ({"params": {"since": "{window.start:iso}"}}, "is no placeholder"),
    "python in a placeholder": ({"params": {"x": "{config.__class__.mro}"}}, "is no placeholder"),
    "other braces": ({"params": {"since": "{start}"}}, "braces mark placeholders"),
    "a header of ours": ({"headers": {"Host": "x"}}, "cannot be set"),
    "the call's own id": ({"headers": {"X-Request-Id": "x"}}, "cannot be set"),
    "a key in a header of ours": ({"auth": {"kind": "api_key", "name": "X-Request-Id"}}, "cannot be set"),
    "a header with a line break": ({"headers": {"X-A": "a\r\nB: c"}}, "printable"),
    "a body with GET": ({"body": {}}, "needs method POST"),
    "paging in the body with GET": ({"pagination": {"style": "cursor", "place": "body"}}, "needs method POST"),
    "two totals": ({"total": "$.n", "total_header": "X-Total"}, "name one of them"),
    "a total of many": ({"total": "$.n[*]"}, "one value"),
    "a cursor of many": ({"pagination": {"style": "cursor", "next": "$..next"}}, "one value"),
    "ids for since, but no key": ({"pagination": {"style": "since_id"}, "key": ""}, "needs a key"),
    "no path": ({"records": "data"}, "starts with"),
    "half a path": ({"records": "$.data["}, "not a JSONPath"),
    "a path of a thousand steps": ({"records": "$" + ".a" * 99}, "more than 12 steps"),
    "a regular expression": ({"records": "$.data[?match(@.a, '(a+)+$')]"}, "only compare"),
    "another regular expression": ({"records": "$.data[?@.a =~ /(a+)+$/]"}, "only compare"),
    "a number without end in a filter": ({"records": "$.data[?@.a == 1e999999999]"}, "is not a JSONPath"),
    "deep searches in one another": ({"records": "$..a..b"}, "more than once"),
    "a search in a filter": ({"records": "$.data[?@..a]"}, "by name"),
    "the page in a filter": ({"records": "$.data[?$..a]"}, "only compare"),
    "a key like a path": ({"key": "$.id"}, "dotted"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_words(name: str) -> None:
    changes, words = WRONG[name]

    with pytest.raises(ConfigurationError, match=words):
        Rest.from_json({**LEAST, **changes})


def test_text_that_is_no_json_is_told_from_an_object() -> None:
    with pytest.raises(ConfigurationError, match=r"no JSON: Expecting .* at character 27 of 26\."):
        Rest.from_json('{"base_url": "https://a.b"')
    with pytest.raises(ConfigurationError, match="without the quotation marks"):
        Rest.from_json('{"base_url": "https://a.b"}')


@pytest.mark.parametrize(
    "raw", [None, [], "x", 5, {}, {"base_url": None}, {"base_url": "https://a.b", "body": {"a": "x" * 99_999}}]
)
def test_what_is_no_declaration_is_refused(raw: Any) -> None:
    with pytest.raises(ConfigurationError):
        Rest.from_json(raw)


def test_no_value_of_a_wrong_declaration_is_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Rest.from_json({**LEAST, "max_pages": "PRIVATE", "pagination": {"style": "page", "start": "PRIVATE"}})

    assert "PRIVATE" not in str(refused.value)


def test_in_code_a_wrong_value_fails_where_it_is_written() -> None:
    with pytest.raises(ConfigurationError, match="scheme, host and path"):
        Rest(base_url="nowhere")
    with pytest.raises(ValidationError):
        rest().path = "/other"  # type: ignore[misc]  # frozen, which is the point


IN_CODE: dict[str, tuple[Callable[[], Any], str]] = {
    "a key": (lambda: rest(recrods="$"), "Rest is declared wrongly. `recrods` is no key; did you mean `records`?"),
    "a value": (lambda: rest(timeout="x"), "`timeout`: Input should be a valid integer."),
    "nothing": (lambda: Rest(), "`base_url` is missing."),  # type: ignore[call-arg]
    "a style": (lambda: rest(pagination={"style": "cursr"}), "did you mean `cursor`?"),
    "a key of a style": (lambda: Cursor(parm="x"), "Cursor is declared wrongly. `parm` is no key; did you mean `param`?"),  # type: ignore[call-arg]
    "a key of a style within": (lambda: rest(pagination={"style": "cursor", "parm": "x"}), "`pagination.parm` is no key"),
    "a signal": (lambda: Signal(att="$.ok"), "did you mean `at`?"),  # type: ignore[call-arg]
}  # fmt: skip


@pytest.mark.parametrize("name", IN_CODE)
def test_what_is_declared_wrongly_in_code_is_named_with_what_is_nearest(name: str) -> None:
    declare, words = IN_CODE[name]

    with pytest.raises(ConfigurationError) as refused:
        declare()

    assert words in str(refused.value)


def test_what_json_writes_as_a_list_may_be_one_in_code() -> None:
    lists: dict[str, Any] = {"signals": [{"at": "$.ok", "success": [True]}], "empty": ["null"]}

    declared = rest(**lists, pagination=Cursor(ends=[0, "END"]))  # type: ignore[arg-type]

    assert declared == rest(
        signals=(Signal(at="$.ok", success=(True,)),), empty=("null",), pagination=Cursor(ends=(0, "END"))
    )


def test_null_is_the_same_as_leaving_a_key_out() -> None:
    nulls = {**LEAST, "total": None, "key": None, "pagination": None, "auth": {"kind": "bearer", "scheme": None},
             "error_budget": {"ratio": None}, "signals": [{"at": "$.ok", "text": None}]}  # fmt: skip
    left_out = {**LEAST, "auth": {"kind": "bearer"}, "error_budget": {}, "signals": [{"at": "$.ok"}]}

    assert Rest.from_json(nulls) == Rest.from_json(left_out)
    assert Rest.from_json({**LEAST, "method": "POST", "body": {"after": None}}).body == {"after": None}
    with pytest.raises(ConfigurationError, match="`base_url` is missing"):
        Rest.from_json({"base_url": None})


def test_placeholders_become_the_window() -> None:
    forms = ["{window.start}", "{window.start:seconds}", "{window.start:milliseconds}", "{window.start:date}",
             "{window.end}", "{ window.end:date }"]  # fmt: skip

    call = build_call(rest(params={str(number): form for number, form in enumerate(forms)}), context())

    assert list(call.params.values()) == [
        "2026-02-28T23:55:00Z", "1772322900", "1772322900000", "2026-02-28", "2026-03-01T12:00:01Z", "2026-03-01",
    ]  # fmt: skip
    assert WINDOW.start <= datetime(2026, 2, 28, 23, 55, 1, tzinfo=UTC)


def test_the_window_is_never_narrowed_by_rounding() -> None:
    sharp = Window(datetime(2026, 1, 1, 0, 0, 0, 999_999, UTC), datetime(2026, 1, 1, 0, 0, 1, 1, UTC))

    call = build_call(rest(params={"a": "{window.start}", "b": "{window.end}"}), context(window=sharp))

    assert call.params == {"a": "2026-01-01T00:00:00Z", "b": "2026-01-01T00:00:02Z"}


def test_without_a_window_everything_until_now_is_meant() -> None:
    call = build_call(rest(params={"since": "{window.start:seconds}"}), context(window=None))

    assert call.params == {"since": "0"}


def test_a_body_may_hold_graphql_and_placeholders() -> None:
    world = World(lambda request: reply({"data": []}))
    query = "query { orders(first: 10) { id name } }"
    declared = rest(method="POST", body={"query": query, "variables": {"since": "{window.start:date}"}},
                    pagination=Cursor(param="variables.after", place="body"))  # fmt: skip

    read(declared, world)

    assert json.loads(world.asked[0].content) == {"query": query, "variables": {"since": "2026-02-28"}}


def test_a_cursor_may_go_into_the_body() -> None:
    def answer(request: Any) -> Any:
        after = json.loads(request.content)["variables"].get("after")
        return reply({"data": [{"id": after or "first"}], "next_cursor": None if after else "c1"})

    world = World(answer)
    declared = rest(
        method="POST", body={"variables": {"first": 1}}, pagination=Cursor(param="variables.after", place="body")
    )

    pages = read(declared, world)

    assert [record.key for page in pages for record in page.records] == ["first", "c1"]
    assert json.loads(world.asked[1].content) == {"variables": {"first": 1, "after": "c1"}}


@pytest.mark.parametrize("style", [PageNumber(place="body"), Offset(place="body")])
def test_numbers_go_into_the_body_as_numbers(style: Any) -> None:
    world = World(lambda request: reply({"data": []}))

    read(rest(method="POST", pagination=style), world)

    assert all(isinstance(value, int) for value in json.loads(world.asked[0].content).values())


def test_the_config_may_differ_between_tenants() -> None:
    declared = Rest(
        base_url="https://{config.shop}.example.com", path="/of/{config.shop}", params={"s": "{config.shop}"}
    )

    call = build_call(declared, context(config={"shop": "north"}))

    assert (call.url, call.params) == ("https://north.example.com/of/north", {"s": "north"})


@pytest.mark.parametrize(
    "shop", ["evil.net/#", "evil.net?x=", "a@evil.net", "evil.net\\", "", None, {}, True, "x" * 300, "a/../b"]
)
def test_a_config_cannot_lead_the_address_elsewhere(shop: Any) -> None:
    world = World(lambda request: reply([]))
    declared = Rest(base_url="https://{config.shop}.example.com", path="/x/{config.shop}").through(world.connect)

    with pytest.raises((ConfigurationError, SourceChanged)):
        list(declared.extract(context(config={"shop": shop}), None))

    assert world.asked == []


def test_a_parameter_may_come_several_times() -> None:
    world = World(lambda request: reply({"data": []}))

    read(rest(params={"field": ["id", "{window.start:date}"], "deep": True, "limit": 5}), world)

    assert world.asked[0].url.params.get_list("field") == ["id", "2026-02-28"]
    assert dict(world.asked[0].url.params) | {"field": ""} == {"field": "", "deep": "true", "limit": "5"}


def test_the_example_of_the_reference_is_a_declaration() -> None:
    from tests.docs.rest_page import EXAMPLE

    assert Rest.from_json(EXAMPLE["rest"]).incremental


@pytest.mark.slow
def test_memory_stays_flat_over_many_pages() -> None:
    def answer(request: Any) -> Any:
        at = int(request.url.params.get("cursor", 0))
        rows = [{"id": f"{at}-{number}", "text": "x" * 300} for number in range(100)]
        return reply({"data": rows, "next_cursor": at + 1 if at < 300 else None})

    world = World(answer)
    pages = rest(pagination=Cursor()).through(world.connect).extract(context(), None)
    logging.disable(logging.INFO)  # the tests keep every line
    tracemalloc.start()
    sizes = []
    for number, _ in enumerate(pages):
        world.asked.clear()
        if number in (50, 300):
            gc.collect()  # what waits to be collected is not kept
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    logging.disable(logging.NOTSET)

    assert sizes[1] - sizes[0] < 300_000


@pytest.mark.parametrize(
    ("params", "whole"),
    [({}, False), ({"a": "{window.start}"}, False), ({"a": "{window.end}"}, False),
     ({"a": "{window.start:date}..{window.end:date}"}, True)],
)  # fmt: skip
def test_only_a_call_that_names_both_ends_reads_its_window_alone(params: Any, whole: bool) -> None:
    assert rest(params=params).reads_windows(context()) is whole


def test_pages_are_read_ahead_only_where_the_declaration_says_that_this_acknowledges_nothing() -> None:
    ahead = rest(ahead=True)

    assert ahead.reads_ahead(context())
    assert not rest().reads_ahead(context())
    assert ahead.fingerprint == rest().fingerprint  # a checkpoint of before is still good
