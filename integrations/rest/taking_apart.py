"""A JSON object or list taken apart into the bytes of its members, without decoding what is inside.

msgspec does it fast. It refuses half surrogates ("\\ud800", of a text that was cut within an emoji), also deep inside
one record; then the standard library takes the page apart: this one record is refused and the others are not.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import Any

import msgspec

_Members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_Elements = msgspec.json.Decoder(list[msgspec.Raw])
_decoder = json.JSONDecoder()
_SPACE = " \t\r\n"


def members(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """Raises msgspec.ValidationError when it is no object, DecodeError when it is no JSON."""
    try:
        return _Members.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        return dict(_slowly(bytes(raw), "{", error))


def elements(raw: bytes | msgspec.Raw) -> list[Any]:
    """Raises msgspec.ValidationError when it is no list, DecodeError when it is no JSON."""
    try:
        return _Elements.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        return [one for _, one in _slowly(bytes(raw), "[", error)]


def _slowly(raw: bytes, opening: str, refusal: msgspec.DecodeError) -> list[tuple[str, bytes]]:
    """Name ('' in lists) and bytes of each member. Raises `refusal` for what the standard library refuses too."""
    if "truncated" in str(refusal) and not _ends(raw):
        raise refusal
    try:
        text = raw.decode().strip(_SPACE)
        if text[:1] != opening:
            raise msgspec.ValidationError(f"Expected `{'object' if opening == '{' else 'array'}`")
        found, end = _scan(text, opening)
    except (ValueError, IndexError, StopIteration, RecursionError):
        raise refusal from None
    if end != len(text):
        raise refusal
    return found


def _scan(text: str, opening: str) -> tuple[list[tuple[str, bytes]], int]:
    closing = "}" if opening == "{" else "]"
    found: list[tuple[str, bytes]] = []
    at = _skip(text, 1)
    if text[at] == closing:
        return found, at + 1
    while True:
        name = ""
        if opening == "{":
            if text[at] != '"':
                raise ValueError("A name is expected.")
            name, at = scanstring(text, at + 1, True)
            at = _skip(text, at)
            if text[at] != ":":
                raise ValueError("A colon is expected.")
            at = _skip(text, at + 1)
        start = at
        _, at = _decoder.raw_decode(text, at)
        found.append((name, text[start:at].encode()))
        at = _skip(text, at)
        if text[at] == closing:
            return found, at + 1
        if text[at] != ",":
            raise ValueError("A comma is expected.")
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _ends(raw: bytes) -> bool:
    return raw.rstrip()[-1:] in (b"}", b"]")
