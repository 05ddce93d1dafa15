"""Meters: what is counted per tenant because it costs money. Declared by name, usually in a `pipelines` module."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ingestion.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Meter:
    """Something a tenant uses up: a stored name, such as "ocr.pages", and what people call it."""

    name: str
    """As in INGESTION["QUOTAS"] and `ctx.spend`: "ocr.pages"."""
    title: str
    """What it counts, for people."""


_meters: dict[str, Meter] = {}


def meter(name: str, title: str) -> Meter:
    """Declare a meter; `ctx.spend(name, amount)` counts on it. Safe to repeat with the same title."""
    noun: object = name
    people: object = title
    parts = name.split(".") if isinstance(noun, str) and 0 < len(name) <= 50 else [""]
    if not all(map(str.isidentifier, parts)):
        raise ConfigurationError(f'{name!r} is not a name of a meter; use "app.noun", at most 50 characters.')
    if not isinstance(people, str) or not title:
        raise ConfigurationError(f"The title of the meter {name!r} must be a text: what people call it.")
    value = Meter(name, title)
    if _meters.setdefault(name, value) != value:
        raise ConfigurationError(f"The meter {name!r} is declared twice: {_meters[name].title!r} and {title!r}.")
    return value


def get(name: str) -> Meter:
    """Raises ConfigurationError for a meter that nobody declared."""
    try:
        return _meters[name]
    except KeyError:
        near = difflib.get_close_matches(name, _meters, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else 'Declare it: ingestion.meter("app.noun", "what it counts").'
        raise ConfigurationError(f"There is no meter {name!r}. {hint}") from None


def registered() -> list[Meter]:
    """All meters by name."""
    return [_meters[name] for name in sorted(_meters)]


def unregister(name: str) -> None:
    """Forget a meter; for tests."""
    _meters.pop(name, None)
