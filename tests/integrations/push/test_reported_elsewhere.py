"""What was reported of receivers of webhooks, rebuilt with made-up bodies against the endpoint over a real socket."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ingestion.models import Connection, Delivery, Run
from ingestion.testing import make_tenant, registered
from ingestion.webhooks import sign
from integrations.push import Pushed
from tests.ingestion.commands.shell import asked
from tests.ingestion.received import connected
from tests.ingestion.runs import dead_letters, item, over, rows
from tests.integrations.push.urls import SECRETS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.integrations.push.urls")]


@pytest.fixture
def mine() -> Iterator[Connection]:
    with registered(over([], source=Pushed())) as pipeline:
        yield connected(pipeline, make_tenant("acme"))


def post(live_server: Any, to: Connection, body: bytes, **changes: str) -> tuple[int, dict[str, Any]]:
    """What the endpoint answers over a socket, to a sender that signs the bytes it sends."""
    now, message_id = int(time.time()), changes.pop("id", "msg_1")
    headers = {
        "Content-Type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(now),
        "webhook-signature": sign(SECRETS["acme"], message_id, now, body), **changes,
    }  # fmt: skip
    calling = http.client.HTTPConnection(live_server.thread.host, live_server.thread.port, timeout=30)
    calling.request("POST", f"/told/acme/{to.public_id}/", body, headers)
    answer = calling.getresponse()
    said = json.loads(answer.read())
    calling.close()
    return answer.status, said


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=latin-1", "text/plain"])
def test_a_signature_is_over_the_bytes_whatever_characters_they_are(
    live_server: Any, mine: Connection, content_type: str
) -> None:
    """github.com/octokit/webhooks.js/issues/1155 and github.com/github/docs/issues/3567: an emoji broke the proof."""
    body = json.dumps({**item(1), "note": "🎉 Zoë"}, ensure_ascii=False).encode()

    status, _ = post(live_server, mine, body, **{"Content-Type": content_type})

    assert status != 401
    assert bytes(Delivery.unscoped.get().body) == body


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", '{"id": "Zoë"}'.encode("latin-1"), b"\x80" * 100])
def test_bytes_that_are_no_utf8_are_no_error_of_ours(live_server: Any, mine: Connection, body: bytes) -> None:
    """github.com/mozilla-ai/clawbolt/pull/900: they ended in a 500, signed or not."""
    status, said = post(live_server, mine, body)
    forged, _ = post(live_server, mine, body, **{"webhook-signature": "v1,\xff"})

    assert (status, forged) == (207, 401)
    assert said["rejections"][0]["class"] == "RecordError"


@pytest.mark.slow
def test_the_same_event_forty_times_is_one_delivery_and_one_row(live_server: Any, mine: Connection) -> None:
    """github.com/sendgrid/docs/issues/2933."""
    body = json.dumps(item(1)).encode()

    answers = [post(live_server, mine, body) for _ in range(40)]

    assert answers == [(202, {"stored": True}), *[(200, {"stored": False})] * 39]
    assert len(asked("list", "deliveries", "--tenant", "acme")["deliveries"]) == 1


@pytest.mark.slow
def test_what_was_answered_outlives_the_process_that_answered(live_server: Any, mine: Connection) -> None:
    """github.com/idenplane/idenplane/issues/338: events that were answered lay in memory only."""
    status, _ = post(live_server, mine, json.dumps([item(1), {**item(2), "amount": "much"}]).encode())

    waiting = asked("list", "deliveries", "--tenant", "acme", "--state", "pending")["deliveries"]
    listed = [one["state"] for one in waiting]

    assert (status, listed) == (207, ["pending"])
    assert Run.unscoped.get().state == "queued"
    assert rows(mine.tenant) == {}
    assert dead_letters(mine.tenant) == []
