"""Signatures that prove the sender of a raw body, before it is parsed. Plain functions, no Django.

`standard_webhooks` follows the Standard Webhooks specification 1.0.0 (symmetric scheme `v1`): HMAC-SHA256 over
`id.timestamp.body`, in base64, under a secret written `whsec_` + base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets as random_source
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from ingestion.core.context import Secret
from ingestion.core.errors import CredentialError

TOLERANCE_SECONDS = 300
"""How far a timestamp may be from our clock, into the past and into the future."""
_PREFIX = "whsec_"
_MIN_KEY_BYTES = 24
_MOST_SIGNATURES = 20
_LONGEST_ID = 256
_LIKE_A_TIMESTAMP = re.compile(r"\.[1-9][0-9]{9,11}(?:\.|$)")
"""Within an id: `id.timestamp.body` is signed, and must not be read as another id, timestamp and body."""
_SIGNATURE = re.compile(r"(?:^|[ ,])(v1,[A-Za-z0-9+/=]+)(?=[ ,]|$)")

Verify = Callable[[Mapping[str, str], bytes, Sequence[str], float], str]
"""(headers, raw body, secrets, now) -> the sender's id of the delivery, '' when it has none. Raises Unverified."""


class Unverified(Exception):
    """The signature, its age or its form is wrong. The message is for our log; the sender is not told which."""


class Malformed(Unverified):
    """A request that no secret could make right: refused before any secrets are fetched."""


def standard_webhooks(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float) -> str:
    """Verify the headers webhook-id, webhook-timestamp and webhook-signature; any of `secrets` may have signed."""
    message_id = headers.get("webhook-id", "")
    if not message_id or len(message_id) > _LONGEST_ID or not (message_id.isascii() and message_id.isprintable()):
        raise Malformed("There is no usable webhook-id.")
    if _LIKE_A_TIMESTAMP.search(message_id):
        raise Malformed("The webhook-id has a dot and a number after it, which could be read as the timestamp.")
    timestamp = require_fresh(headers.get("webhook-timestamp", ""), now)
    # Parted by spaces; by commas where a proxy has joined a header that came twice.
    matched = islice(_SIGNATURE.finditer(headers.get("webhook-signature", "")), _MOST_SIGNATURES)
    signatures = [match[1] for match in matched]
    expected = [sign(secret, message_id, timestamp, body) for secret in secrets]
    if not matches(expected, signatures):
        raise Unverified("No signature is right.")
    return message_id


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header webhook-signature: "v1," and the signature. Raises CredentialError for a bad secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key_of(secret), signed, hashlib.sha256)).decode()


def require_fresh(timestamp: str, now: float, tolerance: float = TOLERANCE_SECONDS) -> int:
    """`timestamp` (seconds since 1970) as a number. Raises Malformed when it is too old, or too far in the future."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Malformed("The timestamp is not a number of seconds.")
    if abs(now - int(timestamp)) > tolerance:
        raise Malformed(f"The timestamp is {round(now - int(timestamp))} s old; at most {tolerance:g} either way.")
    return int(timestamp)


def matches(expected: Iterable[str], given: Iterable[str]) -> bool:
    """Whether one of the signatures is an expected one. Compares all of them, each in constant time."""
    expected_signatures = [signature.encode() for signature in expected]
    is_expected = False
    for signature in given:
        for expected_signature in expected_signatures:
            is_expected |= hmac.compare_digest(expected_signature, signature.encode("utf-8", "surrogatepass"))
    return is_expected


def secrets_in(credential: Secret) -> list[str]:
    """The credential's "signing_secret" and, during a replacement, "previous_signing_secret".

    Raises CredentialError when the credential holds neither.
    """
    secrets = [credential.values.get(name, "") for name in ("signing_secret", "previous_signing_secret")]
    if not any(secrets):
        raise CredentialError('The credential has no "signing_secret"; store the one that the sender signs with.')
    return [secret for secret in secrets if secret]


def new_secret() -> str:
    """A signing secret of 32 random bytes, in the way it is stored and given to the sender."""
    return _PREFIX + base64.b64encode(random_source.token_bytes(32)).decode()


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _MIN_KEY_BYTES:
        raise CredentialError(
            f'The signing secret must be "{_PREFIX}" and {_MIN_KEY_BYTES} bytes or more in base64; '
            "ingestion.webhooks.new_secret() makes one."
        )
    return key
