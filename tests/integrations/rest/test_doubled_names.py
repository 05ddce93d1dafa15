"""A name that stands twice: in a record it costs that record alone, around the records the whole answer."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from ingestion import SourceChanged
from integrations.http import Response
from integrations.rest import Cursor
from integrations.rest.form_fields import JsonObject
from tests.integrations.rest.worlds import World, ids, read, reply, rest


def test_a_record_with_a_name_twice_is_refused_and_the_others_are_kept() -> None:
    body = b'{"data": [{"id": 1, "sum": "5.00", "sum": "7.00"}, {"id": 2, "id": 3}, {"id": 4}]}'

    (page,) = read(rest(), World(lambda request: reply(body)))

    assert ids([page]) == ["4"]
    named = [(one.record.key, [fault.path for fault in one.error.errors]) for one in page.refused]
    assert named == [("1", ["sum"]), ("", ["id"])]


def test_an_id_within_an_object_that_stands_twice_is_none() -> None:
    body = b'{"data": [{"ref": {"id": 1}, "ref": {"id": 2}}, {"ref": {"id": 4}}]}'

    (page,) = read(rest(key="ref.id"), World(lambda request: reply(body)))

    assert ids([page]) == ["4"]
    assert [one.record.key for one in page.refused] == [""]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"data":[{"id":1}],"data":[{"id":2}]}', "data"),
        (b'{ "data" : [ {"id": 1} ], "count": 1, "count": 2 }', "count"),
        (b'{"data":[{"id":1}],"next":"a","next":null}', "next"),
        (rb'{"data":[{"id":1}],"count":1,"\u0063ount":1}', "count"),
        (rb'{"data":[{"id":1,"name":"\ud800"}],"next":"a","next":null}', "next"),
        (rb'{"data":[{"id":1}],"at\u003aof":0,"count":1,"count":2}', "count"),  # its colon stands in for the lost one
    ],
)
def test_around_the_records_it_refuses_the_answer(body: bytes, name: str) -> None:
    with pytest.raises(SourceChanged, match=f"twice in one object.*{name}"):
        read(rest(total="$.count"), World(lambda request: reply(body)))


def test_a_next_cursor_that_stands_twice_deeper_refuses_the_answer() -> None:
    body = b'{"data": [{"id": 1}], "paging": {"after": "x", "after": "y"}}'
    pagination = Cursor(next="$.paging.after", param="after")

    with pytest.raises(SourceChanged, match=r"twice.*after"):
        read(rest(pagination=pagination), World(lambda request: reply(body)))


def test_a_filter_chooses_by_no_name_that_stands_twice() -> None:
    body = b'{"data": [{"id": 1, "state": "open", "state": "gone"}, {"id": 2, "state": "open"}]}'

    with pytest.raises(SourceChanged, match=r"data\.0\.state"):
        read(rest(records="$.data[?@.state == 'open']"), World(lambda request: reply(body)))


def test_a_page_that_is_one_record_is_refused_as_a_record() -> None:
    (page,) = read(rest(records="$"), World(lambda request: reply(b'{"id": 1, "sum": 1, "sum": 2}')))

    assert [one.record.key for one in page.refused] == ["1"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"id":1,"at":"12:30"}],"a:b":"c:d","count":1}',
        rb'{"data":[{"id":1}],"a\u003ab":{"x":":"},"count":1}',
        '{ "data": [{"id": 1}],\n "cöunt": 1,\t"count": 1 }'.encode(),
        b'{"data":[{"id":1,"data":{"data":1}}],"count":1,"meta":{"count":1}}',
    ],
)
def test_names_that_stand_once_in_each_object_are_no_fault(body: bytes) -> None:
    (page,) = read(rest(total="$.count"), World(lambda request: reply(body)))

    assert (ids([page]), len(page.refused)) == (["1"], 0)


def test_an_answer_with_a_name_twice_is_no_token_answer() -> None:
    answer = Response(200, {}, b'{"access_token": "a", "access_token": "b"}', "https://x", "POST x")

    with pytest.raises(SourceChanged, match="access_token"):
        answer.json()


def test_a_form_takes_no_object_with_a_name_twice() -> None:
    with pytest.raises(ValidationError, match="status"):
        JsonObject().clean('{"status": "open", "status": "closed"}')
    assert JsonObject().clean('{"status": "open"}') == {"status": "open"}
