"""What a source needs of a message broker: two methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from ingestion import RecordError


class Message(NamedTuple):
    """One message as the broker gave it out. Acknowledging its `receipt` removes it there."""

    receipt: str
    body: bytes
    """One JSON object."""
    key: str = ""
    """The message's own id, the same whenever it is given out; the record's key where its body holds none."""
    fault: str = ""
    """Why `body` could not be made of it; the message becomes a dead letter."""
    error: type[RecordError] = RecordError
    """The class of that dead letter."""


class Missed(NamedTuple):
    """Messages that were deleted at the broker before anybody read them: `many` of them, None where it cannot tell.

    They lay behind the message `since` and up to `until`.
    """

    many: int | None
    since: str
    until: str


class Broker(Protocol):
    """One opened subscription. Raises Transient when the broker cannot be reached, CredentialError when it refuses."""

    def take(self, most: int) -> Sequence[Message]:
        """Up to `most` messages that nobody acknowledged, [] when there are none now; never waits for more.

        Also those that were given out to somebody who died. None twice while this subscription is open.
        """
        ...

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """These messages are committed: never give them out again. Receipts of another opening are fine too."""
        ...


@runtime_checkable
class Peeks(Protocol):
    """A broker that can also show messages without giving them out, for dry runs and previews."""

    def peek(self, most: int) -> Sequence[Message]:
        """The oldest messages that wait; asking changes nothing at the broker."""
        ...


@runtime_checkable
class Misses(Protocol):
    """A broker that knows what is missing among the messages it gives out."""

    def missed(self) -> Missed | None: ...

    def pass_over(self, missed: Missed) -> None:
        """It was told of; once nothing waits any more, begin behind it."""
        ...
