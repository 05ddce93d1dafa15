"""A body that is only partly good: its sender is told which items will be rejected, and they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from pydantic import BaseModel, field_validator

from ingestion.models import Connection, Delivery, Run
from ingestion.testing import make_tenant, registered
from ingestion.webhooks.feedback import NAMED
from integrations.push import Pushed
from tests.ingestion.received import connected
from tests.ingestion.runs import carry, dead_letters, item, over
from tests.integrations.push.test_endpoint import push

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integrations.push.urls")]


@pytest.fixture
def mine() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def told(to: Connection, body: bytes, **changes: Any) -> HttpResponse:
    return push(f"/told/{to.tenant.key}/{to.public_id}/", body, **changes)


def answered(response: HttpResponse) -> dict[str, Any]:
    return dict(json.loads(response.content))


BAD = {"id": "rec_0002", "amount": "much"}
BODIES: dict[str, tuple[bytes, list[tuple[int | None, str, str]]]] = {
    "a list": (json.dumps([item(1), {**item(2), "amount": "much"}, item(3), {"amount": "1"}]).encode(),
        [(1, "ValidationError", "amount: "), (3, "RecordError", "id")]),
    "an item that is no JSON": (
        b'[{"id": "rec_0001", "amount": "1.00"}, {"id": "rec_0002", "amount": NaN}]', [(1, "RecordError", "")]),
    "lines": (b"\n".join(json.dumps(one).encode() for one in (item(1), {**item(2), "amount": None})),
        [(1, "ValidationError", "amount: ")]),
    "one object": (json.dumps({**item(1), "amount": []}).encode(), [(0, "ValidationError", "amount: ")]),
    "elements that are no objects": (b"[1, null]", [(0, "RecordError", ""), (1, "RecordError", "")]),
    "no JSON": (b"{", [(None, "RecordError", "not JSON")]),
    "gzipped and not said": (gzip.compress(b"{}"), [(None, "RecordError", "neither a JSON object")]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_each_item_that_will_be_rejected_is_answered_and_becomes_a_dead_letter(mine: Connection, name: str) -> None:
    body, wanted = BODIES[name]

    response, again = told(mine, body), told(mine, body)
    run = carry(Run.unscoped.get())

    answer = answered(response)
    assert (response.status_code, again.status_code) == (207, 207)
    assert (answer["stored"], answered(again)) == (True, {**answer, "stored": False})
    assert answer["rejected"] == len(wanted) == run.dead == len(dead_letters(mine.tenant))
    assert answer["items"] == run.read
    for given, (index, error, words) in zip(answer["rejections"], wanted, strict=True):
        assert (given["index"], given["class"]) == (index, error)
        assert words in given["message"]
    assert sorted(one["class"] for one in answer["rejections"]) == sorted(
        one.error_class for one in dead_letters(mine.tenant)
    )


def test_a_body_against_which_nothing_speaks_is_answered_as_before(mine: Connection) -> None:
    body = json.dumps([item(1), item(2)]).encode()

    first, again = told(mine, body), told(mine, body)

    assert (first.status_code, answered(first)) == (202, {"stored": True})
    assert (again.status_code, answered(again)) == (200, {"stored": False})


def test_of_many_rejected_items_the_first_are_named_and_all_are_counted(mine: Connection) -> None:
    answer = answered(told(mine, json.dumps([{"id": str(n)} for n in range(NAMED + 1)]).encode()))

    assert (answer["items"], answer["rejected"], len(answer["rejections"])) == (NAMED + 1, NAMED + 1, NAMED)
    assert [one["index"] for one in answer["rejections"]] == list(range(NAMED))


def test_an_unproved_body_is_told_nothing_of_its_items(mine: Connection) -> None:
    response = told(mine, b"[1]", webhook_signature="v1,bogus")

    assert (response.status_code, set(answered(response))) == (401, {"error"})


class Broken(BaseModel):
    @field_validator("*", mode="before")
    @classmethod
    def _ask(cls, value: Any) -> Any:
        raise ConnectionError("no database")

    id: str


def test_a_validator_that_breaks_takes_nothing_from_what_was_stored() -> None:
    with registered(over([], source=Pushed(), schema=Broken)) as pipeline:
        response = told(connected(pipeline, make_tenant("acme")), json.dumps(item(1)).encode())

    assert (response.status_code, answered(response)) == (202, {"stored": True})
    assert Delivery.unscoped.count() == 1


@pytest.mark.slow
def test_a_compressed_body_is_refused_with_what_to_do_and_nothing_is_unpacked(mine: Connection) -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    response = told(mine, bomb, content_encoding="gzip")

    assert response.status_code == 415
    assert answered(response) == {"error": "Send the body as it is, uncompressed."}
    assert response["Accept-Encoding"] == "identity"
    assert not Delivery.unscoped.exists()
