"""Who signed a webhook: published vectors, and what Stripe's own library lets pass."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
import stripe

from ingestion import CredentialError, Secret
from ingestion.webhooks import Unverified
from integrations.stripe.signature import secrets_in, verified_event_id, verify
from tests.corpora import CORPORA

SECRET, NOW = "whsec_one", 1_750_000_000
BODY = json.dumps(
    {"id": "evt_1", "type": "charge.updated", "created": NOW, "data": {"object": {"id": "ch_1"}}}
).encode()


def header(secret: str = SECRET, at: int = NOW, body: bytes = BODY) -> str:
    return f"t={at},v1={mac(secret, at, body)}"


def mac(secret: str = SECRET, at: int = NOW, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def vectors() -> list[dict[str, Any]]:
    found = [
        one
        for path in sorted((CORPORA / "webhooks").rglob("signature_vectors*.json"))
        for one in json.loads(path.read_text())
    ]
    return [one for one in found if one["scheme"] == "stripe"]


@pytest.mark.skipif(not vectors(), reason="the corpora are not here")
@pytest.mark.parametrize("vector", vectors() or [{"name": "none"}], ids=lambda vector: vector["name"])
def test_published_vectors_get_their_verdict(vector: dict[str, Any]) -> None:
    sent = vector["headers"].get("Stripe-Signature", "")

    try:
        verify(sent, vector["payload"].encode(), [vector["secret"]], vector["now"])
        verdict = "ok"
    except Unverified:
        verdict = "bad"

    assert verdict == ("ok" if vector["expect"] in ("ok", "signature_ok_body_invalid") else "bad")


@pytest.mark.parametrize("shift", [0, 300, -300])
def test_clocks_may_differ_by_five_minutes_either_way(shift: int) -> None:
    assert verified_event_id({"Stripe-Signature": header(at=NOW + shift)}, BODY, [SECRET], NOW) == "evt_1"


def test_a_timestamp_from_the_future_is_refused_though_the_official_library_takes_it() -> None:
    sent = header(at=NOW + 301)
    stripe.WebhookSignature.verify_header(BODY.decode(), sent, SECRET, tolerance=None)

    with pytest.raises(Unverified):
        verify(sent, BODY, [SECRET], NOW)


def test_either_secret_may_sign_while_one_is_rolled_and_there_may_be_two_signatures() -> None:
    both = f"t={NOW},v1={mac('whsec_old')},v1={mac('whsec_new')},v0=abc"

    verify(both, BODY, ["whsec_new"], NOW)
    verify(both, BODY, ["whsec_old"], NOW)
    verify(header("whsec_old"), BODY, ["whsec_new", "whsec_old"], NOW)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "t=,v1=",
        f"v1={mac()}",
        f"t={NOW}",
        f"t={NOW},v0={mac()}",
        f"t={NOW},v1={mac().upper()}",
        f"t={NOW},v1={mac('whsec_other')}",
        f"t={NOW - 301},v1={mac(at=NOW - 301)}",
        f"t={NOW},t={NOW - 1},v1={mac()}",
        f"t=0{NOW},v1={mac()}",
        f"t= {NOW},v1={mac()}",
        f"t={NOW}, v1 ={mac()}",
        f"t={NOW},v1={mac()[:-1]}",
        f"t={NOW},v1={mac()}é",
        "t=٣,v1=x",
        "t=" + "9" * 400 + f",v1={mac()}",
        ",".join(["v1=x"] * 25 + [header()]),
    ],
)
def test_what_is_not_exactly_a_signature_is_refused(sent: str) -> None:
    with pytest.raises(Unverified):
        verify(sent, BODY, [SECRET], NOW)


def test_a_signed_body_that_is_no_event_is_refused() -> None:
    body = b"not json"

    with pytest.raises(Unverified, match="no event"):
        verified_event_id({"Stripe-Signature": header(body=body)}, body, [SECRET], NOW)


def test_a_body_that_was_written_anew_does_not_match() -> None:
    with pytest.raises(Unverified):
        verify(header(), json.dumps(json.loads(BODY), indent=1).encode(), [SECRET], NOW)


def test_secrets_are_parted_by_spaces_and_none_is_an_error() -> None:
    assert secrets_in(Secret({"webhook_secret": "whsec_a whsec_b"})) == ["whsec_a", "whsec_b"]
    with pytest.raises(CredentialError, match="webhook_secret"):
        secrets_in(Secret({"api_key": "sk_test_1"}))
