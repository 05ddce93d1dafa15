"""Pushed JSON as a source: one object, a list of objects, or one object per line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from ingestion import (
    Context,
    Json,
    Keys,
    Page,
    Record,
    RecordError,
    Refusal,
    check_keys,
    counted,
    json_items,
    json_page,
    require_keys,
)

MOST = 10_000
"""Records of one body at most: each becomes objects in a worker's memory, and all of them form one page."""
_LINE = re.compile(rb"[^\r\n]+")
_STRING_OR_SIGN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},]', re.DOTALL)
"""A whole JSON string, or a bracket or comma; strings are matched so that what is inside them does not count."""
_SIGN = re.compile(rb"[\[\]{},]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Pushed:
    """Records that senders push. `key` names the field with a record's id ('' when it has none).

    The pipeline's schema says what a record must look like; let it refuse unknown fields with `extra="forbid"`.
    """

    key: str = "id"
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        json_page((), self.key)  # refuses what cannot name a key
        require_keys("Pushed", self.keys)

    def check_config(self, config: Mapping[str, Any]) -> None:
        """How senders sign is no matter of a config: their secrets are the credential of this `integration`."""
        check_keys(config, ("integration",), self.keys, source=self)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        """No page: pushed records are read by webhook runs, so any other run has nothing to read."""
        yield from ()

    def is_fed(self) -> bool:
        return True

    def test(self, ctx: Context) -> str:
        """Check that the credential holds secrets that a sender can sign with; no call is made."""
        from ingestion.webhooks import secrets_in, sign

        secrets = secrets_in(ctx.credential())
        for secret in secrets:
            sign(secret, "test", 0, b"")
        return f"The credential holds {counted(len(secrets), 'usable signing secret')}."

    def receive(self, ctx: Context, deliveries: Sequence[Record]) -> Page:
        items: list[tuple[bytes, str]] = []
        refused: list[Refusal] = []
        for delivery in deliveries:
            try:
                parts = split(delivery.body)
            except RecordError as error:
                refused.append(Refusal(delivery, error))
                continue
            items += ((part, f"{delivery.position}, item {number}") for number, part in enumerate(parts, 1))
        page = json_page(items, self.key)
        return dataclasses.replace(page, refused=[*refused, *page.refused])


def split(body: bytes) -> list[bytes]:
    """The bytes of each record. Raises RecordError when the body has none of the three shapes.

    Raises RecordError too for more than MOST records, which are counted before an object is created for each of them.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK).strip()
    try:
        if text[:1] == b"[":
            _require_count_within_limit(text)
            return _list_elements(text)
        if text[:1] == b"{":
            return _object_or_lines(text)
    except _UNREADABLE as error:
        raise RecordError(f"The body is not JSON: {error}") from error
    raise RecordError("The body is neither a JSON object, nor a list of them, nor one a line.")


def _list_elements(text: bytes) -> list[bytes]:
    """The elements of a list. An element that is no JSON is among them, so that it is refused alone."""
    try:
        return [bytes(item) for item in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except msgspec.ValidationError:
        raise
    except _UNREADABLE:
        try:
            items, surroundings = json_items(text, "")
        except ValueError:
            items, surroundings = [], text
        if surroundings != b"[]" or len(items) < 2:  # a single faulty element is refused with the whole body, as sent
            raise
        return items


def _require_count_within_limit(text: bytes) -> None:
    """Raise RecordError for a list of more than MOST elements. The decoder refuses text that is no JSON."""
    if text.count(b",") < MOST:
        return
    depth = commas = 0
    for sign in _signs(text):
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
        elif sign == b"," and depth == 1:
            commas += 1
            if commas >= MOST:
                raise _too_many()


def _signs(text: bytes) -> Iterator[bytes]:
    """Brackets and commas outside of strings, and all of those after the start of a string that does not end.

    It is unknown where such a string should have ended, so the signs in it are counted as if they separated records.
    """
    for match in _STRING_OR_SIGN.finditer(text):
        if match[1] == b"":
            yield from (sign[0] for sign in _SIGN.finditer(text, match.start() + 1))
            return
        if match[1] is None:
            yield match[0]


def _too_many() -> RecordError:
    return RecordError(f"The body has more than {MOST} records; send it in several deliveries.")


def _object_or_lines(text: bytes) -> list[bytes]:
    """The one object of the body, or one object of each line."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _UNREADABLE:
        stripped = (line[0].strip() for line in _LINE.finditer(text))
        lines = list(islice((line for line in stripped if line), MOST + 1))
        if len(lines) > MOST:
            raise _too_many() from None
        if len(lines) < 2 or not all(line[:1] == b"{" for line in lines):
            raise
        return lines
    return [text]
