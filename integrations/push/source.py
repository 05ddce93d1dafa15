"""Pushed JSON as a source: one object, a list of objects, or one object a line."""

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
"""Records of one body: each becomes objects in a worker's memory, and all of them one page."""
_LINE = re.compile(rb"[^\r\n]+")
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},]', re.DOTALL)
"""Of JSON what says how deep it is: strings are stepped over whole."""
_SIGN = re.compile(rb"[\[\]{},]")
_MARK = b"\xef\xbb\xbf"
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Pushed:
    """Records that arrive by themselves. `key` names the field with a record's id ('' when it has none).

    What a record must look like is the pipeline's schema; let it refuse unknown fields with `extra="forbid"`.
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
        """Nothing: a run that was asked for finds no more than what was pushed, and that has runs of its own."""
        yield from ()

    def is_fed(self) -> bool:
        return True

    def test(self, ctx: Context) -> str:
        """Whether the credential holds secrets that a sender can sign with; nobody is called."""
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
    """The bytes of each record. Raises RecordError when the body as a whole is not one of the three shapes.

    So it does for more than MOST records, counted before there is an object for each of them.
    """
    text = body.removeprefix(_MARK).strip()
    try:
        if text[:1] == b"[":
            _require_few(text)
            return _elements(text)
        if text[:1] == b"{":
            return _objects(text)
    except _UNREADABLE as error:
        raise RecordError(f"The body is not JSON: {error}") from error
    raise RecordError("The body is neither a JSON object, nor a list of them, nor one a line.")


def _elements(text: bytes) -> list[bytes]:
    """Those of a list, also where one of them is no JSON: it is refused alone."""
    try:
        return [bytes(item) for item in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except msgspec.ValidationError:
        raise
    except _UNREADABLE:
        try:
            items, rest = json_items(text, "")
        except ValueError:
            items, rest = [], text
        if rest != b"[]" or len(items) < 2:  # what is alone to blame is refused as it was sent
            raise
        return items


def _require_few(text: bytes) -> None:
    """Raise RecordError for a list of more than MOST. Of what is no JSON the decoder says so."""
    if text.count(b",") < MOST:
        return
    depth = commas = 0
    for part in _signs(text):
        if part in b"[{":
            depth += 1
        elif part in b"]}":
            depth -= 1
        elif part == b"," and depth == 1:
            commas += 1
            if commas >= MOST:
                raise _too_many()


def _signs(text: bytes) -> Iterator[bytes]:
    """Brackets and commas, without those in strings. Of a string that does not end all of them come, as they would
    part records: where it should have ended nobody knows.
    """
    for found in _PART.finditer(text):
        if found[1] == b"":
            yield from (sign[0] for sign in _SIGN.finditer(text, found.start() + 1))
            return
        if found[1] is None:
            yield found[0]


def _too_many() -> RecordError:
    return RecordError(f"The body has more than {MOST} records; send it in several deliveries.")


def _objects(text: bytes) -> list[bytes]:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _UNREADABLE:
        filled = (line[0].strip() for line in _LINE.finditer(text))
        lines = list(islice((line for line in filled if line), MOST + 1))
        if len(lines) > MOST:
            raise _too_many() from None
        if len(lines) < 2 or not all(line[:1] == b"{" for line in lines):
            raise
        return lines
    return [text]
