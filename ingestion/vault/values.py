"""The values of a credential: which may be stored, and how they are parsed from text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ingestion.core.duplicate_names import doubled_error
from ingestion.core.errors import ActionRefused
from ingestion.core.text import storable

INTEGRATION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")
PLAIN = frozenset({"accounts", "auth", "hosts", "methods"})
"""Names of values that describe the use of a credential: stored with it, and no secret."""
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,99}")
_MOST_BYTES = 64 * 1024
_TELLING = 12
"""Shorter values are not hinted at: four of their characters would be too large a part."""


def checked(integration: str, values: Mapping[Any, Any]) -> dict[str, str]:
    """`values`, fit to be stored for `integration`. Raises ActionRefused, never repeating a value."""
    if not INTEGRATION.fullmatch(integration):
        raise ActionRefused(f"{integration[:100]!r} cannot name an integration; use letters, digits, - _ and dots.")
    if not values:
        raise ActionRefused("Give at least one value, for example a line api_key=…")
    secrets: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ActionRefused("A value's name must be a word of letters, digits, - _ and dots, such as api_key.")
        if not isinstance(value, str) or not value.strip():
            raise ActionRefused(f"The value {name!r} is empty or no text.")
        if storable(value, len(value)) != value:
            raise ActionRefused(f"The value {name!r} holds a NUL or a broken character; copy it again.")
        secrets[name] = value
    if len(pack(secrets)) > _MOST_BYTES:
        raise ActionRefused(f"The values are larger than {_MOST_BYTES} bytes together.")
    return secrets


def filled(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """The `values` that are not left empty."""
    return {name: value for name, value in values.items() if not isinstance(value, str) or value.strip()}


def parsed(text: str) -> dict[str, str]:
    """Values from a JSON object, or from lines `name=value`. Raises ActionRefused, never repeating a value."""
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            raise ActionRefused("This is not JSON; write an object of texts, or a line name=value for each.") from None
        if error := doubled_error(text.encode("utf-8", "surrogatepass")):
            raise ActionRefused(str(error))
        return dict(document)
    strings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise ActionRefused(f"Line {number} is not name=value. Values of several lines need the JSON form.")
        if name.strip() in strings:
            raise ActionRefused(f"Line {number} names a value that an earlier line has named.")
        strings[name.strip()] = value.strip()
    return strings


def pack(values: Mapping[str, str]) -> bytes:
    return json.dumps(dict(values), sort_keys=True, separators=(",", ":")).encode()


def unpack(plain: bytes) -> dict[str, str]:
    return {str(name): str(value) for name, value in json.loads(plain).items()}


def last_four(values: Mapping[str, str]) -> dict[str, str]:
    """What is shown of each value: its last four characters, or '' when it is too short for that."""
    return {name: value[-4:] if len(value) >= _TELLING else "" for name, value in values.items()}


def secret(values: Mapping[str, str]) -> dict[str, str]:
    """The `values` that must not be shown."""
    return {name: value for name, value in values.items() if name not in PLAIN}
