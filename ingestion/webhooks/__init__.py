"""Endpoints for what comes from outside: prove who sends it, store it, answer. Kinds build their own on `receiver`.

See docs/how-to/receive-webhooks-and-pushes.md.
"""

from ingestion.webhooks.feedback import Item, Tells, rejections
from ingestion.webhooks.receiver import credential_of, receiver, signing_secrets
from ingestion.webhooks.signatures import (
    TOLERANCE_SECONDS,
    Malformed,
    Unverified,
    Verify,
    matches,
    new_secret,
    require_fresh,
    secrets_in,
    sign,
    standard_webhooks,
)

__all__ = [
    "TOLERANCE_SECONDS",
    "Item",
    "Malformed",
    "Tells",
    "Unverified",
    "Verify",
    "credential_of",
    "matches",
    "new_secret",
    "receiver",
    "rejections",
    "require_fresh",
    "secrets_in",
    "sign",
    "signing_secrets",
    "standard_webhooks",
]
