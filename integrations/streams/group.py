"""One consumer of one group of one Redis Stream, as a broker.

Entries come in this order: the consumer's own pending entries (delivered before a crash and not acknowledged), entries
that another consumer has had pending for too long, new entries. The consumer has the same name in every run of a
tenant's pipeline, so the next run gets the pending entries of a dead worker at once.

A reply has a budget of bytes (`bounded`). An entry that is beyond the budget alone is refused. The entries after it in
the reply were delivered to this consumer too: they are read again as pending entries, fewer at a time.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from ingestion import PayloadTooLarge
from integrations.streams.bounded import CUT, Cut
from integrations.streams.broker import Message, Missed

Fields = Sequence[tuple[bytes, bytes]]
"""Names and values in the order in which they were added; Redis takes a name twice."""
Entry = tuple[bytes, Fields | Cut | None]
_START = "0-0"
_FIRST_COUNT = 10
"""COUNT of the first read, when the size of entries is unknown."""
_MOST_COUNT = 10_000


class ConsumerGroup:
    """Implements Broker and Peeks."""

    def __init__(
        self, client: redis.Redis, stream: str, group: str, consumer: str, field: str, claim_after_ms: int
    ) -> None:
        self._client: Any = client
        for command in ("XINFO STREAM", "XPENDING", "XRANGE", "XREADGROUP"):
            self._client.set_response_callback(command, _unparsed)
        self._stream, self._group, self._consumer, self._field = stream, group, consumer, field
        self._claim_after_ms = claim_after_ms
        self._delivered: set[bytes] = set()
        """Ids of the entries that `take` returned and that are not acknowledged."""
        self._own_after: bytes | str = _START
        """The id after which this consumer's own pending entries are read next."""
        self._stale_from: bytes | None = b"-"
        """The id from which other consumers' pending entries are searched next; None when all were searched."""
        self._own_exhausted = False
        """Whether this consumer's own pending entries were all read."""
        self._count = _FIRST_COUNT
        """COUNT of the next read: it grows while replies fit the budget, and falls to 1 when one did not."""

    def ensure(self) -> None:
        """Create stream and group where they are missing; a new group starts at the oldest entry, so none is lost."""
        try:
            self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def take(self, most: int) -> Sequence[Message]:
        count = min(most, self._count)
        entries = self._own_pending(count) or self._stale_pending(count) or self._read(">", count)
        if not entries:
            # A reply that was lost on its way leaves entries that are pending here but were never seen: read once more.
            self._own_exhausted, self._own_after = False, _START
            entries = self._own_pending(count)
        self._delivered.update(entry_id for entry_id, _ in entries)
        return [_message(entry_id, fields, self._field) for entry_id, fields in entries]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        if receipts:
            self._client.xack(self._stream, self._group, *receipts)
            self._delivered.difference_update(receipt.encode() for receipt in receipts)

    def peek(self, most: int) -> Sequence[Message]:
        """The oldest entries that were not delivered to the group; pending entries are not among them."""
        after = _START
        if self._client.exists(self._stream):
            groups = self._client.xinfo_groups(self._stream)
            last_ids = {group["name"]: group["last-delivered-id"] for group in groups}
            after = last_ids.get(self._group.encode(), _START.encode()).decode()
        entries = self._within_budget(self._client.xrange(self._stream, min=f"({after}", count=min(most, _FIRST_COUNT)))
        return [_message(entry_id, fields, self._field) for entry_id, fields in entries]

    def missed(self) -> Missed | None:
        """The entries that were deleted before the group read them; None where there are none, or Redis cannot tell.

        Since 7.0 Redis counts all entries ever added and those delivered to a group, and knows the largest id that
        XDEL deleted.
        """
        stream, group = self._info()
        last = group.get("last-delivered-id", _START.encode())
        first = stream.get("recorded-first-entry-id") if stream.get("length") else stream.get("last-generated-id")
        if first is None or "entries-added" not in stream:
            return None
        read_count = 0 if _order(last) == (0, 0) else group.get("entries-read")
        if read_count is not None and (not stream["length"] or _order(first) > _order(last)):
            count = stream["entries-added"] - read_count - stream["length"]
            return Missed(count, last.decode(), first.decode()) if count > 0 else None
        deleted = stream["max-deleted-entry-id"]
        return Missed(None, last.decode(), deleted.decode()) if _order(deleted) > _order(last) else None

    def pass_over(self, missed: Missed) -> None:
        """Move the group's position past the missing entries, or the next run would report them again.

        The position stays where an entry waits to be read, so that no existing entry is skipped.
        """
        stream, group = self._info()
        last = group.get("last-delivered-id", b"")
        waiting = self._client.xrange(self._stream, min=f"({last.decode()}", count=1) if last else True
        if not waiting and _order(last) < _order(missed.until.encode()):
            self._client.xgroup_setid(self._stream, self._group, missed.until, entries_read=stream["entries-added"])

    def _info(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What XINFO says of the stream and of our group; {} for one that does not exist."""
        if not self._client.exists(self._stream):
            return {}, {}
        reply = self._client.xinfo_stream(self._stream)
        groups = {group["name"]: group for group in self._client.xinfo_groups(self._stream)}
        stream = {name.decode(): value for name, value in zip(reply[::2], reply[1::2], strict=False) if name is not CUT}
        return stream, groups.get(self._group.encode(), {})

    def trim(self) -> None:
        """Delete the entries before the oldest one that some group has not acknowledged."""
        bounds = [self._first_needed(group) for group in self._client.xinfo_groups(self._stream)]
        if bounds:
            oldest = min(bounds, key=_order)
            self._client.xtrim(self._stream, minid=oldest, approximate=True)

    def _first_needed(self, group: Mapping[str, Any]) -> bytes:
        """The id of the group's oldest pending entry, or of its last delivered one where none is pending."""
        pending_count, first, *_ = self._client.xpending(self._stream, group["name"])
        return first if pending_count else group["last-delivered-id"]  # type: ignore[no-any-return]

    def _own_pending(self, count: int) -> Sequence[Entry]:
        """This consumer's own pending entries that this subscription has not delivered yet."""
        while not self._own_exhausted:
            entries = self._read(self._own_after, count)
            if not entries:
                self._own_exhausted = True
                break
            self._own_after = entries[-1][0]
            if undelivered := [entry for entry in entries if entry[0] not in self._delivered]:
                return undelivered
        return []

    def _stale_pending(self, count: int) -> Sequence[Entry]:
        """Entries that have been pending at another consumer for so long that it must be dead.

        They are not claimed: they stay with that consumer until they are acknowledged after their commit. A claim of an
        entry that was deleted from the stream makes Redis 7 forget it, and a crash before the commit would lose its
        dead letter.
        """
        while self._stale_from is not None:
            pending = _pending_rows(
                self._client.xpending_range(
                    self._stream, self._group, min=self._stale_from, max="+", count=count, idle=self._claim_after_ms
                )
            )
            self._stale_from = b"(" + pending[-1][0] if pending else None
            if entry_ids := [entry_id for entry_id, consumer in pending if consumer != self._consumer.encode()]:
                return self._look_up(entry_ids)
        return []

    def _look_up(self, entry_ids: Sequence[bytes]) -> Sequence[Entry]:
        """The entries of these ids, oldest first, within the budget of a reply; a deleted entry has no fields.

        The first entry's id always fits into the reply.
        """
        reply = self._client.xrange(self._stream, min=entry_ids[0], max=entry_ids[-1], count=len(entry_ids))
        existing = dict(self._within_budget(reply))
        complete = reply is not CUT and len(existing) == len(reply) and CUT not in existing.values()
        last = entry_ids[-1] if complete and len(reply) < len(entry_ids) else max(existing, key=_order)
        answered = [entry_id for entry_id in entry_ids if _order(entry_id) <= _order(last)]
        if len(answered) < len(entry_ids):
            self._stale_from = b"(" + answered[-1]
        return [(entry_id, existing.get(entry_id)) for entry_id in answered]

    def _read(self, after: bytes | str, count: int) -> Sequence[Entry]:
        """XREADGROUP: new entries for ">", else this consumer's own pending ones after the id."""
        reply = self._client.xreadgroup(self._group, self._consumer, {self._stream: after}, count=count)
        return self._within_budget(reply[0][1]) if reply else []

    def _within_budget(self, items: Any) -> list[Entry]:
        """The entries of a reply up to where its budget ended; adapts COUNT of the next read.

        The fields of the first entry may be CUT: that entry alone is beyond the budget.
        """
        entries: list[Entry] = []
        complete = items is not CUT
        for item in filter(None, items if complete else ()):  # Redis 6.2 replies nil for a deleted entry
            parts: tuple[Any, Any] = tuple(item) if item is not CUT and len(item) == 2 else (CUT, CUT)
            entry_id, fields = parts
            complete = entry_id is not CUT and fields is not CUT and CUT not in (fields or ())
            if complete:
                entries.append((entry_id, list(zip(fields[::2], fields[1::2], strict=True)) if fields else None))
                continue
            if not entries and entry_id is not CUT:
                entries.append((entry_id, CUT))
            break
        if complete:
            self._count = min(self._count * 4, _MOST_COUNT)
        else:
            self._count, self._own_exhausted = 1, False
            self._own_after = entries[-1][0] if entries else _START
        return entries


def _pending_rows(reply: Any) -> list[tuple[bytes, bytes | Cut]]:
    """Ids and consumers of an XPENDING reply up to where its budget ended; the next search goes on after the last id.

    The first row's id always fits. Its consumer may be CUT: a name beyond the budget, and so not this consumer's.
    """
    rows: list[tuple[bytes, bytes | Cut]] = []
    for row in reply:
        entry_id, consumer = [*row, CUT, CUT][:2] if row is not CUT else (CUT, CUT)
        if entry_id is CUT or (rows and consumer is CUT):
            break
        rows.append((entry_id, consumer))
    return rows


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence or 0)


def _unparsed(reply: Any, **_: Any) -> Any:
    """A response callback that leaves the reply alone: redis-py's own would fail over a CUT in it."""
    return reply


def _message(raw_id: bytes, fields: Fields | Cut | None, field: str) -> Message:
    """The entry as a message, with its fault where it has no usable body."""
    entry_id = raw_id.decode()
    id_only = json.dumps({"entry": entry_id}).encode()
    if isinstance(fields, Cut):
        fault = "The entry is larger than the source's `largest` and was not read; have its producer send smaller ones."
        return Message(entry_id, id_only, entry_id, fault, PayloadTooLarge)
    if not fields:
        return Message(entry_id, id_only, entry_id, "The entry was deleted from the stream before it was read.")
    if repeated := _repeated_name(fields, field):
        fault = f"The entry has the field {_text(repeated)!r} more than once; have its producer send it once."
        return Message(entry_id, _all_fields(entry_id, fields), entry_id, fault)
    values = dict(fields)
    if field:
        body = values.get(field.encode())
        if body is not None:
            return Message(entry_id, body, entry_id)
        return Message(entry_id, _all_fields(entry_id, fields), entry_id, f"The entry has no field {field!r}.")
    try:
        texts = {name.decode(): value.decode() for name, value in values.items()}
    except UnicodeDecodeError:
        return Message(entry_id, _all_fields(entry_id, fields), entry_id, "A field of the entry is not UTF-8.")
    return Message(entry_id, json.dumps(texts, ensure_ascii=False).encode(), entry_id)


def _repeated_name(fields: Fields, field: str) -> bytes | None:
    """The first field name that occurs more than once among the fields that are read, if any."""
    counts = Counter(name for name, _ in fields if not field or name == field.encode())
    return next((name for name, count in counts.items() if count > 1), None)


def _all_fields(entry_id: str, fields: Fields) -> bytes:
    """All fields of a faulty entry in JSON; values that are not UTF-8 are in base64.

    Fields with a repeated name become a list of pairs: a replay of an object could take the last for the only value.
    """
    pairs = [(_text(name), _text(value)) for name, value in fields]
    values = dict(pairs)
    content = values if len(values) == len(pairs) else {"entry": entry_id, "fields": pairs}
    return json.dumps(content, ensure_ascii=False).encode()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
