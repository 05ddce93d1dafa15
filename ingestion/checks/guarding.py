"""A check that cannot be made says so; one that raises would take every other check, and every command, with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, register

from ingestion.core.text import error_text

TAG = "ingestion"
Check = Callable[..., list[CheckMessage]]


def check(*tags: Any, deploy: bool = False) -> Callable[[Check], Check]:
    """Register the decorated function as a system check of this app; what it raises becomes a warning."""

    def declare(function: Check) -> Check:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> list[CheckMessage]:
            return attempt(lambda: function(*args, **kwargs), function.__name__.removeprefix("check_"))

        register(TAG, *tags, deploy=deploy)(guarded)
        return guarded

    return declare


def attempt(look: Callable[[], Iterable[CheckMessage]], subject: str) -> list[CheckMessage]:
    """The messages that `look` finds, or a warning that `subject` could not be checked."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001  whatever it is, it is shown
        return [
            checks.Warning(
                f"Could not check {subject}: {type(error).__name__}: {error_text(error)[:500]}",
                hint="Mend what the message names, then check again: nothing is known about it now.",
                id="ingestion.W013",
            )
        ]
