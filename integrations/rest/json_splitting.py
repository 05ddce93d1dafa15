"""Splits a JSON object or list into the bytes of its members, without decoding them.

msgspec splits fast. It refuses half surrogates ("\\ud800", of a text that was cut within an emoji), also deep inside
one record. The standard library splits such a page instead, so that this record is refused and the others are not.

A list of very many tiny elements would cost far more memory than its bytes, so it is counted first and refused.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import Any

import msgspec

from ingestion import SourceChanged
from ingestion.redaction import mask

MAX_MEMBERS = 100_000
"""The most members of one object or list, because they are held in memory."""
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: None)  # only the end of a value is needed
_WHITESPACE = " \t\r\n"
_MAX_NAMES_SHOWN = 10


class TooMany(SourceChanged):
    """A list or object has so many members that it would take too much memory."""


class NameTwice(SourceChanged):
    """An object around the records has one name twice."""


def split_members(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """The members of an object. Raises msgspec.ValidationError for no object, DecodeError, TooMany, NameTwice."""
    parts = split_members_leniently(raw)
    _require_unique_names(bytes(raw), parts)
    return parts


def split_members_leniently(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """The members of an object that may have a name twice: the last one counts."""
    _require_countable(raw, "{")
    try:
        return _MEMBERS.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        return dict(_split_with_stdlib(bytes(raw), "{", error))


def split_elements(raw: bytes | msgspec.Raw) -> list[Any]:
    """The elements of a list. Raises msgspec.ValidationError when it is no list, DecodeError, TooMany."""
    _require_countable(raw, "[")
    try:
        return _ELEMENTS.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        return [element for _, element in _split_with_stdlib(bytes(raw), "[", error)]


def _require_unique_names(body: bytes, parts: dict[str, Any]) -> None:
    """Raise NameTwice where a name of the object stands more than once. The values of its members are not checked.

    Without blanks and escapes an object is as long as its parts. In any other object the colons are counted first. Its
    members are scanned one by one only where the counts differ, or where a name has a colon, perhaps as an escape.
    """
    length = sum(len(name.encode("utf-8", "surrogatepass")) + len(value) + 4 for name, value in parts.items())
    if len(body) <= 1 + length:
        return
    colons = len(parts) + sum(bytes(value).count(b":") for value in parts.values())
    if body.count(b":") == colons and not any(":" in name for name in parts):
        return
    counts = Counter(
        name for name, _, _ in _scan_members(body.decode("utf-8", "surrogateescape").strip(_WHITESPACE), "{")
    )
    if repeated := [name for name, count in counts.items() if count > 1]:
        names = ", ".join(mask(name)[:40] for name in repeated[:_MAX_NAMES_SHOWN])
        raise NameTwice(f"The page has a name twice in one object, and nobody can tell which value counts: {names}.")


def _require_countable(raw: bytes | msgspec.Raw, opening: str) -> None:
    """Raise TooMany for more than MAX_MEMBERS members. Bytes that cannot be scanned are left to the decoder."""
    body = bytes(raw)
    if body.count(b"," if opening == "[" else b":") < MAX_MEMBERS:  # nearly every page: there cannot be so many
        return
    try:
        text = body.decode().strip(_WHITESPACE)
        if text[:1] == opening:
            for _ in _scan_members(text, opening):
                pass
    except (ValueError, IndexError, StopIteration, RecursionError):
        return


def _split_with_stdlib(raw: bytes, opening: str, refusal: msgspec.DecodeError) -> list[tuple[str, bytes]]:
    """Name ('' in lists) and bytes of each member. Raises `refusal` for bytes that the standard library refuses too."""
    if "truncated" in str(refusal) and not _is_complete(raw):
        raise refusal
    try:
        text = raw.decode().strip(_WHITESPACE)
        if text[:1] != opening:
            raise msgspec.ValidationError(f"Expected `{'object' if opening == '{' else 'array'}`")
        parts = [(name, text[start:end].encode()) for name, start, end in _scan_members(text, opening)]
    except (ValueError, IndexError, StopIteration, RecursionError):
        raise refusal from None
    return parts


def _scan_members(text: str, opening: str) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each member of `text`. Raises ValueError, IndexError or StopIteration for no JSON."""
    closing = "}" if opening == "{" else "]"
    at = _skip_space(text, 1)
    if text[at] == closing:
        return _require_end(text, at)
    for number in itertools.count(1):
        if number > MAX_MEMBERS:
            raise TooMany(f"A list or object of the page has more than {MAX_MEMBERS} members; ask for smaller pages.")
        name = ""
        if opening == "{":
            if text[at] != '"':
                raise ValueError("A name is expected.")
            name, at = scanstring(text, at + 1, True)
            at = _skip_space(text, at)
            if text[at] != ":":
                raise ValueError("A colon is expected.")
            at = _skip_space(text, at + 1)
        start = at
        _, at = _decoder.raw_decode(text, at)
        yield name, start, at
        at = _skip_space(text, at)
        if text[at] == closing:
            return _require_end(text, at)
        if text[at] != ",":
            raise ValueError("A comma is expected.")
        at = _skip_space(text, at + 1)


def _require_end(text: str, at: int) -> None:
    if at + 1 != len(text):
        raise ValueError("Something follows.")


def _skip_space(text: str, at: int) -> int:
    while text[at] in _WHITESPACE:
        at += 1
    return at


def _is_complete(raw: bytes) -> bool:
    return raw.rstrip()[-1:] in (b"}", b"]")
