"""Dead letters: one for each bad record, whole and untouched, closed by a good version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ingestion import Context, ErrorBudget, Json, Page, Record, RecordError, Refusal, actions
from ingestion.models import DeadLetter, Run
from tests.ingestion.runs import OPERATOR, body, counts, dead_letters, item, load, new_tenant, over, replayed, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

FORGIVING = ErrorBudget(ratio=1.0)
DEEP = b'{"id": "deep", "amount": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
PAYLOADS = {
    "nul": b'{"id": "nul", "amount": "\x00"}',
    "escaped-nul": b'{"id": "escaped-nul", "amount": "a\\u0000b"}',
    "surrogate": b'{"id": "surrogate", "amount": "\\ud800"}',
    "raw-surrogate": b'{"id": "raw-surrogate", "amount": "\xed\xa0\x80"}',
    "nan": b'{"id": "nan", "amount": NaN}',
    "deep": DEEP,
    "digits": b'{"id": "digits", "amount": ' + b"9" * 5000 + b"}",
    "emoji": '{"id": "emoji", "amount": "👩‍👩‍👧 \u202e"}'.encode(),
    "latin-1": '{"id": "latin-1", "amount": "\xe9"}'.encode("latin-1"),
    "not-json": bytes(range(256)) * 40,
    "large": b'{"id": "large", "amount": "' + b'"\\\x00' * 1_700_000 + b'"}',
}


@dataclass(frozen=True)
class Raw:
    """Pages of records as they are."""

    pages: list[list[Record]]

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        for number, records in enumerate(self.pages[int(checkpoint or 0) :], start=int(checkpoint or 0) + 1):
            yield Page(records, number)


def raw(*records: Record) -> Any:
    return over([], source=Raw([list(records)]), error_budget=FORGIVING)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_hostile_payload_is_kept_untouched(name: str) -> None:
    run = load(raw(Record(name, PAYLOADS[name]), Record("good", body(item(1)))))

    (dead_letter,) = dead_letters(run.tenant)
    assert payload(dead_letter) == PAYLOADS[name]
    assert dead_letter.source_id == name
    assert counts(run) == (2, 1, 0, 1)


def payload(dead_letter: DeadLetter) -> bytes:
    from ingestion.dead_letters import writing as module

    return bytes(module.payload(dead_letter))


def test_all_hostile_payloads_together_fit_one_batch() -> None:
    run = load(raw(*(Record(name, data) for name, data in PAYLOADS.items()), Record("good", body(item(1)))))

    assert counts(run) == (len(PAYLOADS) + 1, 1, 0, len(PAYLOADS))
    assert {one.source_id: payload(one) for one in dead_letters(run.tenant)} == PAYLOADS


@pytest.mark.slow
@pytest.mark.parametrize(
    "key", ["a\0b", "\ud800", "k" * 5000, "ends in space ", "👩‍👩‍👧", "\x1f", "%s", "'; --", "\\"], ids=ascii
)
def test_a_hostile_key_stops_neither_its_letter_nor_the_next_run_nor_its_replay(key: str) -> None:
    tenant = new_tenant()
    bad = raw(Record(key, b'{"id": "x", "amount": "much"}'), Record("good", body(item(1))))

    first, second = load(bad, tenant), load(bad, tenant)
    again = replayed(tenant, bad)

    assert (counts(first), counts(second)) == ((2, 1, 0, 1), (2, 0, 1, 1))
    assert counts(again) == (1, 0, 0, 1)
    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.times_seen, dead_letter.replay_attempts, dead_letter.status) == (2, 1, "new")


def test_a_hostile_key_is_settled_when_its_replay_succeeds() -> None:
    tenant = new_tenant()
    keys = ["a\0b", "\ud800", "k" * 5000, "space ", "plain"]
    load(raw(*(Record(key, b'{"id": "%d", "amount": "much"}' % n) for n, key in enumerate(keys))), tenant)
    mended = over([], schema=AnyAmount)

    run = replayed(tenant, mended)

    assert counts(run) == (5, 5, 0, 0)
    assert {one.status for one in dead_letters(tenant)} == {"replayed"}


class AnyAmount(over([]).schema):  # type: ignore[misc]
    """What a developer ships to accept the records rejected so far."""

    @classmethod
    def model_validate_json(cls, data: bytes, **options: Any) -> Any:
        value = json.loads(data)
        return cls.model_construct(**{**value, "amount": 1, "revision": None, "label": ""})


@pytest.mark.parametrize("key", ["same", ""], ids=["with an id", "without an id"])
def test_the_same_bad_record_raises_its_count(key: str) -> None:
    tenant = new_tenant()
    bad = raw(Record(key, b'{"id": "same", "amount": "much"}', "line 1"))

    load(bad, tenant)
    second = load(bad, tenant)

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.times_seen, dead_letter.run_id) == (2, second.pk)
    assert dead_letter.first_seen < dead_letter.last_seen


def test_two_equal_bad_records_of_one_page_are_one_letter_seen_twice() -> None:
    run = load(raw(Record("", b"broken", "line 1"), Record("", b"broken", "line 2"), Record("", b"other")))

    assert counts(run) == (3, 0, 0, 3)
    assert sorted((payload(one), one.times_seen) for one in dead_letters(run.tenant)) == [(b"broken", 2), (b"other", 1)]


def test_another_payload_under_the_same_id_is_another_letter() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="much")]), tenant)
    load(over([item(1, amount="more")]), tenant)

    assert [one.times_seen for one in dead_letters(tenant)] == [1, 1]


def test_a_letter_failing_otherwise_than_before_says_so() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="-1.00")]), tenant)

    def transform(value: object, ctx: Context) -> Any:
        raise RecordError("the books are closed")

    load(over([item(1, amount="-1.00")], transform=transform), tenant)

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.stage, dead_letter.error_class, dead_letter.times_seen) == ("transform", "RecordError", 2)
    assert dead_letter.errors[0]["message"] == "the books are closed"


@pytest.mark.slow
def test_a_good_version_of_the_record_supersedes_its_letters() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="much"), item(2, amount="much")]), tenant)
    load(over([item(1, amount="more")]), tenant)

    good = load(over([item(1, amount="3.00")]), tenant)

    found = {(one.source_id, payload(one).count(b"more")): one.status for one in dead_letters(tenant)}
    assert found == {("rec_0001", 0): "abandoned", ("rec_0001", 1): "abandoned", ("rec_0002", 0): "new"}
    assert f"run {good.pk}" in dead_letters(tenant)[0].note


def test_the_same_bytes_loaded_by_a_mended_pipeline_close_their_letter_as_replayed() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="-1.00")]), tenant)

    load(over([item(1, amount="-1.00")], transform=lambda value, ctx: entry(value.id)), tenant)

    (dead_letter,) = dead_letters(tenant)
    assert dead_letter.status == "replayed"


def entry(key: str) -> Any:
    from tests.app.oracle import Entry

    return Entry(external_id=key, amount=1)


@pytest.mark.slow
def test_a_replayed_letter_whose_record_fails_again_is_open_again() -> None:
    tenant = new_tenant()
    bad = over([item(1, amount="-1.00")])
    load(bad, tenant)
    load(over([item(1, amount="-1.00")], transform=lambda value, ctx: entry(value.id)), tenant)

    load(over([item(1, amount="-1.00")], version="3"), tenant)

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.status, dead_letter.times_seen) == ("new", 2)


def test_an_abandoned_letter_stays_abandoned_when_its_record_fails_again() -> None:
    tenant = new_tenant()
    load(over([item(1, amount="much")]), tenant)
    actions.abandon(OPERATOR, dead_letters(tenant)[0], "known rubbish")

    load(over([item(1, amount="much")]), tenant)

    (dead_letter,) = dead_letters(tenant)
    assert (dead_letter.status, dead_letter.times_seen) == ("abandoned", 2)


def test_a_refusal_of_the_source_is_a_letter_at_extract() -> None:
    class Refusing(Raw):
        def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
            yield Page([], 1, [Refusal(Record("", b"\xff\xfe", "line 7"), RecordError("not a row"))])

    run = load(over([], source=Refusing([])))

    (dead_letter,) = dead_letters(run.tenant)
    assert (dead_letter.stage, dead_letter.position, payload(dead_letter)) == ("extract", "line 7", b"\xff\xfe")
    assert (run.state, counts(run), rows(run.tenant)) == (Run.State.PARTIAL, (1, 0, 0, 1), {})
