"""Signatures against published vectors, and everything that must not pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion import CredentialError, Secret
from ingestion.webhooks import Unverified, matches, new_secret, require_fresh, secrets_in, sign, standard_webhooks
from tests.corpora import files

NOW = 1_614_265_330
BODY = b'{"test": 2432232314}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(NOW),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""The vector that the specification's own libraries test with."""


def verified(body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: float = NOW, **headers: str) -> str:
    changed = {**HEADERS, **{f"webhook-{name}": value for name, value in headers.items()}}
    return standard_webhooks(changed, body, secrets, now)


def vectors() -> list[Any]:
    found = [path for path in files("webhooks") if path.name.startswith("signature_vectors")]
    return [one for path in found for one in json.loads(path.read_text()) if one["scheme"] == "standard-webhooks"]


@pytest.mark.skipif(not vectors(), reason="the corpora are not here")
def test_the_corpus_vectors_are_answered_as_published() -> None:
    for vector in vectors():
        try:
            standard_webhooks(vector["headers"], vector["payload"].encode(), [vector["secret"]], vector["now"])
            answer = "ok"
        except Unverified:
            answer = "refused"

        assert answer == ("ok" if vector["expect"] == "ok" else "refused"), vector["name"]


def test_what_was_signed_cannot_be_read_as_another_id_and_body() -> None:
    """The signed text is the same: `id.timestamp.body`, parted elsewhere."""
    signature = sign(SECRET, "msg", NOW, f"{NOW + 1}.{{}}".encode())
    headers = {"webhook-id": f"msg.{NOW}", "webhook-timestamp": str(NOW + 1), "webhook-signature": signature}
    assert sign(SECRET, f"msg.{NOW}", NOW + 1, b"{}") == signature

    with pytest.raises(Unverified, match="could be read as the timestamp"):
        standard_webhooks(headers, b"{}", [SECRET], NOW)


@pytest.mark.parametrize("message_id", ["msg.v2", "a.1b.c", "order-1.updated", "1355517523.000005", "msg.17"])
def test_an_id_with_a_dot_that_cannot_be_misread_is_taken(message_id: str) -> None:
    signature = sign(SECRET, message_id, NOW, BODY)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    assert standard_webhooks(headers, BODY, [SECRET], NOW) == message_id


def test_the_published_vector_is_right() -> None:
    assert verified() == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert sign(SECRET, HEADERS["webhook-id"], NOW, BODY) == HEADERS["webhook-signature"]


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"test":2432232314}'},
        {"body": BODY + b"\n"},
        {"id": "msg_other"},
        {"id": ""},
        {"id": "msg\u00e9"},
        {"id": "m" * 257},
        {"timestamp": str(NOW + 1)},
        {"timestamp": ""},
        {"timestamp": "1e9"},
        {"timestamp": "-1614265330"},
        {"timestamp": "१६१४२६५३३०"},
        {"timestamp": "9" * 400},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"signature": "v1,G0HM9SSE+OTPJTGT/TMIKTSYZLE3UFJELVLNIOLJ1OE="},
        {"signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE"},
        {"secrets": ()},
        {"secrets": (new_secret(),)},
    ],
    ids=str,
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unverified):
        verified(**change)


@pytest.mark.parametrize(("seconds", "passes"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_timestamp_may_be_five_minutes_away_either_way(seconds: int, passes: bool) -> None:
    try:
        require_fresh(str(NOW), NOW + seconds)
        assert passes
    except Unverified:
        assert not passes


def test_while_a_secret_is_being_replaced_either_one_signs() -> None:
    new = new_secret()
    by_new = sign(new, HEADERS["webhook-id"], NOW, BODY)

    assert verified(secrets=(new, SECRET))
    assert verified(secrets=(new, SECRET), signature=by_new)
    assert verified(secrets=(new, SECRET), signature=f"v1,bogus {by_new}")


def test_no_more_than_twenty_signatures_are_looked_at() -> None:
    many = " ".join(["v1,bogus"] * 20 + [HEADERS["webhook-signature"]])

    with pytest.raises(Unverified):
        verified(signature=many)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_!!!!", "whsec_" + "A" * 28])
def test_a_secret_that_nobody_should_sign_with_is_a_credential_error(secret: str) -> None:
    with pytest.raises(CredentialError):
        sign(secret, "msg_1", NOW, BODY)


def test_a_credential_holds_one_secret_or_two() -> None:
    assert secrets_in(Secret({"signing_secret": "a", "previous_signing_secret": "b"})) == ["a", "b"]
    assert secrets_in(Secret({"signing_secret": "a"})) == ["a"]
    with pytest.raises(CredentialError):
        secrets_in(Secret({"api_key": "a"}))


def test_comparing_survives_whatever_a_header_holds() -> None:
    assert not matches(["v1,abc"], ["\udc80", "é", ""])
