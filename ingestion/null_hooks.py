"""Hooks that do nothing: what production code has in the places where tests look on or step in."""

from __future__ import annotations


def ignore(*arguments: object) -> None:
    """Accept any call."""


def never() -> bool:
    """Answer "no" to a question such as "was this process asked to stop?"."""
    return False
