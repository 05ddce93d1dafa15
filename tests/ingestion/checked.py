"""The ids of what system checks say."""

from collections.abc import Sequence

from django.core.checks import CheckMessage


def ids(messages: Sequence[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]
