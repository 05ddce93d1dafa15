"""Checks of a source's numbers: with a page size of 0 a run would read nothing and succeed."""

from __future__ import annotations

import math

from ingestion import ConfigurationError


def require_counts(kind: str, **counts: object) -> None:
    """Raise ConfigurationError with the name of the first of `counts` that is no whole number above 0."""
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ConfigurationError(f"{name} of {kind} must be a whole number, 1 or more; it is {count!r}.")


def require_seconds(kind: str, **seconds: object) -> None:
    """Raise ConfigurationError with the name of the first of `seconds` that is no number above 0."""
    for name, number in seconds.items():
        valid = isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < math.inf
        if not valid:
            raise ConfigurationError(f"{name} of {kind} must be a number of seconds above 0; it is {number!r}.")
