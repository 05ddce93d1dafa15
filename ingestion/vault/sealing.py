"""AES-256-GCM over a few bytes, bound to the one row and field where they may be decrypted.

A sealed value is one byte of schema version, the 96-bit random nonce, ciphertext and tag. The associated
data, which is authenticated and not stored, says where the value belongs: when either is changed or moved, decryption
fails. Parts are length-prefixed, because joined ones are ambiguous: `1`, `2|x` and `1|2`, `x` would be the same.

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
class AssociatedData:
    """Where an encrypted value belongs: tenant, integration ('' for keys), row, field and version."""

    tenant_id: int
    integration: str
    row: str
    field: str
    version: int

    def to_bytes(self) -> bytes:
        """Schema version and every part, each after its length."""
        parts = [str(part).encode("utf-8", "surrogatepass") for part in (SCHEMA, *astuple(self))]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def seal(key: bytes, plain: bytes, bound: AssociatedData) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return bytes([SCHEMA]) + nonce + AESGCM(key).encrypt(nonce, plain, bound.to_bytes())


def unseal(key: bytes, sealed: bytes, bound: AssociatedData) -> bytes:
    """Raises CredentialDamaged when the key is another one, or the bytes were changed or belong elsewhere."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[0] != SCHEMA:
        raise CredentialDamaged("The stored value is not one that this version of the software sealed.")
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound.to_bytes())
    except InvalidTag:
        raise CredentialDamaged(
            "The stored value cannot be opened: it was changed, copied from another place, put back to an older "
            "version, or sealed under another key of the same id."
        ) from None
