"""`Stripe-Signature`: `t=<seconds>,v1=<hex>[,v1=<hex>…]`, HMAC-SHA256 over `t.body` (docs.stripe.com/webhooks).

The signature may be by any of the endpoint's secrets, and there are several `v1` while Stripe rolls one; other schemes
(`v0`) prove nothing. A timestamp from the future is refused like an old one, which Stripe's own library does not do.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from ingestion import CredentialError, Secret
from ingestion.webhooks import Malformed, Unverified, matches, require_fresh
from integrations.stripe.objects import parse_event

_MOST_PARTS = 20
"""Parts of the header that are read; Stripe sends two or three."""


def verified_event_id(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float) -> str:
    """The id of the event in `body`, which is read only after its signature was verified. Raises Unverified."""
    verify(headers.get("Stripe-Signature", ""), body, secrets, now)
    event = parse_event(body)
    if event is None:
        raise Unverified("The body is signed, but is no event.")
    return event.id


def verify(header: str, body: bytes, secrets: Sequence[str], now: float) -> None:
    """Raise Unverified when the signature, its age or its form is wrong."""
    parts = [part.strip().partition("=") for part in header.split(",")[:_MOST_PARTS]]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise Malformed("The header has no timestamp, or several.")
    timestamp = require_fresh(times[0], now)
    message = f"{timestamp}.".encode() + body
    expected = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    if times[0] != str(timestamp) or not matches(expected, [value for name, _, value in parts if name == "v1"]):
        raise Unverified("No v1 signature is right.")


def secrets_in(credential: Secret) -> list[str]:
    """The endpoint's signing secrets in `webhook_secret`: several, separated by spaces, while Stripe rolls one.

    Raises CredentialError when there is none.
    """
    secrets = credential.values.get("webhook_secret", "").replace(",", " ").split()
    if not secrets:
        raise CredentialError('The Stripe credential has no "webhook_secret"; store the endpoint\'s signing secret.')
    return secrets
