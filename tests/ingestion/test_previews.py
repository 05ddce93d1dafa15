"""What is inferred from a page, and what is masked."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ingestion import Page, Record, RecordError, Refusal, redaction
from ingestion.previews import MASK, looks_private, members, preview

pytestmark = pytest.mark.slow


def bodies(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def test_types_presence_and_nullability_are_inferred() -> None:
    found = {one.path: one for one in members(bodies(
        {"n": 1, "at": "2026-01-31T10:00:00Z", "day": "2026-01-31", "ok": True, "inner": {"x": 1.5}, "list": [{"y": 1}, {}]},
        {"n": 2.5, "at": None, "inner": {}, "list": []},
    ))}  # fmt: skip

    assert found["n"].types == ("whole number", "decimal")
    assert (found["at"].types, found["at"].nullable, found["at"].missing) == (("time",), True, False)
    assert (found["day"].types, found["day"].missing) == (("date",), True)
    assert (found["ok"].types, found["ok"].examples) == (("truth",), ("true",))
    assert (found["inner.x"].types, found["inner.x"].missing) == (("decimal",), True)
    assert (found["list[]"].types, found["list[].y"].missing) == (("object",), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "x"), ("userEmail", "x"), ("first_name", "Ann"), ("FirstName", "Ann"), ("phone", 5551234), ("iban", "x"),
        ("api_key", "x"), ("accessToken", "x"), ("password", "x"), ("birthDate", "1990-01-01"), ("ip", "x"), ("card", 1),
        ("q", "ann@example.com"), ("q", "+49 30 1234567"), ("q", "4111 1111 1111 1111"), ("q", "DE02120300000000202051"),
        ("q", "192.168.0.1"), ("q", "eyJhbGciOiJIUzI1NiJ9.e30.x"), ("q", "sk_live_abcdefgh1234"), ("q", "ghp_abcdefgh1234"),
        ("q", "-----BEGIN PRIVATE KEY-----"), ("q", "a8f5f167f44f4964e6c998dee827110c"), ("q", "https://a:b@c.example"),
        ("q", "https://c.example/?token=abc"),
    ],
)  # fmt: skip
def test_what_looks_private_is_masked(name: str, value: Any) -> None:
    assert looks_private(name, value)
    (member,) = members(bodies({name: value}))
    assert (member.masked, member.examples) == (True, (MASK,))


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", 17), ("status", "open"), ("total", "12.50"), ("at", "2026-01-31T10:00:00Z"), ("day", "2026-01-31"),
     ("currency", "EUR"), ("monkey", "x"), ("keyboard", "x"), ("email", None), ("note", ""), ("active", True)],
)  # fmt: skip
def test_what_does_not_is_shown(name: str, value: Any) -> None:
    assert not looks_private(name, value)


def test_one_private_value_masks_all_examples_of_its_member() -> None:
    (member,) = members(bodies({"q": "fine"}, {"q": "ann@example.com"}, {"q": "fine too"}))

    assert member.examples == (MASK,)


def test_records_show_no_value_of_a_member_that_is_masked_in_the_schema() -> None:
    first = {"id": 1, "who": {"email": "ann@example.com", "tags": ["ann@example.com", "x"]}, "q": "plain", "ok": None}
    second = {"id": 2, "who": {"tags": ["gold"]}, "q": "bob@example.com", "ok": True}
    page = Page([Record(str(one["id"]), json.dumps(one).encode()) for one in (first, second)], None)

    shown = preview(page)

    assert {one.path for one in shown.members if one.masked} == {"who.email", "who.tags[]", "q"}
    assert [json.loads(one) for one in shown.records] == [
        {"id": 1, "who": {"email": MASK, "tags": [MASK, MASK]}, "q": MASK, "ok": None},
        {"id": 2, "who": {"tags": [MASK]}, "q": MASK, "ok": True},
    ]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"{", b"5", b"null", b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900,
             b'{"n": ' + b"9" * 5000 + b"}", b'{"n": 1e9999999999999999999}', json.dumps({str(number): number for number in range(5000)}).encode()]
)  # fmt: skip
def test_whatever_a_record_is_a_preview_comes_of_it(body: bytes) -> None:
    shown = preview(Page([Record("", body)], None))

    assert len(shown.members) <= 300
    assert len(shown.records) == 1


@pytest.mark.parametrize(
    "value", ["a" * 100_000, "a@" * 50_000, "1" * 100_000, "eyJ" * 30_000, "://" * 30_000, " " * 100_000]
)
def test_hostile_values_cost_no_time(value: str) -> None:
    page = Page([Record("", json.dumps({f"m{number}": value for number in range(3)}).encode())] * 250, None)
    started = time.process_time()

    preview(page)

    assert time.process_time() - started < 10


def test_a_credential_that_is_open_is_masked() -> None:
    secret = "Kx7" * 30
    body = json.dumps({"a": secret, secret: [1], "b": f"{'-' * 55}{secret}", "c": "x" * 19_950 + secret}).encode()
    page = Page(
        [Record("", body, "1")], None, [Refusal(Record("", b"", "2"), RecordError(f"no {secret}"))], {}, [secret]
    )
    redaction.remember([secret])
    try:
        shown = repr(preview(page))
    finally:
        redaction.forget()

    assert secret[:12] not in shown
    assert redaction.MASK in shown
