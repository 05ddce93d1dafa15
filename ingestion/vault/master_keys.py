"""The master keys of INGESTION["MASTER_KEYS"]: they wrap the tenants' data keys and are stored nowhere by us.

Each is 32 bytes in base64, given as it is, as `env:NAME` or as `file:/path`. The first one wraps, all of them unwrap.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from pathlib import Path

from ingestion.conf import config
from ingestion.core.errors import ConfigurationError, KeysUnusable
from ingestion.vault.sealing import KEY_BYTES

MAKE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
_LEAST_DIFFERENT = 12
"""Distinct bytes that a key must have: 32 random bytes have fewer once in 10**24 times."""


def first() -> str:
    """The id of the key that wraps. Raises ConfigurationError when there is none."""
    for key_id in config().MASTER_KEYS:
        return key_id
    raise ConfigurationError(
        f'No master key: set INGESTION["MASTER_KEYS"] = {{"2026": "env:MASTER_KEY"}}. Make one with: {MAKE}'
    )


def key(key_id: str) -> bytes:
    """The key's bytes. Raises KeysUnusable when the settings lack the key or its value is no key."""
    value = config().MASTER_KEYS.get(key_id)
    if value is None:
        raise KeysUnusable(
            f'The master key {key_id!r} is not in INGESTION["MASTER_KEYS"] (in the standalone project: the variable '
            "MASTER_KEYS); put it back, then run "
            "`manage.py ingest credential rotate-keys` before it is taken away."
        )
    try:
        return decode(key_id, value.get_secret_value())
    except ConfigurationError as error:
        raise KeysUnusable(str(error)) from None


def decode(key_id: str, value: str) -> bytes:
    """The 32 bytes that `value`, a value of the setting, stands for."""
    text = resolve(f"The master key {key_id!r}", value)
    try:
        standard = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
        material = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if len(material) != KEY_BYTES:
        raise ConfigurationError(f"The master key {key_id!r} is not {KEY_BYTES} bytes in base64. Make one: {MAKE}")
    if len(set(material)) < _LEAST_DIFFERENT:
        raise ConfigurationError(f"The master key {key_id!r} can be guessed. Make one: {MAKE}")
    return material


def resolve(subject: str, value: str) -> str:
    """`value`, or what the variable `env:NAME` or the file `file:/path` holds. Raises ConfigurationError without it."""
    kind, _, name = value.partition(":")
    if kind == "env":
        if value := os.environ.get(name, ""):
            return value
        raise ConfigurationError(f"{subject} is read from the variable {name}, which is not set.")
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{subject} is read from {name}: {type(error).__name__}.") from None
    return value


def problems() -> Iterator[tuple[str, str]]:
    """(key id, problem) for every key that cannot be used."""
    for key_id, value in config().MASTER_KEYS.items():
        if not key_id or len(key_id) > 50:
            yield key_id, f"The id {key_id!r} of a master key must have 1 to 50 characters."
        try:
            decode(key_id, value.get_secret_value())
        except ConfigurationError as error:
            yield key_id, str(error)


def duplicates() -> list[tuple[str, str]]:
    """Pairs of ids that name the same key."""
    first_ids: dict[bytes, str] = {}
    pairs = []
    for key_id, value in config().MASTER_KEYS.items():
        try:
            material = decode(key_id, value.get_secret_value())
        except ConfigurationError:
            continue
        if material in first_ids:
            pairs.append((first_ids[material], key_id))
        first_ids.setdefault(material, key_id)
    return pairs
