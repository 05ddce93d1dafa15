"""One consumer of one group of one Redis Stream, as a broker.

Entries come in this order: those given to this consumer before and not acknowledged (a crash left them), those another
consumer has held for too long, new ones. The consumer has the same name in every run of a connection's pipeline, so
what a dead worker held is found at once.

An answer has a budget of bytes (`bounded`). An entry that alone is beyond it is refused; those behind it were given to
this consumer too and come again as what it has not acknowledged, fewer at a time.
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
_FIRST_ASK = 10
"""Entries of the first ask, whose size nobody knows yet."""
_MOST_ASK = 10_000


class Group:
    """Implements Broker and Peeks."""

    def __init__(
        self, client: redis.Redis, stream: str, group: str, consumer: str, field: str, claim_after_ms: int
    ) -> None:
        self._client: Any = client
        for command in ("XINFO STREAM", "XPENDING", "XRANGE", "XREADGROUP"):
            self._client.set_response_callback(command, _as_it_came)
        self._stream, self._group, self._consumer, self._field = stream, group, consumer, field
        self._claim_after_ms = claim_after_ms
        self._held: set[bytes] = set()
        self._after: bytes | str = _START
        self._look_from: bytes | None = b"-"
        """Where to look next for what others hold; None when all of it was looked at."""
        self._owned = False
        """Whether everything this consumer owned when it was opened has been given out."""
        self._most = _FIRST_ASK
        """Entries asked for at once: more as long as they fit the budget of an answer, one when they did not."""

    def ensure(self) -> None:
        """Make stream and group where they are missing; a new group starts at the oldest entry, so none is lost."""
        try:
            self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def take(self, most: int) -> Sequence[Message]:
        most = min(most, self._most)
        entries = self._left_over(most) or self._forsaken(most) or self._new(most)
        if not entries:
            # An answer lost on its way here leaves entries that are ours and that nobody saw: look once more.
            self._owned, self._after = False, _START
            entries = self._left_over(most)
        self._held.update(number for number, _ in entries)
        return [_message(number, fields, self._field) for number, fields in entries]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        if receipts:
            self._client.xack(self._stream, self._group, *receipts)
            self._held.difference_update(one.encode() for one in receipts)

    def peek(self, most: int) -> Sequence[Message]:
        """From the oldest entry that the group has not seen; those that wait for an acknowledgement are not shown."""
        after = _START
        if self._client.exists(self._stream):
            seen = {one["name"]: one["last-delivered-id"] for one in self._client.xinfo_groups(self._stream)}
            after = seen.get(self._group.encode(), _START.encode()).decode()
        entries = self._fitting(self._client.xrange(self._stream, min=f"({after}", count=min(most, _FIRST_ASK)))
        return [_message(number, fields, self._field) for number, fields in entries]

    def missed(self) -> Missed | None:
        """What was deleted from the stream before the group read it; None where that is nothing, or cannot be told.

        Redis tells since 7.0 how many entries there ever were, how many of them a group was given, and which id was
        the last to be deleted singly.
        """
        stream, group = self._told()
        last = group.get("last-delivered-id", _START.encode())
        first = stream.get("recorded-first-entry-id") if stream.get("length") else stream.get("last-generated-id")
        if first is None or "entries-added" not in stream:
            return None
        read = 0 if _order(last) == (0, 0) else group.get("entries-read")
        if read is not None and (not stream["length"] or _order(first) > _order(last)):
            count = stream["entries-added"] - read - stream["length"]
            return Missed(count, last.decode(), first.decode()) if count > 0 else None
        deleted = stream["max-deleted-entry-id"]
        return Missed(None, last.decode(), deleted.decode()) if _order(deleted) > _order(last) else None

    def pass_over(self, missed: Missed) -> None:
        """Go on behind what is missing, or it would be told of again. Nothing that is there is passed over."""
        stream, group = self._told()
        last = group.get("last-delivered-id", b"")
        waits = self._client.xrange(self._stream, min=f"({last.decode()}", count=1) if last else True
        if not waits and _order(last) < _order(missed.until.encode()):
            self._client.xgroup_setid(self._stream, self._group, missed.until, entries_read=stream["entries-added"])

    def _told(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What Redis knows of the stream and of our group; {} where it is not there."""
        if not self._client.exists(self._stream):
            return {}, {}
        answer = self._client.xinfo_stream(self._stream)
        groups = {one["name"]: one for one in self._client.xinfo_groups(self._stream)}
        stream = {
            name.decode(): value for name, value in zip(answer[::2], answer[1::2], strict=False) if name is not CUT
        }
        return stream, groups.get(self._group.encode(), {})

    def trim(self) -> None:
        """Delete what lies before the oldest entry that some group has not acknowledged."""
        bounds = [self._first_needed(one) for one in self._client.xinfo_groups(self._stream)]
        if bounds:
            oldest = min(bounds, key=_order)
            self._client.xtrim(self._stream, minid=oldest, approximate=True)

    def _first_needed(self, group: Mapping[str, Any]) -> bytes:
        waiting, first, *_ = self._client.xpending(self._stream, group["name"])
        return first if waiting else group["last-delivered-id"]  # type: ignore[no-any-return]

    def _left_over(self, most: int) -> Sequence[Entry]:
        """Entries of this consumer's that it has not acknowledged and not given out since it was opened."""
        while not self._owned:
            entries = self._read(self._after, most)
            if not entries:
                self._owned = True
                break
            self._after = entries[-1][0]
            if fresh := [entry for entry in entries if entry[0] not in self._held]:
                return fresh
        return []

    def _forsaken(self, most: int) -> Sequence[Entry]:
        """Entries that another consumer was given and has not acknowledged for so long that it must be dead.

        They stay that consumer's until they are acknowledged, after their commit. To claim one that is gone from the
        stream would make Redis 7 forget it, so that a crash before the commit lost what is told of it.
        """
        while self._look_from is not None:
            pending = _owners(
                self._client.xpending_range(
                    self._stream, self._group, min=self._look_from, max="+", count=most, idle=self._claim_after_ms
                )
            )
            self._look_from = b"(" + pending[-1][0] if pending else None
            if wanted := [number for number, consumer in pending if consumer != self._consumer.encode()]:
                return self._looked_up(wanted)
        return []

    def _looked_up(self, wanted: Sequence[bytes]) -> Sequence[Entry]:
        """The entries of these ids, oldest first, up to where the answer ended; without fields where they are gone.

        The first entry's id always fits into the answer.
        """
        answer = self._client.xrange(self._stream, min=wanted[0], max=wanted[-1], count=len(wanted))
        there = dict(self._fitting(answer))
        fitted = answer is not CUT and len(there) == len(answer) and not any(one is CUT for one in there.values())
        last = wanted[-1] if fitted and len(answer) < len(wanted) else max(there, key=_order)
        seen = [number for number in wanted if _order(number) <= _order(last)]
        if len(seen) < len(wanted):
            self._look_from = b"(" + seen[-1]
        return [(number, there.get(number)) for number in seen]

    def _new(self, most: int) -> Sequence[Entry]:
        return self._read(">", most)

    def _read(self, after: bytes | str, most: int) -> Sequence[Entry]:
        answer = self._client.xreadgroup(self._group, self._consumer, {self._stream: after}, count=most)
        return self._fitting(answer[0][1]) if answer else []

    def _fitting(self, items: Any) -> list[Entry]:
        """The entries of an answer up to where its budget ended. The first one may be CUT: it alone is beyond it."""
        found: list[Entry] = []
        whole = items is not CUT
        for item in filter(None, items if whole else ()):  # Redis 6.2 gives nothing for an entry that is gone
            parts: tuple[Any, Any] = tuple(item) if item is not CUT and len(item) == 2 else (CUT, CUT)
            number, fields = parts
            whole = number is not CUT and fields is not CUT and CUT not in (fields or ())
            if whole:
                found.append((number, list(zip(fields[::2], fields[1::2], strict=True)) if fields else None))
                continue
            if not found and number is not CUT:
                found.append((number, CUT))
            break
        if whole:
            self._most = min(self._most * 4, _MOST_ASK)
        else:
            self._most, self._owned, self._after = 1, False, found[-1][0] if found else _START
        return found


def _owners(answer: Any) -> list[tuple[bytes, bytes | Cut]]:
    """Ids and consumers of an answer up to where its budget ended; the rest is asked for behind the last one.

    The first row's id always fits. Its consumer may be CUT: a name beyond the budget, and so not ours.
    """
    owners: list[tuple[bytes, bytes | Cut]] = []
    for row in answer:
        number, consumer = [*row, CUT, CUT][:2] if row is not CUT else (CUT, CUT)
        if number is CUT or (owners and consumer is CUT):
            break
        owners.append((number, consumer))
    return owners


def _order(number: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = number.partition(b"-")
    return int(milliseconds), int(sequence or 0)


def _as_it_came(answer: Any, **_: Any) -> Any:
    """redis-py would take apart what may be cut."""
    return answer


def _message(number: bytes, fields: Fields | Cut | None, field: str) -> Message:
    entry_id = number.decode()
    if isinstance(fields, Cut):
        name = json.dumps({"entry": entry_id}).encode()
        fault = "The entry is larger than the source's `largest` and was not read; have its producer send smaller ones."
        return Message(entry_id, name, entry_id, fault, PayloadTooLarge)
    if not fields:
        lost = json.dumps({"entry": entry_id}).encode()
        return Message(entry_id, lost, entry_id, "The entry was deleted from the stream before it was read.")
    if twice := _twice(fields, field):
        fault = f"The entry has the field {_text(twice)!r} more than once; have its producer send it once."
        return Message(entry_id, _whole(entry_id, fields), entry_id, fault)
    values = dict(fields)
    if field:
        body = values.get(field.encode())
        if body is not None:
            return Message(entry_id, body, entry_id)
        return Message(entry_id, _whole(entry_id, fields), entry_id, f"The entry has no field {field!r}.")
    try:
        texts = {name.decode(): value.decode() for name, value in values.items()}
    except UnicodeDecodeError:
        return Message(entry_id, _whole(entry_id, fields), entry_id, "A field of the entry is not UTF-8.")
    return Message(entry_id, json.dumps(texts, ensure_ascii=False).encode(), entry_id)


def _twice(fields: Fields, field: str) -> bytes | None:
    """The first name that stands more than once among those that are read, if any."""
    counts = Counter(name for name, _ in fields if not field or name == field.encode())
    return next((name for name, count in counts.items() if count > 1), None)


def _whole(entry_id: str, fields: Fields) -> bytes:
    """All of an entry that does not fit its form, in JSON: what is no UTF-8 is in base64.

    Fields of which a name stands twice are listed: of an object a replay could take the last value for the only one.
    """
    listed = [(_text(name), _text(value)) for name, value in fields]
    values = dict(listed)
    shown = values if len(values) == len(listed) else {"entry": entry_id, "fields": listed}
    return json.dumps(shown, ensure_ascii=False).encode()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
