"""The interface between a source and a message broker: two methods, and two optional abilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from ingestion import RecordError


class Message(NamedTuple):
    """One message that the broker delivered. Acknowledging its `receipt` removes it there."""

    receipt: str
    body: bytes
    """One JSON object."""
    key: str = ""
    """The message's own id, the same at every delivery; the record's key where the body has none."""
    fault: str = ""
    """Why the message has no usable body; it becomes a dead letter."""
    error: type[RecordError] = RecordError
    """The class of that dead letter."""


class Missed(NamedTuple):
    """Messages that were deleted at the broker before they were read.

    `many` is their number, None where the broker does not know it. They lay after the message `since`, up to `until`.
    """

    many: int | None
    since: str
    until: str


class Broker(Protocol):
    """One opened subscription. Raises Transient when the broker cannot be reached, CredentialError when it refuses."""

    def take(self, most: int) -> Sequence[Message]:
        """Up to `most` unacknowledged messages, [] when there are none now; the broker never waits for more.

        Messages that were delivered to a consumer that died are included. No message comes twice within a subscription.
        """
        ...

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Mark these messages as processed, never to be delivered again. Receipts of an earlier subscription work."""
        ...


@runtime_checkable
class Peeks(Protocol):
    """A broker that can also show messages without delivering them, for dry runs and previews."""

    def peek(self, most: int) -> Sequence[Message]:
        """The oldest waiting messages; the call changes nothing at the broker."""
        ...


@runtime_checkable
class Misses(Protocol):
    """A broker that knows which messages were deleted before they were read."""

    def missed(self) -> Missed | None: ...

    def pass_over(self, missed: Missed) -> None:
        """Continue after the missing messages, which have been reported, once no message waits any more."""
        ...
