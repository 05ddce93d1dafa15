"""A broker's messages as a source: taken in pages, acknowledged after their commit, drained within a limit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ingestion import (
    ConfigurationError,
    Context,
    Json,
    Keys,
    Page,
    Record,
    Refusal,
    check_keys,
    doubled_error,
    json_page,
    require_keys,
)
from integrations.streams.bounds import require_counts
from integrations.streams.broker import Broker, Message, Missed, Misses, Peeks

_PAGE_BYTES = 8 * 1024 * 1024
_FIRST_TAKE = 10
"""Messages of the first take, whose size nobody knows yet; later ones follow the average."""


MISSED = "messages deleted before they were read"


@dataclass(frozen=True, slots=True)
class Queue:
    """A source over any broker. `open(ctx)` is a context manager around a subscription of this tenant's.

    A page is acknowledged when the next one is asked for, which is after its commit; what a crash leaves unacknowledged
    is in the checkpoint and acknowledged by whoever goes on. A run ends when the broker has nothing more or after
    `limit` messages; the pipeline's schedule brings the next one.
    """

    open: Callable[[Context], AbstractContextManager[Broker]]
    key: str = "id"
    """The body's member that is the record's id; '' takes the broker's own id of the message."""
    page_size: int = 1000
    limit: int = 100_000
    keys: Keys = ()
    """Further keys of a connection's config, for functions of your own: their names, or a pydantic model of them."""

    def __post_init__(self) -> None:
        require_counts("Queue", page_size=self.page_size, limit=self.limit)
        opens: object = self.open
        if not callable(opens):
            raise ConfigurationError(f"open of Queue must be a function of (ctx); it is {opens!r}.")
        json_page((), self.key)  # refuses what cannot name a key
        require_keys("Queue", self.keys)

    def check_config(self, config: Mapping[str, Any]) -> None:
        check_keys(config, ("integration",), self.keys, source=self)

    def totals_of(self, ctx: Context) -> Collection[str]:
        return ()

    def extract(self, ctx: Context, checkpoint: Json) -> Iterator[Page]:
        with self.open(ctx) as broker:
            if ctx.rehearsing:
                yield self._peeked(broker)
                return
            taken = 0
            missed = None
            if checkpoint:
                taken = checkpoint["taken"]
                broker.acknowledge(checkpoint["unacknowledged"])  # committed, or it would not be a checkpoint
            elif isinstance(broker, Misses) and (missed := broker.missed()):
                yield _told(missed)
            while taken < self.limit and (messages := self._gather(broker, self.limit - taken)):
                taken += len(messages)
                receipts = [one.receipt for one in messages]
                yield self._page(messages, {"taken": taken, "unacknowledged": receipts})
                broker.acknowledge(receipts)
            if missed and isinstance(broker, Misses):
                broker.pass_over(missed)

    def is_stream(self) -> bool:
        return True

    def preview(self, ctx: Context) -> Page:
        with self.open(ctx) as broker:
            return self._peeked(broker)

    def test(self, ctx: Context) -> str:
        with self.open(ctx) as broker:
            if not isinstance(broker, Peeks):
                return "The broker answered."
            return "The broker answered; messages wait." if broker.peek(1) else "The broker answered; nothing waits."

    def _peeked(self, broker: Any) -> Page:
        if not isinstance(broker, Peeks):
            raise ConfigurationError(
                f"{type(broker).__name__} cannot show messages without taking them away, so it cannot be rehearsed."
            )
        return self._page(broker.peek(self.page_size), None)

    def _gather(self, broker: Broker, most: int) -> list[Message]:
        """One page's messages, bounded in number and bytes."""
        messages: list[Message] = []
        total = 0
        room = min(self.page_size, most)
        ask = min(_FIRST_TAKE, room)
        while ask > 0 and (part := broker.take(ask)):
            messages += part
            total += sum(len(one.body) for one in part)
            average = max(1, total // len(messages))
            ask = min(room - len(messages), (_PAGE_BYTES - total) // average)
        return messages

    def _page(self, messages: Sequence[Message], checkpoint: Json) -> Page:
        sound = [one for one in messages if not one.fault]
        faulty = [one for one in messages if one.fault]
        refused = [Refusal(Record(one.key, one.body, one.receipt), one.error(one.fault)) for one in faulty]
        if not self.key:
            named = [(Record(one.key, one.body, one.receipt), doubled_error(one.body)) for one in sound]
            refused += [Refusal(record, error) for record, error in named if error]
            return Page([record for record, error in named if not error], checkpoint, refused)
        page = json_page(((one.body, one.receipt) for one in sound), self.key, checkpoint)
        return Page(page.records, checkpoint, [*page.refused, *refused])


def _told(missed: Missed) -> Page:
    """A page without records that says what is missing. Where nobody knows how many, it counts as one."""
    many = "An unknown number of" if missed.many is None else f"{missed.many:,}"
    note = f"{many} {MISSED}, behind {missed.since} and up to {missed.until}: have the producer trim less."
    return Page([], {"taken": 0, "unacknowledged": []}, notes=[note], left_out={MISSED: missed.many or 1})
