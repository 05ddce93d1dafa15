"""Sources over JSON: a local file of one object a line, and pages that a function fetches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ingestion.core.config_keys import ENGINE_KEYS, Keys, check_keys, require_keys
from ingestion.core.context import Context
from ingestion.core.declarations import plain, require, require_count
from ingestion.core.errors import SourceChanged, UnreadableFile
from ingestion.core.json_items import json_items
from ingestion.core.json_records import UNREADABLE, key_reader, keyed, take
from ingestion.core.records import Json, Page, Record, Refusal

_MARK = b"\xef\xbb\xbf"
_PAGE_BYTES = 16 * 1024 * 1024
"""A page ends here, however few records it has: it is held in memory."""


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object a line, from a local file. `path` may use `{tenant}`; the checkpoint is a byte offset."""

    path: str
    """Of the file; `{tenant}` stands for the tenant's key."""
    key: str = "id"
    """The field with a record's id; '' when it has none."""
    page_size: int = 2000
    """Lines of a page."""
    max_line_bytes: int = 16 * 1024 * 1024
    """A longer line is a dead letter."""
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        path: Any = self.path
        require(isinstance(path, str) and path != "", "path of JsonLines", self.path, "the path of a file")
        braces = {"{", "}"} & set(path.replace("{tenant}", ""))
        require(not braces, "path of JsonLines", path, "a path with {tenant}, where it differs, and no other braces")
        require_count("page_size of JsonLines", self.page_size)
        require_count("max_line_bytes of JsonLines", self.max_line_bytes)
        key_reader(self.key)
        require_keys("JsonLines", self.keys)

    def check_config(self, config: Mapping[str, Any]) -> None:
        check_keys(config, ENGINE_KEYS, self.keys, source=self)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        path = Path(self.path.format(tenant=ctx.tenant.key))
        key_of = key_reader(self.key)
        offset = int(checkpoint or 0)
        with _opened(path) as lines:
            lines.seek(offset)
            while True:
                records: list[Record] = []
                refused: list[Refusal] = []
                start = offset
                while len(records) + len(refused) < self.page_size and offset - start < _PAGE_BYTES:
                    line = lines.readline(self.max_line_bytes + 1)
                    if not line:
                        break
                    if len(line.rstrip(b"\r\n")) > self.max_line_bytes:
                        raise UnreadableFile(f"{path.name} has a line above {self.max_line_bytes} bytes; split it.")
                    at = f"byte {offset}"
                    body = (line if offset else line.removeprefix(_MARK)).strip()
                    offset += len(line)
                    if body:
                        take(body, key_of, at, records, refused, self.key)
                if records or refused:
                    yield Page(records, offset, refused)
                elif not line:  # else only empty lines came, as many as a page may have
                    return


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise SourceChanged(
            f"No file can be read at {path} ({error.strerror}). Has it been moved, or not come?"
        ) from None


@dataclass(frozen=True, slots=True)
class JsonPages:
    """Pages of JSON fetched by a function of yours: `fetch(ctx, cursor) -> (body, next_cursor or None)`.

    `records` names the list inside the body ('' when the body is the list). `declares` says which numbers of the body
    are control totals of this page: {"count": "total"} for `CountsAgree`, {"amount": "sum"} for `SumAgrees("amount")`.
    """

    fetch: Callable[[Context, Json], tuple[bytes, Json]]
    """`fetch(ctx, cursor) -> (body, next_cursor)`; the cursor is None for the first page, and after the last one."""
    records: str = "data"
    """The name of the list inside the body; '' when the body is the list."""
    key: str = "id"
    """The field with a record's id; '' when it has none."""
    declares: Mapping[str, str] = field(default_factory=dict)
    """Which numbers of the body are control totals: {"count": "total"} reads the member `total` for `CountsAgree`. They
    are added up over the pages: an API that repeats its grand total on each needs a source that declares it once.
    """
    windowed: bool = False
    """Say True when `fetch` returns what belongs to `ctx.window` and nothing else; backfills need it."""
    ahead: bool = False
    """Say True when `fetch` may be called for a page before the one before it is committed (`ReadsAhead`)."""
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        plain(self.fetch, "fetch of JsonPages", "(ctx, cursor)")
        records: Any = self.records
        good = isinstance(records, str) and not records.startswith("$")
        require(good, "records of JsonPages", records, "the name of a list inside the body, no path, or ''")
        key_reader(self.key)
        totals: object = self.declares
        good = isinstance(totals, Mapping) and all(isinstance(name, str) for name in [*totals, *totals.values()])
        require(good, "declares of JsonPages", totals, 'the names of totals, such as {"count": "total"}')
        for name, flag in (("windowed", self.windowed), ("ahead", self.ahead)):
            require(isinstance(flag, bool), f"{name} of JsonPages", flag, "True or False")
        require_keys("JsonPages", self.keys)

    def check_config(self, config: Mapping[str, Any]) -> None:
        check_keys(config, ENGINE_KEYS, self.keys, source=self)

    def reads_windows(self, ctx: Context) -> bool:
        return self.windowed

    def reads_ahead(self, ctx: Context) -> bool:
        return self.ahead

    def totals_of(self, ctx: Context) -> Collection[str]:
        return self.declares.keys()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        split, keys_of, key_of = self._splitter(), _keys_reader(self.records, self.key), key_reader(self.key)
        cursor, done = (checkpoint["cursor"], checkpoint["done"]) if checkpoint else (None, False)
        marked, number = cursor, 0
        while not done:
            current_cursor = cursor
            answer: Any = self.fetch(ctx, cursor)
            good = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], bytes | str)
            require(good, "What fetch of JsonPages returns", answer, "(body, next_cursor or None), the body as bytes")
            body, cursor = answer
            if cursor is not None and cursor in (current_cursor, marked):
                raise SourceChanged(
                    f"The source names {cursor!r} as the next page, which it had before; it would never end."
                )
            number += 1
            if number & (number - 1) == 0:  # every power of two: whatever the cycle's length, it is met (Brent)
                marked = cursor
            done = cursor is None
            items, declares = split(body)
            records: list[Record] = []
            refused: list[Refusal] = []
            if keys := first_keys(self.key, items) or keys_of(body):
                numbered = enumerate(zip(keys, items, strict=True))
                records = [Record(key, item, f"item {index}") for index, (key, item) in numbered]
            else:  # some key cannot be read, or there are none: record by record
                for index, item in enumerate(items):
                    take(item, key_of, f"item {index}", records, refused, self.key)
            yield Page(records, {"cursor": cursor, "done": done}, refused, declares)

    def _splitter(self) -> Callable[[bytes], tuple[list[bytes], dict[str, Decimal]]]:
        """A function from a page to its records and the totals it declares, in one pass over its bytes.

        A page that is no JSON is taken apart: where one of its records alone is to blame, the others go on without it.
        """
        decode = msgspec.json.Decoder(_envelope(self.records, msgspec.Raw, self.declares)).decode

        def decoded(body: bytes) -> tuple[list[bytes], Any]:
            try:
                page = decode(body)
                return [bytes(item) for item in (page.records if self.records else page)], page
            except msgspec.ValidationError:
                raise
            except UNREADABLE:
                try:
                    items, envelope = json_items(body, self.records)
                except ValueError:
                    items, envelope = [], body  # what is to blame is not a record
                return items, decode(envelope)

        def split(body: bytes) -> tuple[list[bytes], dict[str, Decimal]]:
            try:
                items, page = decoded(body)
            except UNREADABLE as error:
                numbers = (f"a number {name!r}" for name in self.declares.values())
                members = ", ".join([f"a list {self.records!r}".strip(), *numbers])
                raise SourceChanged(f"The page is not JSON with {members}: {error}. Has the source changed?") from error
            totals = self.declares if self.records else ()
            return items, {name: getattr(page, f"total_{name}") for name in totals}

        return split


def _envelope(records: str, item: Any, declares: Mapping[str, str]) -> Any:
    """The type of a page whose list of `item` lies under `records`; members not named here are passed over."""
    if not records:
        return list[item]
    totals = {f"total_{name}": number for name, number in declares.items()}
    members = [("records", list[item]), *((name, Decimal) for name in totals)]
    return msgspec.defstruct("Envelope", members, rename={"records": records, **totals})


def first_keys(key: str, items: Sequence[bytes]) -> list[str]:
    """The keys of records that all begin with their key, as most APIs write them; [] when a record does not.

    However long the records are it costs the same; to decode the page once more costs as much for 300 bytes each, and
    five times as much for 3 KB. A record that names its key twice is known by the first one, and its row by what the
    schema makes of it.
    """
    opening = f'{{"{key}":"'.encode()
    start = len(opening)
    raw_keys = [item[start : item.find(b'"', start)] for item in items if item.startswith(opening)]
    if not key or len(raw_keys) < len(items) or not all(raw_keys):
        return []
    try:
        joined = b"\n".join(raw_keys).decode()
    except UnicodeDecodeError:
        return []
    keys = joined.split("\n")
    return keys if "\\" not in joined and len(keys) == len(items) else []


def _keys_reader(records: str, key: str) -> Callable[[bytes], list[str]]:
    """A function from a page to the keys of all its records, [] when one of them has none, or an empty one.

    One pass over the page costs three quarters of one call of the decoder for each record, where these are short.
    """
    if not key:
        return lambda body: []
    decode = msgspec.json.Decoder(_envelope(records, keyed(key), {})).decode

    def keys(body: bytes) -> list[str]:
        try:
            page = decode(body)
        except UNREADABLE:
            return []
        record_keys = [str(record.key) for record in (page.records if records else page)]
        return record_keys if all(record_keys) else []

    return keys
