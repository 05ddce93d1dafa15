"""A broker's messages as a source: read in pages, each acknowledged after its commit, up to a limit per run."""

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
"""Messages of the first take, whose size is unknown; later takes follow the average size."""
MISSED = "messages deleted before they were read"


@dataclass(frozen=True, slots=True)
class Queue:
    """A source over any broker. `open(ctx)` is a context manager that yields a subscription of the context's tenant.

    A page is acknowledged when the next one is requested, which is after its commit. The checkpoint holds the receipts,
    so that an execution that resumes after a crash acknowledges the committed page. A run ends when the broker has no
    more messages or after `limit` of them; the pipeline's schedule starts the next run.
    """

    open: Callable[[Context], AbstractContextManager[Broker]]
    key: str = "id"
    """The member of the body with the record's id; with '' the broker's own id of the message is the key."""
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
            if ctx.dry_run:
                yield self._peeked(broker)
                return
            count = 0
            missed = None
            if checkpoint:
                count = checkpoint["taken"]
                broker.acknowledge(checkpoint["unacknowledged"])  # a checkpoint exists only after its page's commit
            elif isinstance(broker, Misses) and (missed := broker.missed()):
                yield _page_about(missed)
            while count < self.limit and (messages := self._gather(broker, self.limit - count)):
                count += len(messages)
                receipts = [message.receipt for message in messages]
                yield self._page(messages, {"taken": count, "unacknowledged": receipts})
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
                f"{type(broker).__name__} cannot show messages without taking them away, so no dry run can read it."
            )
        return self._page(broker.peek(self.page_size), None)

    def _gather(self, broker: Broker, most: int) -> list[Message]:
        """The messages of one page, limited in number and bytes."""
        messages: list[Message] = []
        total_bytes = 0
        room = min(self.page_size, most)
        size = min(_FIRST_TAKE, room)
        while size > 0 and (batch := broker.take(size)):
            messages += batch
            total_bytes += sum(len(message.body) for message in batch)
            average = max(1, total_bytes // len(messages))
            size = min(room - len(messages), (_PAGE_BYTES - total_bytes) // average)
        return messages

    def _page(self, messages: Sequence[Message], checkpoint: Json) -> Page:
        """The page of these messages; a faulty message is refused."""
        faulty = [message for message in messages if message.fault]
        refused = [Refusal(_record(message), message.error(message.fault)) for message in faulty]
        sound = [message for message in messages if not message.fault]
        if not self.key:
            checked = [(_record(message), doubled_error(message.body)) for message in sound]
            refused += [Refusal(record, error) for record, error in checked if error]
            return Page([record for record, error in checked if not error], checkpoint, refused)
        page = json_page(((message.body, message.receipt) for message in sound), self.key, checkpoint)
        return Page(page.records, checkpoint, [*page.refused, *refused])


def _record(message: Message) -> Record:
    """The message as a record under the broker's own id."""
    return Record(message.key, message.body, message.receipt)


def _page_about(missed: Missed) -> Page:
    """A page without records that reports the missing messages. An unknown number counts as one."""
    many = "An unknown number of" if missed.many is None else f"{missed.many:,}"
    note = f"{many} {MISSED}, behind {missed.since} and up to {missed.until}: have the producer trim less."
    return Page([], {"taken": 0, "unacknowledged": []}, notes=[note], left_out={MISSED: missed.many or 1})
