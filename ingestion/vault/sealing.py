"""AES-256-GCM over a few bytes, bound to the one place where they may be opened again.

A sealed value is one byte of schema version, the 96-bit random nonce, ciphertext and tag. What is not stored but
authenticated says where it belongs: change or move any of it and opening fails. Parts are length-prefixed, because
joined ones are ambiguous: `1`, `2|x` and `1|2`, `x` would be the same.

Random nonces are safe for 2**32 values under one key (NIST SP 800-38D, 8.3); a data key seals a few a day.
"""

from __future__ import annotations

import os
from dataclasses import astuple, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingestion.core.errors import CredentialDamaged

SCHEMA = 1
KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value belongs: tenant, integration ('' for keys), row, field and version."""

    tenant_id: int
    integration: str
    row: str
    field: str
    version: int

    def bound(self) -> bytes:
        """The associated data: schema version and every part, each after its length."""
        parts = [str(part).encode("utf-8", "surrogatepass") for part in (SCHEMA, *astuple(self))]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def seal(key: bytes, plain: bytes, place: Place) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return bytes([SCHEMA]) + nonce + AESGCM(key).encrypt(nonce, plain, place.bound())


def unseal(key: bytes, sealed: bytes, place: Place) -> bytes:
    """Raises CredentialDamaged when the key is another one, or the bytes were changed or belong elsewhere."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[0] != SCHEMA:
        raise CredentialDamaged("The stored value is not one that this version of the software sealed.")
    nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, rest, place.bound())
    except InvalidTag:
        raise CredentialDamaged(
            "The stored value cannot be opened: it was changed, copied from another place, put back to an older "
            "version, or sealed under another key of the same id."
        ) from None
