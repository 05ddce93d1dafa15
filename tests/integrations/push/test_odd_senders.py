"""Senders and proxies that are odd in what they send: what is answered with 2xx is kept, and ends in a row or a letter."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from ingestion.models import Connection, DeadLetter, Delivery
from ingestion.webhooks import Unverified, new_secret, sign, standard_webhooks
from tests.ingestion.runs import carry, item, rows
from tests.integrations.push.test_endpoint import mine, push  # noqa: F401  a fixture
from tests.integrations.push.urls import SECRETS

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integrations.push.urls"),
]
OLD, NEW, OTHER = new_secret(), new_secret(), new_secret()


def signatures(*secrets: str) -> list[str]:
    return [sign(secret, "msg_1", 1_750_000_000, b"{}") for secret in secrets]


def verified(header: str, secrets: list[str]) -> bool:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1750000000", "webhook-signature": header}
    try:
        return standard_webhooks(headers, b"{}", secrets, 1_750_000_000.0) == "msg_1"
    except Unverified:
        return False


@pytest.mark.parametrize("between", [" ", ",", ", ", "  "])
def test_any_of_several_signatures_is_enough_however_they_were_joined(between: str) -> None:
    header = between.join(["v1a,ed25519==", *signatures(OTHER, NEW)])

    assert verified(header, [OLD, NEW])
    assert not verified(header, [OLD])


@pytest.mark.parametrize("form", ["{}", "v1,", "v2,{}", "xv1,{}", "v1;{}", "v1,{}x", "v1,{}\t"])
def test_what_only_looks_like_a_signature_is_none(form: str) -> None:
    (right,) = signatures(NEW)
    bare = right.removeprefix("v1,")

    assert not verified(form.format(bare), [NEW])
    assert verified(f"v1,{bare}", [NEW])


def test_both_secrets_are_taken_while_one_replaces_the_other() -> None:
    for signer in (OLD, NEW):
        assert verified(signatures(signer)[0], [NEW, OLD])
    assert not verified(signatures(OTHER)[0], [NEW, OLD])


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_clocks_may_be_five_minutes_apart(mine: Connection, seconds: int) -> None:  # noqa: F811
    at = int(time.time()) + seconds
    body = json.dumps(item(1)).encode()
    signature = sign(SECRETS["acme"], "msg_1", at, body)

    assert push(mine, body, webhook_timestamp=str(at), webhook_signature=signature).status_code == 202


ODD = {
    "white": b" \n ",
    "null": b"null",
    "text": b'"text"',
    "number": b"1",
    "cut": b'{"id": "rec_0001", "amo',
    "latin-1": '{"id": "caf\u00e9"}'.encode("latin-1"),
    "utf-16": json.dumps(item(1)).encode("utf-16"),
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "gzipped but not said": gzip.compress(json.dumps(item(1)).encode()),
    "nul": b"\0" * 100,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_a_signed_body_that_is_no_json_is_kept_as_a_letter(mine: Connection, name: str) -> None:  # noqa: F811
    answer = push(mine, ODD[name])
    run = carry(mine.runs.get())

    assert answer.status_code == 202
    assert (run.read, run.dead) == (1, 1)
    dead_letter = DeadLetter.unscoped.get()
    assert bytes(dead_letter.payload or b"") == ODD[name]
    assert Delivery.unscoped.get().done_at is not None


def test_a_byte_order_mark_and_lines_of_windows_are_no_fault(mine: Connection) -> None:  # noqa: F811
    push(mine, b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(item(number)).encode() for number in (1, 2)) + b"\r\n")
    run = carry(mine.runs.get())

    assert (run.ok, run.dead) == (2, 0)
    assert set(rows(mine.tenant)) == {"rec_0001", "rec_0002"}


def test_the_same_id_with_other_bytes_is_kept_beside_the_first(mine: Connection) -> None:  # noqa: F811
    first, second = (json.dumps(item(1, amount=amount)).encode() for amount in ("1.00", "2.00"))

    answers = [push(mine, body).status_code for body in (first, second, first, second)]
    run = carry(mine.runs.get())

    assert answers == [202, 202, 200, 200]
    assert rows(mine.tenant) == {"rec_0001": "2.00"}
    assert "with other bytes" in " ".join(run.events.values_list("text", flat=True))
