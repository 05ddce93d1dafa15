"""What a pushed body may look like."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from ingestion import Context, CredentialError, Record, RecordError, Secret, TenantRef
from ingestion.webhooks import new_secret
from integrations.push import Pushed
from integrations.push.source import split
from tests.corpora import files

PAYLOADS = [path for path in files("webhooks") if path.name.endswith(".payload.json")]


def context(**values: str) -> Context:
    from datetime import UTC, datetime

    return Context(TenantRef(1, "acme"), "app.oracle", 0, datetime.now(UTC), credential=lambda: Secret(values))


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b'{"id": 1}', [b'{"id": 1}']),
        (b'\xef\xbb\xbf {"id": 1}\r\n', [b'{"id": 1}']),
        (b'{\n  "id": 1\n}', [b'{\n  "id": 1\n}']),
        (b"[]", []),
        (b'[{"id":1}, {"id":2}]', [b'{"id":1}', b'{"id":2}']),
        (b'{"id":1}\n\n{"id":2}\r\n', [b'{"id":1}', b'{"id":2}']),
        (b'{"id":1}\n{"id":', [b'{"id":1}', b'{"id":']),
        (b"[1, null]", [b"1", b"null"]),
    ],
)
def test_an_object_a_list_or_one_object_a_line(body: bytes, records: list[bytes]) -> None:
    assert split(body) == records


def test_a_record_with_a_name_twice_is_refused_and_the_others_are_not() -> None:
    body = b'[{"id": 1, "sum": 1, "sum": 2}, {"id": 2}, {"id": 3, "id": 4}]'

    page = Pushed().receive(context(), [Record("", body, "delivery 1")])

    assert [one.key for one in page.records] == ["2"]
    assert [(one.record.key, str(one.error)[:3]) for one in page.refused] == [("1", "sum"), ("", "id:")]


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"null", b'"text"', b"42", b"<html>", b"id,amount", b'[{"id":1}', b'{"id":', b'{\n "id": 1,\n', b'{"a": NaN}',
     b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"id":1} {"id":2}', b'{"id":1}\nnot json'],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_anything_else_is_refused_whole(body: bytes) -> None:
    with pytest.raises(RecordError):
        split(body)


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [b"[" + b",".join([b"1"] * 10_001) + b"]", b"\n".join([b"{}"] * 10_001),
     b"[" + b",".join([b'{"a":"],[\\"","b":[1,2]}'] * 10_001) + b"]", b'["' + b",{}" * 10_001 + b"]"],
    ids=["list", "lines", "nested", "behind a quote that does not end"],
)  # fmt: skip
def test_more_than_ten_thousand_records_are_one_refusal_and_counted_first(body: bytes) -> None:
    tracemalloc.start()
    page = Pushed().receive(context(), [Record("msg_1", body, "delivery 1")])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (page.records, len(page.refused)) == ([], 1)
    assert "more than 10000 records" in str(page.refused[0].error)
    assert peak < 3_000_000


@pytest.mark.parametrize("part", [b"1", b'{"a":"],[\\"","b":[1,2]}'])
def test_ten_thousand_records_are_taken(part: bytes) -> None:
    assert len(split(b"[" + b",".join([part] * 10_000) + b"]")) == 10_000


def test_records_say_in_which_delivery_they_stood_and_bad_ones_are_refused_alone() -> None:
    deliveries = [
        Record("msg_1", b'[{"id": "a"}, {"no": "id"}, 7]', "delivery 1"),
        Record("msg_2", b"nonsense", "delivery 2"),
        Record("msg_3", b'{"id": "b"}', "delivery 3"),
    ]

    page = Pushed().receive(context(), deliveries)

    assert [(one.key, one.position) for one in page.records] == [
        ("a", "delivery 1, item 1"),
        ("b", "delivery 3, item 1"),
    ]
    assert [one.record.position for one in page.refused] == ["delivery 2", "delivery 1, item 2", "delivery 1, item 3"]


def test_records_without_an_id_are_taken_when_told_so() -> None:
    page = Pushed(key="").receive(context(), [Record("msg_1", b'{"amount": 1}', "delivery 1")])

    assert [one.key for one in page.records] == [""]


@pytest.mark.skipif(not PAYLOADS, reason="the corpora are not here")
def test_real_webhook_payloads_are_taken_as_they_are() -> None:
    for path in PAYLOADS:
        (record,) = split(path.read_bytes())

        assert json.loads(record) == json.loads(path.read_bytes()), path.name


def test_the_connections_credential_can_be_tested_without_calling_anybody() -> None:
    good = context(signing_secret=new_secret(), previous_signing_secret=new_secret())

    assert "2 usable signing secrets" in Pushed().test(good)
    with pytest.raises(CredentialError):
        Pushed().test(context(signing_secret="password"))
    with pytest.raises(CredentialError):
        Pushed().test(context())
